#include "harness/machine.h"

#include "harness/files.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <sched.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

namespace versus {
namespace {

// The text after `key` and ':' or '=' on its line.
std::string field(const std::string& text, const std::string& key) {
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::min(text.find('\n', at), text.size());
    if (text.compare(at, key.size(), key) == 0) {
      std::size_t from = text.find_first_of(":=", at);
      if (from < end) {
        from = text.find_first_not_of(" \t:=\"", from);
        std::size_t to = text.find_last_not_of(" \t\"", end - 1);
        if (from <= to && to < end) return text.substr(from, to - from + 1);
      }
    }
    at = end + 1;
  }
  return "";
}

// Processors by the container's time limit; a huge number when there is none.
double limited_cpus() {
  double quota = 0, period = 0;
  std::string limit = read_file("/sys/fs/cgroup/cpu.max");
  if (std::sscanf(limit.c_str(), "%lf %lf", &quota, &period) == 2 && period > 0) return quota / period;
  return 1e9;
}

std::string stamp(const char* how) {
  time_t now = time(nullptr);
  tm local{};
  localtime_r(&now, &local);
  char text[64];
  strftime(text, sizeof text, how, &local);
  return text;
}

} // namespace

machine this_machine() {
  machine m;
  std::string info = read_file("/proc/cpuinfo");
  m.cpu = field(info, "model name");
  if (m.cpu.empty()) m.cpu = field(info, "Hardware");
  m.system = field(read_file("/etc/os-release"), "PRETTY_NAME");
  utsname u{};
  uname(&u);
  m.kernel = std::string(u.sysname) + " " + u.release + " " + u.machine;
  m.name = u.nodename;
  if (m.cpu.empty()) m.cpu = u.machine;
  cpu_set_t set;
  CPU_ZERO(&set);
  int usable = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  m.cpus = std::max(1, static_cast<int>(std::min(static_cast<double>(usable), limited_cpus() + 0.999)));
  m.memory_mib = std::atof(field(read_file("/proc/meminfo"), "MemTotal").c_str()) / 1024;
  return m;
}

std::string machine::line() const {
  char memory[32];
  std::snprintf(memory, sizeof memory, "%.0f GiB", memory_mib / 1024);
  return cpu + ", " + std::to_string(cpus) + (cpus == 1 ? " CPU, " : " CPUs, ") + memory + ", " + system +
         ", " + kernel;
}

double load_average() { return std::atof(read_file("/proc/loadavg").c_str()); }

double available_mib() {
  double mib = std::atof(field(read_file("/proc/meminfo"), "MemAvailable").c_str()) / 1024;
  std::string limit = read_file("/sys/fs/cgroup/memory.max"),
              used = read_file("/sys/fs/cgroup/memory.current");
  if (!limit.empty() && limit[0] != 'm') // "max"
    mib = std::min(mib, (std::atof(limit.c_str()) - std::atof(used.c_str())) / (1 << 20));
  return mib;
}

double busy_cpu_seconds() {
  double user = 0, nice = 0, system = 0, idle = 0, wait = 0, hard = 0, soft = 0, stolen = 0;
  std::string text = read_file("/proc/stat");
  if (std::sscanf(text.c_str(), "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &user, &nice, &system, &idle, &wait,
                  &hard, &soft, &stolen) < 8)
    return -1;
  return (user + nice + system + hard + soft + stolen) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::string date_and_time() { return stamp("%Y-%m-%d %H:%M:%S"); }
std::string file_stamp() { return stamp("%Y%m%d-%H%M%S"); }

} // namespace versus
