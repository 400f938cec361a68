// compute: the work of the C++ programs, and how they compare many tasks with one.
#pragma once

#include "kit/kit.h"

#include <algorithm>
#include <atomic>

// It calls nothing and waits for nothing; xorshift never gets to zero. (The compiler is not to see that it has no effects: it would
// move it past the clock, or leave it out.)
[[gnu::noinline]] inline unsigned compute(long steps) {
  unsigned x = 1;
  asm volatile("" : "+r"(x)::"memory");
  for (long i = 0; i < steps; ++i) x ^= x << 13, x ^= x >> 17, x ^= x << 5;
  asm volatile("" : "+r"(x)::"memory");
  return x;
}

// The best of some tries: what a machine that does other things, too, can show.
inline double best_of(const kit::bench& b, auto f) {
  double best = f();
  for (int i = b.quick() ? 2 : 6; i > 0; --i) best = std::min(best, f());
  return best;
}

template <class F> double wall_of(F f) {
  const double start = kit::wall_ns();
  f();
  return kit::wall_ns() - start;
}

// How much longer P tasks take than one. all(tasks, task) calls task() in as many tasks and waits for them.
template <class All> void speedup(const kit::bench& b, const char* variant, long processors, All all) {
  if (!b.wants(variant)) return;
  const long steps = b.quick() ? 8'000'000 : 40'000'000;
  unsigned wanted = 0;
  std::atomic<long> right{0};
  double alone = 1e18;
  const double together = best_of(b, [&] {
    alone = std::min(alone, wall_of([&] { wanted = compute(steps); }));
    right = 0;
    return wall_of([&] { all(processors, [&] { right += compute(steps) == wanted; }); });
  });
  b.emit(variant, processors, "slowdown", together / alone, "times one");
  b.emit(variant, processors, "check", static_cast<double>(right), "count");
}

// Tasks of a microsecond each.
template <class All> void fine_grained(const kit::bench& b, long processors, All all) {
  if (!b.wants("fine")) return;
  const long n = b.quick() ? 30'000 : 400'000, probe = 4'000'000;
  const double ns = best_of(b, [&] {
    const double from = kit::cpu_ns(); // not wall time: on a busy machine that would make the tasks too small
    (void)compute(probe);
    return kit::cpu_ns() - from;
  });
  const long steps = std::max(1L, static_cast<long>(1000 * probe / ns));
  std::atomic<long> right{0};
  double work = 1e18, work_wall = 1e18, wall = 1e18;
  const double cpu = best_of(b, [&] {
    double from = kit::cpu_ns();
    work_wall = std::min(work_wall, wall_of([&] {
                           for (long i = 0; i < n; ++i)
                             if (compute(steps) == 0) std::abort();
                         }));
    work = std::min(work, kit::cpu_ns() - from);
    right = 0;
    from = kit::cpu_ns();
    wall = std::min(wall, wall_of([&] {
                      all(n, [&] {
                        if (compute(steps) != 0)
                          right.fetch_add(1, std::memory_order_relaxed); // relaxed: all() waits
                      });
                    }));
    return kit::cpu_ns() - from;
  });
  b.emit("fine", n, "lost", std::max(0.0, 100 * (1 - work / cpu)), "%");
  b.emit("fine", n, "slowdown", wall * static_cast<double>(processors) / work_wall, "times one");
  b.emit("fine", n, "check", static_cast<double>(right), "count");
}

// Tasks of some 10 us: all of them started by one task, by the time that they take if P tasks start as many each.
// all(tasks, task): see above.
template <class All> void skewed(const kit::bench& b, long processors, All all) {
  if (!b.wants("skewed")) return;
  const long steps = 5000, each = (b.quick() ? 2'000 : 20'000) / processors, n = each * processors;
  const unsigned wanted = compute(steps);
  std::atomic<long> right{0};
  const auto task = [&] {
    if (compute(steps) == wanted) right.fetch_add(1, std::memory_order_relaxed); // relaxed: all() waits
  };
  double even = 1e18, skew = 1e18;
  for (int i = b.quick() ? 3 : 7; i > 0; --i) {
    right = 0;
    even = std::min(even, wall_of([&] { all(processors, [&] { all(each, task); }); }));
    skew = std::min(skew, wall_of([&] { all(1, [&] { all(n, task); }); }));
  }
  b.emit("skewed", n, "skew", skew / even, "times even");
  b.emit("skewed", n, "check", static_cast<double>(right) / 2, "count");
}
