// The library before main, after main, and while a program ends: `around_main CASE`. behaviour/program_test.cc starts it once
// for each case and looks at what it prints and how it ends.
#include <thrum/thrum.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

namespace {

// Everything that needs a scheduler: fibers that are joined, channels, a mutex, a sleep.
int work() {
  static thrum::mutex m;
  const thrum::chan<int> c(2);
  thrum::fiber<int> sum = thrum::spawn([c] {
    int all = 0;
    for (const int v : c) {
      thrum::this_fiber::sleep_for(std::chrono::microseconds(10));
      const std::lock_guard hold(m);
      all += v;
    }
    return all;
  });
  for (int i = 1; i <= 10; ++i) c.send(i);
  c.close();
  return sum.join();
}

void tell(const char* when) {
  std::printf("%s: %d\n", when, work());
  std::fflush(stdout);
}

const char* wanted = "";

struct early_and_late {
  early_and_late() { at_start = work(); }
  ~early_and_late() {
    if (std::strcmp(wanted, "statics") == 0) tell("static destructor");
  }
  int at_start;
};
const early_and_late object;
// Constant initialisers: usable before any constructor has run.
constinit thrum::mutex constant_mutex;
constinit thrum::wait_group constant_group;

void statics() {
  std::printf("static constructor: %d\n", object.at_start);
  std::atexit([] { tell("atexit"); });
  tell("main");
}

// Fibers of the default runtime that are parked, computing and sleeping while static objects die around them.
void running_fibers_at_the_end() {
  static std::atomic<int> begun{0};
  for (int i = 0; i < 20; ++i) {
    thrum::go([] {
      ++begun;
      static_cast<void>(thrum::chan<int>(nullptr).recv());
    });
    thrum::go([] {
      ++begun;
      for (;;) thrum::this_fiber::yield();
    });
    thrum::go([] {
      ++begun;
      for (;;) thrum::this_fiber::sleep_for(std::chrono::microseconds(20));
    });
  }
  while (begun < 60) thrum::this_fiber::yield();
  std::printf("main returns\n");
}

void exit_in_a_fiber_of_the_default_runtime() {
  thrum::spawn([] {
    std::atexit([] { std::printf("atexit\n"); });
    std::exit(7);
  }).join();
}

void exit_in_a_fiber_of_a_runtime() {
  thrum::run([] {
    for (int i = 0; i < 10; ++i) thrum::go([] { static_cast<void>(thrum::chan<int>(nullptr).recv()); });
    std::exit(7);
  });
}

void exit_on_a_thread_that_used_the_library() {
  std::thread([] {
    work();
    std::exit(7);
  }).join();
}

// A thread that is still inside the library when main returns.
void waiting_thread_at_the_end() {
  static std::atomic<bool> there{false};
  std::thread([c = thrum::chan<int>()] { // a handle of its own: a static one would die around it
    there = true;
    static_cast<void>(c.recv());
  })
      .detach();
  while (!there) std::this_thread::yield();
  std::printf("main returns\n");
}

void many_threads_make_the_default_runtime() {
  std::vector<std::thread> threads;
  std::atomic<int> sum{0};
  for (int i = 0; i < 16; ++i) threads.emplace_back([&] { sum += work(); });
  for (auto& t : threads) t.join();
  std::printf("sum: %d\n", sum.load());
}

struct named {
  const char* name;
  void (*run)();
};
constexpr named cases[] = {
    {"statics", statics},
    {"running_fibers_at_the_end", running_fibers_at_the_end},
    {"exit_in_a_fiber_of_the_default_runtime", exit_in_a_fiber_of_the_default_runtime},
    {"exit_in_a_fiber_of_a_runtime", exit_in_a_fiber_of_a_runtime},
    {"exit_on_a_thread_that_used_the_library", exit_on_a_thread_that_used_the_library},
    {"waiting_thread_at_the_end", waiting_thread_at_the_end},
    {"many_threads_make_the_default_runtime", many_threads_make_the_default_runtime},
};

} // namespace

int main(int argc, char** argv) {
  if (argc == 2)
    for (const named& c : cases)
      if (std::strcmp(c.name, argv[1]) == 0) {
        wanted = c.name;
        constant_mutex.lock();
        constant_mutex.unlock();
        constant_group.wait();
        c.run();
        return 0;
      }
  std::fprintf(stderr, "usage: around_main CASE, with a CASE of the list in around_main.cc\n");
  return 2;
}
