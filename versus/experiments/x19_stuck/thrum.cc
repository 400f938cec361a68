// X19 in thrum: programs that are stuck, each in a process of its own; what are we told?
#include "kit/kit.h"

#include <thrum/thrum.h>

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <mutex>
#include <poll.h>
#include <regex>
#include <set>
#include <signal.h>
#include <source_location>
#include <spawn.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using namespace std::chrono_literals;

// Announces the line that it is called in: one that starts a task which is going to be stuck.
const char* place(const char* name, std::source_location here = std::source_location::current()) {
  std::printf("place %u\n", static_cast<unsigned>(here.line()));
  std::fflush(stdout);
  return name;
}

void lock_both(thrum::mutex& first, thrum::mutex& second, thrum::latch& both) {
  const std::lock_guard hold(first);
  both.arrive_and_wait();
  second.lock();
}
void start_ring() {
  static thrum::mutex a, b;
  static thrum::latch both(2);
  thrum::go({.name = place("left")}, [] { lock_both(a, b, both); });
  thrum::go({.name = place("right")}, [] { lock_both(b, a, both); });
}
void start_hundred(thrum::wait_group& all) {
  const thrum::chan<int> c;
  const char* name = nullptr;
  for (int i = 0; i < 100; ++i) {
    const auto receive = [c] { static_cast<void>(c.recv()); };
    all.go({.name = name = name ? name : place("one of many")}, receive);
  }
  for (int i = 0; i < 97; ++i) c.send(i);
}
void tick(std::chrono::milliseconds time) {
  for (const auto end = std::chrono::steady_clock::now() + time; std::chrono::steady_clock::now() < end;)
    thrum::this_fiber::sleep_for(10ms);
}

struct planted {
  const char* name;
  void (*plant)();
};
const planted cases[] = {
    {"close",
     [] {
       const thrum::chan<int> c;
       thrum::fiber<> consumer = thrum::spawn({.name = place("consumer")}, [c] {
         for ([[maybe_unused]] const int v : c) {}
       });
       c.send(1); // and no c.close()
       consumer.join();
     }},
    {"group",
     [] {
       static thrum::wait_group all;
       all.add(4);
       for (int i = 0; i < 3; ++i) thrum::go([] { all.done(); });
       thrum::spawn({.name = place("collector")}, [] { all.wait(); }).join();
     }},
    {"promise",
     [] {
       const thrum::chan<int> answer;
       thrum::spawn({.name = place("asker")}, [answer] { static_cast<void>(answer.recv()); }).join();
     }},
    {"locks",
     [] {
       start_ring();
       thrum::latch(1).wait();
     }},
    {"ring",
     [] {
       start_ring();
       tick(1h);
     }},
    {"hundred",
     [] {
       thrum::wait_group all;
       start_hundred(all);
       all.wait();
     }},
    {"leak",
     [] {
       static thrum::wait_group all;
       start_hundred(all);
       tick(300ms);
     }},
};

struct seen {
  double missing = 100; // of what a programmer has to be told, in percent
  double ms = 0;        // until it was told, or the program ended, or was given up
  bool is_stuck = false;
};

const std::regex told("deadlock|unsettled|never ended|still wait", std::regex::icase);
const std::regex what("\\b(receive|mutex|lock|wait_?group|latch|future|promise|queue)\\b", std::regex::icase);

seen watch(const char* name, double limit_ms) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  char self[] = "/proc/self/exe";
  char plant[] = "--plant";
  char* arguments[] = {self, plant, const_cast<char*>(name), nullptr};
  pid_t child = 0;
  const int error = ::posix_spawn(&child, self, &actions, nullptr, arguments, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (error != 0) return {};

  seen s;
  std::string text;
  std::set<std::string> places;
  double begin = kit::wall_ns();
  double over = begin + (limit_ms + 10'000) * 1e6;
  for (;;) {
    const double left_ms = (over - kit::wall_ns()) / 1e6;
    pollfd file{ends[0], POLLIN, 0};
    char piece[4096];
    const int ready = left_ms > 0 ? ::poll(&file, 1, static_cast<int>(left_ms) + 1) : 0;
    const ssize_t n = ready > 0 ? ::read(ends[0], piece, sizeof piece) : 0;
    if (n > 0) text.append(piece, static_cast<std::size_t>(n));
    for (std::size_t at = text.find("place "); at != std::string::npos; at = text.find("place ", at + 1))
      places.insert(text.substr(at + 6, text.find('\n', at) - at - 6));
    if (!s.is_stuck && !places.empty()) {
      s.is_stuck = true;
      begin = kit::wall_ns();
      over = begin + limit_ms * 1e6;
    }
    if (s.ms == 0 && (n <= 0 || std::regex_search(text, told))) s.ms = (kit::wall_ns() - begin) / 1e6;
    if (n <= 0) break;
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  if (std::regex_search(text, told)) {
    const bool where = std::all_of(places.begin(), places.end(), [&](const std::string& line) {
      return text.find("thrum.cc:" + line) != std::string::npos;
    });
    s.missing = 100.0 * (2 - std::regex_search(text, what) - where) / 3;
  }
  return s;
}

} // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--plant") == 0) {
    for (const planted& p : cases)
      if (std::strcmp(p.name, argv[2]) == 0) thrum::run(p.plant);
    return 0;
  }
  kit::bench b("X19", "thrum", argc, argv);
  std::vector<std::thread> watchers;
  std::mutex printing;
  for (const planted& p : cases)
    if (b.wants(p.name))
      watchers.emplace_back([&] {
        const seen s = watch(p.name, b.quick() ? 3'000 : 10'000);
        const std::lock_guard hold(printing);
        b.emit(p.name, 1, "missing", s.missing, "%");
        b.emit(p.name, 1, "time", s.ms, "ms");
        b.emit(p.name, 1, "check", s.is_stuck, "count");
      });
  for (std::thread& w : watchers) w.join();
}
