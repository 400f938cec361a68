// A program that is asked what it does, with SIGQUIT: `asked CASE`. behaviour/dump_test.cc starts it, sends signals and reads what it
// says. It says "ready" when it may be asked, and ends well when it reads a line.
#include <thrum/inspect.h>
#include <thrum/thrum.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <unistd.h>

namespace {

bool has_handler() {
  struct sigaction present{};
  ::sigaction(SIGQUIT, nullptr, &present);
  return present.sa_handler != SIG_DFL;
}

// Beside a fiber that waits.
template <class F> void serve(F while_it_waits) {
  const thrum::chan<int> never;
  thrum::fiber<> waiter = thrum::spawn({.name = "waiter"}, [never] { static_cast<void>(never.recv()); });
  while_it_waits();
  never.close();
  waiter.join();
}

void say_ready() {
  std::printf("ready\n");
  std::fflush(stdout);
}
void wait_for_a_line() {
  char byte;
  static_cast<void>(!::read(STDIN_FILENO, &byte, 1));
}
void when_thrum_listens() {
  while (!has_handler() || thrum::dump().find("'waiter' waits") == std::string::npos)
    thrum::this_fiber::yield();
  say_ready();
  wait_for_a_line();
}

void on_the_default_runtime() { serve(when_thrum_listens); }
void inside_run() {
  thrum::run([] { serve(when_thrum_listens); }, {.processors = 2});
}
void while_fibers_compute() {
  static std::atomic<bool> enough{false};
  thrum::run(
      [] {
        thrum::wait_group busy;
        for (int i = 0; i < 4; ++i)
          busy.go({.name = "busy"}, [] {
            while (!enough) {}
          });
        serve(when_thrum_listens);
        enough = true;
        busy.wait();
      },
      {.processors = 2});
}
void with_a_handler_of_its_own() {
  struct sigaction own{};
  own.sa_handler = [](int) {
    constexpr char text[] = "the program's own handler\n";
    static_cast<void>(!::write(STDERR_FILENO, text, sizeof text - 1));
  };
  own.sa_flags = SA_RESTART;
  ::sigaction(SIGQUIT, &own, nullptr);
  on_the_default_runtime();
}
void that_ignores_it() {
  std::signal(SIGQUIT, SIG_IGN);
  on_the_default_runtime();
}
void when_nobody_listens() {
  serve([] {
    say_ready();
    wait_for_a_line();
  });
}

struct named {
  const char* name;
  void (*run)();
};
constexpr named cases[] = {
    {"on_the_default_runtime", on_the_default_runtime},
    {"inside_run", inside_run},
    {"while_fibers_compute", while_fibers_compute},
    {"with_a_handler_of_its_own", with_a_handler_of_its_own},
    {"that_ignores_it", that_ignores_it},
    {"when_nobody_listens", when_nobody_listens},
};

} // namespace

int main(int argc, char** argv) {
  if (argc == 2)
    for (const named& c : cases)
      if (std::strcmp(c.name, argv[1]) == 0) {
        c.run();
        return 0;
      }
  std::fprintf(stderr, "usage: asked CASE, with a CASE of the list in asked.cc\n");
  return 2;
}
