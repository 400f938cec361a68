// A program that is watched with THRUM_CONSOLE: `watched CASE`. console/*_test.cc start it. It says "ready" when it may be looked at, and
// ends well when it reads a line.
#include <thrum/thrum.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace {

void say_ready() {
  std::printf("ready\n");
  std::fflush(stdout);
}
void wait_for_a_line() {
  char byte;
  static_cast<void>(!::read(STDIN_FILENO, &byte, 1));
}
// Begins fibers that wait for each other's channel, and comes back when all of them do.
struct waiters {
  thrum::chan<int> never;
  thrum::task_group<> group{{.name = "waiters"}};
  explicit waiters(int n) {
    thrum::latch begun(n);
    for (int i = 0; i < n; ++i)
      group.spawn({.name = "a \"waiter\""}, [this, &begun] {
        begun.count_down();
        static_cast<void>(never.recv());
      });
    begun.wait();
  }
  ~waiters() { never.close(); }
};

void waits() {
  thrum::run(
      [] {
        const waiters five(5);
        say_ready();
        wait_for_a_line();
      },
      {.processors = 2, .name = "quiet \\ one"});
}

// Fibers that compute, and one that blocks, in the hands of so many threads. It is ready when all of them are at it, which a plain
// thread sees.
void hog(int computing, const thrum::options& o) {
  static std::atomic<bool> enough{false};
  static std::atomic<int> at_it{0};
  std::thread watcher([computing] {
    while (at_it != computing + 1) std::this_thread::yield();
    say_ready();
  });
  thrum::run(
      [computing] {
        thrum::task_group<> group;
        for (int i = 0; i < computing; ++i)
          group.spawn({.name = "hog"}, [] {
            ++at_it;
            while (!enough) {}
          });
        group.spawn({.name = "blocked"}, [] {
          ++at_it;
          wait_for_a_line();
          enough = true;
        });
        group.join();
      },
      o);
  watcher.join();
}

void hogged() { hog(2, {.processors = 2, .name = "hogged"}); }
// No thread is left that could take a processor over.
void kept() { hog(1, {.processors = 2, .name = "kept", .max_threads = 2}); }

void pools() {
  thrum::run([] {
    thrum::blocking_pool disks("disks", 2);
    thrum::task_group<> group;
    group.spawn({.name = "reader"}, [&] {
      thrum::blocking(disks, [] {
        say_ready();
        wait_for_a_line();
      });
    });
    group.join();
  });
}

// The last fiber waits for ever, and nobody is left who could wake it: when a line was read.
void deadlock() {
  thrum::run([] {
    say_ready();
    wait_for_a_line();
    static_cast<void>(thrum::chan<int>(nullptr).recv());
  });
}

// Runtimes come and go; the console stays.
void twice() {
  thrum::run([] {}, {.name = "first"});
  thrum::run(
      [] {
        say_ready();
        wait_for_a_line();
      },
      {.name = "second"});
}

// A dump of it has some 500 KB: ninety places of spawn, in functions with long names.
template <int N> struct long_name {
  using type = std::pair<typename long_name<N - 1>::type, typename long_name<N - 1>::type>;
};
template <> struct long_name<0> {
  using type = int;
};
template <class T, std::size_t> void wait_in(thrum::task_group<>& group, const thrum::chan<int>& never) {
  group.spawn([never] { static_cast<void>(never.recv()); });
}
void talkative() {
  thrum::run([] {
    const thrum::chan<int> never;
    thrum::task_group<> group;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (wait_in<long_name<8>::type, I>(group, never), ...);
    }(std::make_index_sequence<90>());
    say_ready();
    wait_for_a_line();
    never.close();
  });
}

// A copy of the process ends, in exit().
void forks() {
  thrum::run([] {});
  const pid_t copy = ::fork();
  if (copy == 0) std::exit(0);
  int status = 0;
  ::waitpid(copy, &status, 0);
  if (status == 0) say_ready();
  wait_for_a_line();
}

struct named {
  const char* name;
  void (*run)();
};
constexpr named cases[] = {
    {"waits", waits},       {"hogged", hogged}, {"kept", kept},   {"pools", pools},
    {"deadlock", deadlock}, {"twice", twice},   {"forks", forks}, {"talkative", talkative},
};

} // namespace

int main(int argc, char** argv) {
  if (argc >= 2)
    for (const named& c : cases)
      if (std::strcmp(c.name, argv[1]) == 0) {
        c.run();
        return 0;
      }
  std::fprintf(stderr, "usage: watched CASE, with a CASE of the list in watched.cc\n");
  return 2;
}
