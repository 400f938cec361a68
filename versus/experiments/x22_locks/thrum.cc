// X22 in thrum: locks: free, with a limit of time, contended, for readers and writers, and a counter without one.
#include "experiments/x22_locks/contend.h"

#include <thrum/shared_mutex.h>
#include <thrum/thrum.h>

#include <atomic>
#include <shared_mutex>

namespace {

void in_fibers(long tasks, auto task) {
  thrum::wait_group all;
  for (long i = 0; i < tasks; ++i) all.go([&task, i] { task(i); });
  all.wait();
}

auto contenders(long tasks) {
  return [tasks](long rounds) {
    return contended<thrum::mutex>(rounds, tasks, [](long n, auto task) { in_fibers(n, task); });
  };
}

long with_limit(long rounds) {
  thrum::mutex m;
  volatile long sum = 0;
  for (long i = 0; i < rounds * per_round; ++i)
    if (std::unique_lock hold(m, std::chrono::milliseconds(100)); hold) sum = sum + 1;
  return sum;
}

// Eight fibers, one lock in twenty is a writer's.
long reads(long rounds) {
  thrum::shared_mutex m;
  long a = 0, b = 0;
  std::atomic<long> right{0};
  in_fibers(8, [&](long) {
    long mine = 0;
    for (long i = 0; i < rounds * per_round / 8; ++i) {
      if (i % 20 == 19) {
        std::unique_lock hold(m);
        ++a, ++b, ++mine;
      } else {
        std::shared_lock hold(m);
        mine += a == b;
      }
    }
    right += mine;
  });
  return right;
}

long atomic_counter(long rounds) {
  std::atomic<long> sum{0};
  in_fibers(8, [&](long) {
    for (long i = 0; i < rounds * per_round / 8; ++i)
      sum.fetch_add(1, std::memory_order_relaxed); // relaxed: a counter; in_fibers waits
  });
  return sum;
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X22", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        thrum::mutex m;
        b.measure("free", per_round,
                  [&m](long rounds) { return uncontended<std::lock_guard<thrum::mutex>>(rounds, m); });
        b.measure("limit", per_round, with_limit);
        b.measure("two", per_round, contenders(2));
        b.measure("eight", per_round, contenders(8));
        b.measure("many", per_round, contenders(64));
        fairness<thrum::mutex>(b, [](long n, auto task) { in_fibers(n, task); });
        b.measure("reads", per_round, reads);
        b.measure("atomic", per_round, atomic_counter);
        return 0;
      },
      {.processors = b.processors()});
}
