// What the primitives cost when nobody has to wait, and what a wait and its wake-up cost on one processor. Micro-benches
// guard against regressions; they claim nothing about the world.
#include <benchmark/benchmark.h>

#include <thrum/barrier.h>
#include <thrum/condition_variable.h>
#include <thrum/go.h>
#include <thrum/latch.h>
#include <thrum/mutex.h>
#include <thrum/once.h>
#include <thrum/runtime.h>
#include <thrum/semaphore.h>
#include <thrum/shared_mutex.h>
#include <thrum/spawn.h>
#include <thrum/this_fiber.h>
#include <thrum/timer.h>
#include <thrum/wait_group.h>

#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

namespace thrum {
namespace {

using namespace std::chrono_literals;

// Runs the loop of a benchmark in a fiber, on one processor.
template <class F> void in_a_fiber(F f) { run(f, {.processors = 1}); }

template <class Op> void each(benchmark::State& state, Op op) {
  in_a_fiber([&] {
    for (auto _ : state) op();
  });
}

// ---- nobody waits

void mutex_lock_unlock(benchmark::State& s) {
  mutex m;
  each(s, [&] { const std::lock_guard hold(m); });
}
void shared_mutex_read(benchmark::State& s) {
  shared_mutex m;
  each(s, [&] { const std::shared_lock hold(m); });
}
void shared_mutex_write(benchmark::State& s) {
  shared_mutex m;
  each(s, [&] { const std::lock_guard hold(m); });
}
void semaphore_acquire_release(benchmark::State& s) {
  counting_semaphore<> p(1);
  each(s, [&] {
    p.acquire();
    p.release();
  });
}
void notify_nobody(benchmark::State& s) {
  condition_variable c;
  each(s, [&] { c.notify_one(); });
}
void call_once_called(benchmark::State& s) {
  once_flag f;
  each(s, [&] { call_once(f, [] {}); });
}
void call_once_new(benchmark::State& s) {
  each(s, [] {
    once_flag f;
    call_once(f, [] {});
  });
}
void latch_new(benchmark::State& s) {
  each(s, [] {
    latch l(1);
    l.count_down();
    l.wait();
  });
}
void wait_group_add_done(benchmark::State& s) {
  wait_group g;
  g.add();
  each(s, [&] {
    g.add();
    g.done();
  });
  g.done();
}
void barrier_of_one(benchmark::State& s) {
  barrier b(1);
  each(s, [&] { b.arrive_and_wait(); });
}
BENCHMARK(mutex_lock_unlock);
BENCHMARK(shared_mutex_read);
BENCHMARK(shared_mutex_write);
BENCHMARK(semaphore_acquire_release);
BENCHMARK(notify_nobody);
BENCHMARK(call_once_called);
BENCHMARK(call_once_new);
BENCHMARK(latch_new);
BENCHMARK(wait_group_add_done);
BENCHMARK(barrier_of_one);

// ---- somebody does, on one processor

void semaphore_round_trip(benchmark::State& s) { // two hand-overs
  in_a_fiber([&] {
    binary_semaphore ping(0);
    binary_semaphore pong(0);
    bool over = false;
    auto other = spawn([&] {
      for (;;) {
        ping.acquire();
        if (over) return;
        pong.release();
      }
    });
    for (auto _ : s) {
      ping.release();
      pong.acquire();
    }
    over = true;
    ping.release();
    other.join();
  });
}

void condition_variable_round_trip(benchmark::State& s) { // two waits
  in_a_fiber([&] {
    mutex m;
    condition_variable c;
    int turn = 0;
    bool over = false;
    auto other = spawn([&] {
      std::unique_lock hold(m);
      for (;;) {
        c.wait(hold, [&] { return turn == 1 || over; });
        if (over) return;
        turn = 0;
        c.notify_one();
      }
    });
    std::unique_lock hold(m);
    for (auto _ : s) {
      turn = 1;
      c.notify_one();
      c.wait(hold, [&] { return turn == 0; });
    }
    over = true;
    c.notify_one();
    hold.unlock();
    other.join();
  });
}

// A thousand fibers a time; the time is for one.
void wait_group_go(benchmark::State& s) {
  in_a_fiber([&] {
    for (auto _ : s) {
      wait_group g;
      for (int i = 0; i < 1'000; ++i) g.go([] {});
      g.wait();
    }
  });
  s.SetItemsProcessed(s.iterations() * 1'000);
}

void barrier_of_ten(benchmark::State& s) { // one phase
  in_a_fiber([&] {
    barrier b(10);
    bool over = false;
    wait_group g;
    for (int i = 0; i < 9; ++i)
      g.go([&] {
        while (!over) b.arrive_and_wait();
      });
    for (auto _ : s) b.arrive_and_wait();
    over = true;
    b.arrive_and_wait();
    g.wait();
  });
}
BENCHMARK(semaphore_round_trip);
BENCHMARK(condition_variable_round_trip);
BENCHMARK(wait_group_go);
BENCHMARK(barrier_of_ten);

// ---- timers

void the_clock(benchmark::State& s) { // what timers pay for "from now"
  each(s, [] { benchmark::DoNotOptimize(detail::steady_now()); });
}
void timer_make_stop(benchmark::State& s) {
  int calls = 0;
  each(s, [&] {
    timer t(1s, [&] { ++calls; });
    t.stop();
  });
}
void timer_make_stop_at(benchmark::State& s) { // a deadline that is known
  int calls = 0;
  const auto later = std::chrono::steady_clock::now() + 1h;
  each(s, [&] {
    timer t(later, [&] { ++calls; });
    t.stop();
  });
}
void timer_make_stop_large(benchmark::State& s) { // 64 bytes of function
  struct {
    char bytes[64];
  } payload{};
  each(s, [&] {
    timer t(1s, [payload] { benchmark::DoNotOptimize(&payload); });
    t.stop();
  });
}
void timer_reset(benchmark::State& s) {
  in_a_fiber([&] {
    timer t(1h, [] {});
    for (auto _ : s) t.reset(1h);
  });
}
void timer_make_stop_among_100k(benchmark::State& s) {
  in_a_fiber([&] {
    std::vector<timer> others;
    for (int i = 0; i < 100'000; ++i) others.emplace_back(1h + i * 1ms, [] {});
    for (auto _ : s) {
      timer t(1s, [] {});
      t.stop();
    }
  });
}
void timer_fire(benchmark::State& s) { // a thousand at a time, due at once; the time is for one
  in_a_fiber([&] {
    for (auto _ : s) {
      wait_group g;
      g.add(1'000);
      std::vector<timer> all;
      all.reserve(1'000);
      for (int i = 0; i < 1'000; ++i) all.emplace_back(0s, [&g] { g.done(); });
      g.wait();
    }
  });
  s.SetItemsProcessed(s.iterations() * 1'000);
}
void timer_make_stop_in_a_thread(benchmark::State& s) {
  for (auto _ : s) {
    timer t(1h, [] {});
    t.stop();
  }
}
BENCHMARK(the_clock);
BENCHMARK(timer_make_stop);
BENCHMARK(timer_make_stop_at);
BENCHMARK(timer_make_stop_large);
BENCHMARK(timer_reset);
BENCHMARK(timer_make_stop_among_100k);
BENCHMARK(timer_fire);
BENCHMARK(timer_make_stop_in_a_thread);

} // namespace
} // namespace thrum

BENCHMARK_MAIN();
