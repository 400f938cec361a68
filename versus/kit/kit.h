// kit: times one variant of an experiment and prints the result as JSON lines, for the C++ programs.
// The same measure, in the same steps, exists for every runtime: see ../README.md.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <sys/resource.h>
#include <time.h>

namespace kit {

inline double wall_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

// Processor time of the whole process, user and system.
inline double cpu_ns() {
  rusage u{};
  getrusage(RUSAGE_SELF, &u);
  auto ns = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_usec) * 1e3;
  };
  return ns(u.ru_utime) + ns(u.ru_stime);
}

// One field of /proc/<process>/status: VmRSS and its like in bytes, Threads as it is. 0: of this process.
inline double status(std::string_view key, int process = 0) {
  double found = 0;
  const std::string who = process == 0 ? "self" : std::to_string(process);
  FILE* f = std::fopen(("/proc/" + who + "/status").c_str(), "re");
  if (f == nullptr) return 0;
  for (char line[256]; std::fgets(line, sizeof line, f) != nullptr;) {
    if (std::strncmp(line, key.data(), key.size()) != 0 || line[key.size()] != ':') continue;
    found = std::strtod(line + key.size() + 1, nullptr) * (std::strstr(line, " kB") != nullptr ? 1024 : 1);
    break;
  }
  std::fclose(f);
  return found;
}

// What the process occupies: pages, page tables, and 16 KiB of kernel stack for each thread.
inline double resident(int process = 0) {
  return status("VmRSS", process) + status("VmPTE", process) + 16384 * status("Threads", process);
}

// The same by kind: resident pages (stacks and heap), page tables, kernel stacks.
struct kinds {
  double pages = 0, tables = 0, kernel = 0;

  kinds operator-(const kinds& before) const {
    return {pages - before.pages, tables - before.tables, kernel - before.kernel};
  }
  kinds operator+(const kinds& other) const {
    return {pages + other.pages, tables + other.tables, kernel + other.kernel};
  }
  double total() const { return pages + tables + kernel; }
};

inline kinds resident_kinds() { return {status("VmRSS"), status("VmPTE"), 16384 * status("Threads")}; }

// What another process has for itself, by kind, in MiB: pages that it shares with nobody, page tables, kernel stacks.
inline kinds own_kinds(int process) {
  constexpr double mebibyte = 1 << 20;
  double pages = 0;
  if (FILE* f = std::fopen(("/proc/" + std::to_string(process) + "/smaps_rollup").c_str(), "re")) {
    for (char line[256]; std::fgets(line, sizeof line, f) != nullptr;)
      if (std::strncmp(line, "Private_", 8) == 0)
        pages += std::strtod(std::strchr(line, ':') + 1, nullptr) * 1024;
    std::fclose(f);
  }
  return {pages / mebibyte, status("VmPTE", process) / mebibyte,
          16384 * status("Threads", process) / mebibyte};
}

// As many descriptors as the system grants.
inline void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// The most that it has occupied so far.
inline double peak() { return status("VmHWM") + status("VmPTE") + 16384 * status("Threads"); }

// resident() once it stands still. `pause` lets 20 ms pass in the way of the runtime under test.
template <class Pause> double settled(Pause pause) {
  for (double last = -1e18;;) {
    pause();
    double now = resident();
    if (std::fabs(now - last) <= 128 * 1024) return now;
    last = now;
  }
}

// Waits `depth` calls deep, in frames of about 256 bytes: how real code waits.
template <class Wait> [[gnu::noinline]] long deep(int depth, Wait& wait) {
  volatile char frame[192];
  frame[depth] = 0;
  if (depth > 0) return deep(depth - 1, wait) + 1 + frame[depth];
  wait();
  return frame[depth];
}

class bench {
public:
  // Reads the command line: [--quick] [--processors N] [variant...]
  bench(const char* exp, const char* runtime, int argc, char** argv) : exp_(exp), runtime_(runtime) {
    for (int i = 1; i < argc; ++i) {
      std::string_view arg = argv[i];
      if (arg == "--quick")
        quick_ = true;
      else if (arg == "--processors" && i + 1 < argc)
        processors_ = std::atoi(argv[++i]);
      else
        wanted_.emplace_back(arg);
    }
  }

  bool quick() const { return quick_; }
  unsigned processors() const { return static_cast<unsigned>(processors_); } // 0: all usable ones
  bool wants(std::string_view variant) const {
    return wanted_.empty() || std::find(wanted_.begin(), wanted_.end(), variant) != wanted_.end();
  }

  void emit(const char* variant, long n, const char* metric, double value, const char* unit) const {
    std::string suffix = processors_ > 0 ? std::to_string(processors_) : "all";
    std::printf("{\"exp\":\"%s\",\"rt\":\"%s\",\"variant\":\"%s@%s\",\"n\":%ld,\"metric\":\"%s\","
                "\"value\":%.17g,\"unit\":\"%s\"}\n",
                exp_, runtime_, variant, suffix.c_str(), n, metric, value, unit);
    std::fflush(stdout);
  }

  // What n tasks occupy: the figure, and what it consists of.
  void emit_memory(const char* variant, long n, const kinds& held, const char* unit) const {
    const double tasks = static_cast<double>(n);
    emit(variant, n, "memory", held.total() / tasks, unit);
    std::string suffix = processors_ > 0 ? std::to_string(processors_) : "all";
    std::printf(
        "{\"exp\":\"%s\",\"rt\":\"%s\",\"variant\":\"%s@%s\",\"n\":%ld,\"metric\":\"memory\",\"unit\":\"%s\","
        "\"parts\":{\"pages\":%.17g,\"page tables\":%.17g,\"kernel stacks\":%.17g}}\n",
        exp_, runtime_, variant, suffix.c_str(), n, unit, held.pages / tasks, held.tables / tasks,
        held.kernel / tasks);
    std::fflush(stdout);
  }

  // How late the ticks of a plan were, over time: tick i was due i + 1 periods after the start and ran late[i] after
  // that (microseconds, not sorted). The time until the last ran is cut in 300 slots, and the latest tick of each is kept.
  void emit_lateness(const char* variant, const std::vector<double>& late, double period) const {
    constexpr std::size_t slots = 300;
    struct tick {
      double at = 0, late = -1;
    };
    std::vector<tick> kept(slots);
    double span = 0;
    for (std::size_t i = 0; i < late.size(); ++i)
      span = std::max(span, static_cast<double>(i + 1) * period + late[i]);
    for (std::size_t i = 0; i < late.size(); ++i) {
      const double at = static_cast<double>(i + 1) * period + late[i];
      tick& slot = kept[std::min(slots - 1, static_cast<std::size_t>(at / span * slots))];
      if (late[i] >= 0 && late[i] > slot.late) slot = {at, late[i]};
    }
    std::string pairs;
    char text[64];
    for (const tick& t : kept) {
      if (t.late < 0) continue;
      std::snprintf(text, sizeof text, "%s[%.0f,%.0f]", pairs.empty() ? "" : ",", t.at, t.late);
      pairs += text;
    }
    if (pairs.empty()) return;
    std::string suffix = processors_ > 0 ? std::to_string(processors_) : "all";
    std::printf(
        "{\"exp\":\"%s\",\"rt\":\"%s\",\"variant\":\"%s@%s\",\"n\":%zu,\"metric\":\"late\",\"unit\":\"us\","
        "\"series\":[%s]}\n",
        exp_, runtime_, variant, suffix.c_str(), late.size(), pairs.c_str());
    std::fflush(stdout);
  }

  // Times f(rounds), where a round is `per` operations, and lets rounds grow until a sample is long
  // enough. f returns a count or a sum that shows that the work was done.
  template <class F> void measure(const char* variant, long per, F f) {
    if (!wants(variant)) return;
    const double target = quick_ ? 100e6 : 200e6;
    bool reported = false;
    auto once = [&](long rounds, bool report) {
      double cpu = cpu_ns(), start = wall_ns();
      auto check = f(rounds);
      double wall = wall_ns() - start;
      if (report || wall >= 4 * target) {
        long n = rounds * per;
        emit(variant, n, "cpu", (cpu_ns() - cpu) / static_cast<double>(n), "ns/op");
        emit(variant, n, "wall", wall / static_cast<double>(n), "ns/op");
        emit(variant, n, "check", static_cast<double>(check), "count");
        reported = true;
      }
      return wall;
    };
    long rounds = 1;
    for (;;) {
      double wall = once(rounds, false);
      if (wall >= target / 8 || rounds > (1L << 50) / per) {
        rounds = 1 + static_cast<long>(static_cast<double>(rounds) * target / wall);
        break;
      }
      rounds *= wall < target / 64 ? 8 : 2;
    }
    if (!reported) once(rounds, true);
  }

private:
  const char* exp_;
  const char* runtime_;
  bool quick_ = false;
  int processors_ = 0;
  std::vector<std::string> wanted_;
};

} // namespace kit
