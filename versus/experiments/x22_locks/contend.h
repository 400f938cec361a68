// contend: what the C++ programs of X22 share: tasks that want the same lock, whatever kind of tasks and locks they are.
#pragma once

#include "kit/kit.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <numeric>
#include <vector>

constexpr long per_round = 64;

// Lock, add, unlock; nobody else is there. `lock` has been made; the sum is volatile, as what a lock guards is read each time.
template <class Hold, class Lock> long uncontended(long rounds, Lock& lock) {
  volatile long sum = 0;
  for (long i = 0; i < rounds * per_round; ++i) {
    Hold hold(lock);
    sum = sum + 1;
  }
  return sum;
}

// `all(tasks, task)` calls task(i) in as many tasks and waits for them.
template <class Lock, class All> long contended(long rounds, long tasks, All all) {
  Lock lock;
  long sum = 0;
  all(tasks, [&](long) {
    for (long i = rounds * per_round / tasks; i > 0; --i) {
      std::lock_guard hold(lock);
      ++sum;
    }
  });
  return sum;
}

// A little work: the lock is held for some 200 ns.
inline unsigned work(unsigned x) {
  for (int i = 0; i < 100; ++i) x ^= x << 13, x ^= x >> 17, x ^= x << 5;
  return x;
}

// Eight tasks take the lock as often as they can: by how much does the one that gets it least fall short of the average?
template <class Lock, class All> void fairness(const kit::bench& b, All all) {
  if (!b.wants("fair")) return;
  constexpr long tasks = 8;
  const double seconds = b.quick() ? 0.2 : 1;
  Lock lock;
  unsigned state = 1;
  long sum = 0;
  std::vector<long> each(tasks);
  const double end = kit::wall_ns() + seconds * 1e9;
  all(tasks, [&](long i) {
    long mine = 0;
    for (; kit::wall_ns() < end; ++mine) {
      std::lock_guard hold(lock);
      state = work(state);
      ++sum;
    }
    each[static_cast<std::size_t>(i)] = mine;
  });
  const double least = static_cast<double>(*std::min_element(each.begin(), each.end()));
  const long total = std::accumulate(each.begin(), each.end(), 0L);
  b.emit("fair", sum, "short", 100 * (1 - least * tasks / static_cast<double>(total)), "%");
  b.emit("fair", sum, "turn", seconds * 1e9 / static_cast<double>(sum), "ns/op");
  b.emit("fair", sum, "check", state != 0 ? static_cast<double>(total) : 0, "count");
}
