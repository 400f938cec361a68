// global_queue: what belongs to no processor. Two levels, each first in first out: the front (timers, I/O, spawns from
// plain threads, work from other runtimes) and the tail (fibers that were preempted). The front is served first.
//
// A lock and two intrusive lists: never full, never allocates, and rarely touched.
#pragma once

#include "base/cache_line.h"
#include "base/spin_lock.h"

#include <thrum/detail/task.h>

namespace thrum::sched {

class alignas(base::destructive_interference) global_queue {
public:
  void push_front_level(detail::runnable& r) noexcept { push(front_, r); }
  void push_tail_level(detail::runnable& r) noexcept { push(tail_, r); }

  // Orderings
  //   Q1  size_ is written under the lock; a reader without it only decides whether to take the lock.
  bool empty() const noexcept { return size_.load(std::memory_order_relaxed) == 0; } // relaxed: Q1

  // Takes up to `limit` items in order, linked through `link`; null if there are none.
  detail::runnable* pop(unsigned limit) noexcept {
    if (empty()) return nullptr;
    const base::spin_guard guard(lock_);
    detail::runnable* first = nullptr;
    detail::runnable** end = &first;
    unsigned n = 0;
    for (list* l : {&front_, &tail_})
      while (n < limit && l->first != nullptr) {
        detail::runnable* r = l->first;
        l->first = r->link;
        if (l->first == nullptr) l->last = nullptr;
        *end = r;
        end = &r->link;
        ++n;
      }
    *end = nullptr;
    size_.store(size_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed); // relaxed: Q1
    return first;
  }

  std::uint32_t size() const noexcept { return size_.load(std::memory_order_relaxed); } // relaxed: Q1

private:
  struct list {
    detail::runnable* first = nullptr;
    detail::runnable* last = nullptr;
  };

  void push(list& l, detail::runnable& r) noexcept {
    const base::spin_guard guard(lock_);
    r.link = nullptr;
    (l.last ? l.last->link : l.first) = &r;
    l.last = &r;
    size_.store(size_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); // relaxed: Q1
  }

  base::spin_lock lock_; // guards the lists
  list front_;
  list tail_;
  base::atomic<std::uint32_t> size_{0};
};

} // namespace thrum::sched
