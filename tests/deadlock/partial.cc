// Deadlocks of a part of a program: `partial NAME` makes one or more of them while a ticker goes on ticking, and obeys orders from
// standard input, a letter each:
//
//   m   make one more ring of two, and go on
//   t   say "it ticks" after some more ticks
//
// So partial_test.cc can see that a ring was reported, that the finder has looked again since, that it has not told the same twice,
// and that the others are well.
#include "cast.h"

#include <chrono>
#include <cstring>
#include <mutex>
#include <pthread.h>
#include <thread>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using deadlock::cast;
using deadlock::lock_both;
using deadlock::meet;

void one_more(cast& all) {
  static thrum::mutex a, b;
  static thrum::latch both(2);
  all.act("left of the last", [] { lock_both(a, b, both); });
  all.act("right of the last", [] { lock_both(b, a, both); });
}

template <class Tick> void obey(cast& all, Tick tick) {
  for (char order; ::read(STDIN_FILENO, &order, 1) == 1;) {
    if (order == 'm') one_more(all);
    if (order != 't') continue;
    for (int i = 0; i < 3; ++i) tick();
    std::printf("it ticks\n");
    std::fflush(stdout);
  }
  ::_exit(0); // nobody can wait for these
}

template <class F> void beside_a_ticker(F f) {
  thrum::run(
      [&] {
        const thrum::chan<int> ticks;
        thrum::go({.name = "ticker"}, [ticks] {
          for (;;) {
            thrum::this_fiber::sleep_for(1ms);
            static_cast<void>(ticks.try_send(1));
          }
        });
        cast all;
        f(all);
        obey(all, [&] { static_cast<void>(ticks.recv()); });
      },
      {.processors = 2, .name = "partial"});
}

// In a runtime that is idle, because thousands nap: looking at them all is not cheap.
void ab_ba_in_a_napping_crowd() {
  thrum::run(
      [] {
        for (int i = 0; i < 2'500; ++i) thrum::go([] { thrum::this_fiber::sleep_for(1h); });
        cast all;
        static thrum::mutex a, b;
        static thrum::latch both(2);
        all.act("left", [] { lock_both(a, b, both); });
        all.act("right", [] { lock_both(b, a, both); });
        obey(all, [] { thrum::this_fiber::sleep_for(1ms); });
      },
      {.processors = 2, .name = "partial"});
}

template <class First, class Second>
void thread_locks_both(const char* name, First& first, Second& second, thrum::latch& all) {
  std::thread([&, name] {
    ::pthread_setname_np(::pthread_self(), name);
    lock_both(first, second, all);
  }).detach();
}

void ab_ba() {
  beside_a_ticker([](cast& all) {
    static thrum::mutex a, b;
    static thrum::latch both(2);
    all.act("left", [] { lock_both(a, b, both); });
    all.act("right", [] { lock_both(b, a, both); });
  });
}
void recursive_ab_ba() {
  beside_a_ticker([](cast& all) {
    static thrum::recursive_mutex a, b;
    static thrum::latch both(2);
    all.act("left", [] { lock_both(a, b, both); });
    all.act("right", [] { lock_both(b, a, both); });
  });
}
void shared_ab_ba() {
  beside_a_ticker([](cast& all) {
    static thrum::shared_mutex a, b;
    static thrum::latch both(2);
    all.act("left", [] { lock_both(a, b, both); });
    all.act("right", [] { lock_both(b, a, both); });
  });
}
void mutex_against_shared() {
  beside_a_ticker([](cast& all) {
    static thrum::mutex a;
    static thrum::shared_mutex b;
    static thrum::latch both(2);
    all.act("left", [] { lock_both(a, b, both); });
    all.act("right", [] {
      const std::lock_guard hold(b);
      meet(both);
      a.lock();
    });
  });
}
void ring_of_three() {
  beside_a_ticker([](cast& all) {
    static thrum::mutex m[3];
    static thrum::latch three(3);
    all.act("first", [] { lock_both(m[0], m[1], three); });
    all.act("second", [] { lock_both(m[1], m[2], three); });
    all.act("third", [] { lock_both(m[2], m[0], three); });
  });
}
void ring_of_a_hundred() {
  beside_a_ticker([](cast& all) {
    static thrum::mutex m[100];
    static thrum::latch seated(100);
    for (int i = 0; i < 100; ++i) all.act("philosopher", [i] { lock_both(m[i], m[(i + 1) % 100], seated); });
  });
}
void join_ring() {
  beside_a_ticker([](cast& all) {
    static thrum::fiber<>*first, *second;
    static thrum::latch known(1);
    first = &all.act("first", [] {
      known.wait();
      second->join();
    });
    second = &all.act("second", [] {
      known.wait();
      first->join();
    });
    known.count_down();
  });
}
void mutex_against_join() {
  beside_a_ticker([](cast& all) {
    static thrum::mutex m;
    all.act("parent", [] {
      const std::lock_guard hold(m);
      cast mine;
      mine.act("child", [] { const std::lock_guard wanted(m); });
      mine.join();
    });
  });
}
void handle_dropped_under_a_mutex() {
  beside_a_ticker([](cast& all) {
    static thrum::mutex m;
    all.act("parent", [] {
      const std::lock_guard hold(m);
      cast mine; // asks the child to stop and joins it; who waits for a mutex does not listen
      mine.act("child", [] { const std::lock_guard wanted(m); });
    });
  });
}
void call_once_cross() {
  beside_a_ticker([](cast& all) {
    static thrum::once_flag a, b;
    static thrum::latch both(2);
    const auto call_both = [](thrum::once_flag& mine, thrum::once_flag& other) {
      thrum::call_once(mine, [&] {
        meet(both);
        thrum::call_once(other, [] {});
      });
    };
    all.act("left", [=] { call_both(a, b); });
    all.act("right", [=] { call_both(b, a); });
  });
}
void call_once_against_mutex() {
  beside_a_ticker([](cast& all) {
    static thrum::once_flag flag;
    static thrum::mutex m;
    static thrum::latch both(2);
    all.act("caller", [] {
      thrum::call_once(flag, [] {
        meet(both);
        m.lock();
      });
    });
    all.act("holder", [] {
      m.lock();
      meet(both);
      thrum::call_once(flag, [] {});
    });
  });
}
void two_rings_at_once() {
  beside_a_ticker([](cast& all) {
    static thrum::mutex a, b, c, d;
    static thrum::latch four(4);
    all.act("left", [] { lock_both(a, b, four); });
    all.act("right", [] { lock_both(b, a, four); });
    all.act("up", [] { lock_both(c, d, four); });
    all.act("down", [] { lock_both(d, c, four); });
  });
}
void queue_behind_a_ring() {
  beside_a_ticker([](cast& all) {
    static thrum::mutex a, b, c;
    static thrum::latch both(2);
    all.act("left", [] { lock_both(a, b, both); });
    all.act("right", [] { lock_both(b, a, both); });
    both.wait();
    for (int i = 0; i < 3; ++i) all.act("victim", [] { const std::lock_guard hold(a); });
    static thrum::latch held(1);
    all.act("first of a chain", [] {
      const std::lock_guard hold(c);
      held.count_down();
      const std::lock_guard wanted(b);
    });
    all.act("last of a chain", [] {
      held.wait();
      const std::lock_guard wanted(c);
    });
  });
}
void across_two_runtimes() {
  static thrum::runtime other({.processors = 1, .name = "other"});
  beside_a_ticker([](cast& all) {
    static thrum::mutex a, b;
    static thrum::latch both(2);
    static cast there(&other);
    all.act("here", [] { lock_both(a, b, both); });
    there.act("there", [] { lock_both(b, a, both); });
  });
}
void thread_and_fiber() {
  beside_a_ticker([](cast& all) {
    static thrum::mutex a, b;
    static thrum::latch both(2);
    thread_locks_both("partner", a, b, both);
    all.act("fiber", [] { lock_both(b, a, both); });
  });
}
void two_threads() {
  beside_a_ticker([](cast&) {
    static thrum::mutex a, b;
    static thrum::latch both(2);
    thread_locks_both("left", a, b, both);
    thread_locks_both("right", b, a, both);
  });
}
void two_threads_each_with_a_fiber() {
  beside_a_ticker([](cast& all) {
    static thrum::mutex a, b, c, d;
    static thrum::latch four(4);
    thread_locks_both("partner", a, b, four);
    all.act("fiber", [] { lock_both(b, a, four); });
    thread_locks_both("stranger", c, d, four);
    all.act("other fiber", [] { lock_both(d, c, four); });
  });
}
void among_two_thousand_that_wait() {
  beside_a_ticker([](cast& all) {
    static thrum::mutex a, b;
    static thrum::latch both(2);
    for (int i = 0; i < 2'000; ++i) thrum::go([] { static_cast<void>(thrum::chan<int>().recv()); });
    all.act("left", [] { lock_both(a, b, both); });
    all.act("right", [] { lock_both(b, a, both); });
  });
}
void beside_fibers_that_compute() {
  beside_a_ticker([](cast& all) {
    static thrum::mutex a, b;
    static thrum::latch both(2);
    for (int i = 0; i < 2; ++i)
      thrum::go([] {
        for (;;) thrum::this_fiber::yield();
      });
    all.act("left", [] { lock_both(a, b, both); });
    all.act("right", [] { lock_both(b, a, both); });
  });
}

struct partial {
  const char* name;
  void (*make)();
};

#define THRUM_PARTIAL(name) {#name, &name}
constexpr partial cases[] = {
    THRUM_PARTIAL(ab_ba),
    THRUM_PARTIAL(ab_ba_in_a_napping_crowd),
    THRUM_PARTIAL(recursive_ab_ba),
    THRUM_PARTIAL(shared_ab_ba),
    THRUM_PARTIAL(mutex_against_shared),
    THRUM_PARTIAL(ring_of_three),
    THRUM_PARTIAL(ring_of_a_hundred),
    THRUM_PARTIAL(join_ring),
    THRUM_PARTIAL(mutex_against_join),
    THRUM_PARTIAL(handle_dropped_under_a_mutex),
    THRUM_PARTIAL(call_once_cross),
    THRUM_PARTIAL(call_once_against_mutex),
    THRUM_PARTIAL(two_rings_at_once),
    THRUM_PARTIAL(queue_behind_a_ring),
    THRUM_PARTIAL(across_two_runtimes),
    THRUM_PARTIAL(thread_and_fiber),
    THRUM_PARTIAL(two_threads),
    THRUM_PARTIAL(two_threads_each_with_a_fiber),
    THRUM_PARTIAL(among_two_thousand_that_wait),
    THRUM_PARTIAL(beside_fibers_that_compute),
};

} // namespace

int main(int argc, char** argv) {
  if (argc == 2)
    for (const partial& p : cases)
      if (std::strcmp(p.name, argv[1]) == 0) {
        p.make();
        return 0;
      }
  std::fprintf(stderr, "usage: partial NAME, with a NAME of the list at the end of partial.cc\n");
  return 2;
}
