// What the primitives cost when nobody has to wait, and what a wait and its wake-up cost on one processor. Micro-benches
// guard against regressions; they claim nothing about the world.
#include <benchmark/benchmark.h>

#include <thrum/atomic.h>
#include <thrum/barrier.h>
#include <thrum/condition_variable.h>
#include <thrum/go.h>
#include <thrum/latch.h>
#include <thrum/mutex.h>
#include <thrum/once.h>
#include <thrum/rcu.h>
#include <thrum/runtime.h>
#include <thrum/semaphore.h>
#include <thrum/sharded_counter.h>
#include <thrum/shared_mutex.h>
#include <thrum/spawn.h>
#include <thrum/this_fiber.h>
#include <thrum/timer.h>
#include <thrum/wait_group.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <thread>
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
void rcu_read(benchmark::State& s) {
  each(s, [] { const std::scoped_lock region(rcu_default_domain()); });
}
void rcu_read_in_a_domain_of_ones_own(benchmark::State& s) {
  rcu_domain d;
  each(s, [&] { const std::scoped_lock region(d); });
}
void rcu_read_by_an_object(benchmark::State& s) {
  each(s, [] { const rcu_region region; });
}
void rcu_synchronize_nobody(benchmark::State& s) { // one heavy fence
  each(s, [] { rcu_synchronize(); });
}
void rcu_retire_delete(benchmark::State& s) { // with its deletion, some at a time
  rcu_domain d;
  struct object : rcu_obj_base<object> {};
  int count = 0;
  each(s, [&] {
    (new object)->retire({}, d);
    if (++count % 1'000 == 0) rcu_barrier(d);
  });
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
void atomic_notify_nobody(benchmark::State& s) {
  atomic<int> a{0};
  each(s, [&] { a.notify_one(); });
}
void atomic_wait_that_need_not(benchmark::State& s) {
  atomic<int> a{0};
  each(s, [&] { a.wait(1, std::memory_order_acquire); });
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
BENCHMARK(rcu_read);
BENCHMARK(rcu_read_in_a_domain_of_ones_own);
BENCHMARK(rcu_read_by_an_object);
BENCHMARK(rcu_synchronize_nobody);
BENCHMARK(rcu_retire_delete);
BENCHMARK(semaphore_acquire_release);
BENCHMARK(notify_nobody);
BENCHMARK(atomic_notify_nobody);
BENCHMARK(atomic_wait_that_need_not);
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

// Of a turn: 0 is that of who asks, 1 of who answers, 2 the end.
template <class Atomic> void answer(Atomic& turn) {
  for (;;) {
    turn.wait(0, std::memory_order_acquire);
    if (turn.load(std::memory_order_relaxed) == 2) return;
    turn.store(0, std::memory_order_release);
    turn.notify_one();
  }
}
template <class Atomic> void ask(benchmark::State& s, Atomic& turn) {
  for (auto _ : s) {
    turn.store(1, std::memory_order_release);
    turn.notify_one();
    turn.wait(1, std::memory_order_acquire);
  }
  turn.store(2, std::memory_order_release);
  turn.notify_one();
}
void atomic_round_trip(benchmark::State& s) { // two waits
  in_a_fiber([&] {
    atomic<int> turn{0};
    auto other = spawn([&] { answer(turn); });
    ask(s, turn);
    other.join();
  });
}
// The standard's, between two threads, which is what it is for.
void standard_atomic_round_trip(benchmark::State& s) {
  std::atomic<int> turn{0};
  std::thread other([&] { answer(turn); });
  ask(s, turn);
  other.join();
}
// One waits among as many others, each for an atomic of its own.
void atomic_round_trip_among(benchmark::State& s) {
  in_a_fiber([&] {
    std::vector<atomic<int>> flags(static_cast<std::size_t>(s.range(0)));
    wait_group all;
    for (auto& f : flags) all.go([&f] { f.wait(0); });
    atomic<int> turn{0};
    auto other = spawn([&] { answer(turn); });
    ask(s, turn);
    other.join();
    for (auto& f : flags) {
      f.store(1);
      f.notify_one();
    }
    all.wait();
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
BENCHMARK(atomic_round_trip);
BENCHMARK(atomic_round_trip_among)->Arg(1'000)->Arg(100'000);
BENCHMARK(standard_atomic_round_trip)->UseRealTime();
BENCHMARK(wait_group_go);
BENCHMARK(barrier_of_ten);

// ---- one count for all threads. The time is what one addition takes one of the threads.

void add_to_an_atomic(benchmark::State& s) {
  static std::atomic<std::int64_t> count{0};
  for (auto _ : s) count.fetch_add(1, std::memory_order_relaxed);
}
void add_to_a_sharded_counter(benchmark::State& s) {
  static sharded_counter count;
  for (auto _ : s) count.add();
}
void sum_of_a_sharded_counter(benchmark::State& s) {
  sharded_counter count;
  for (auto _ : s) benchmark::DoNotOptimize(count.sum());
}
BENCHMARK(add_to_an_atomic)->ThreadRange(1, 4)->UseRealTime();
BENCHMARK(add_to_a_sharded_counter)->ThreadRange(1, 4)->UseRealTime();
BENCHMARK(sum_of_a_sharded_counter);

// ---- readers on several threads. The time is what one takes one of the threads.

void readers_of_a_shared_mutex(benchmark::State& s) {
  static shared_mutex m;
  for (auto _ : s) const std::shared_lock hold(m);
}
void readers_in_a_region(benchmark::State& s) {
  for (auto _ : s) const std::scoped_lock region(rcu_default_domain());
}
BENCHMARK(readers_of_a_shared_mutex)->ThreadRange(1, 4)->UseRealTime();
BENCHMARK(readers_in_a_region)->ThreadRange(1, 4)->UseRealTime();

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
