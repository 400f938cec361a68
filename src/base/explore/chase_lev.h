// For tests and the bench of the explorer: the work-stealing deque of Chase and Lev with the orders of Le,
// Pop, Cohen and Zappa Nardelli (2013), over a fixed buffer. What each of its fences and loads
// is for is well known, so a mutation gate that lets one go unnoticed is broken.
//
// Orderings
//   C1  push: item store, fence(release), bottom store      => who sees the bottom sees the item
//       steal: bottom load(acquire), item load
//   C2  pop: bottom store, fence(seq_cst), top load
//       steal: top load, fence(seq_cst), bottom load
//       => of an owner and a thief who want the last item, at least one sees the other's move
//   C3  steal: top load(acquire): a thief that sees a top that another thief advanced also sees the bottom
//       that one saw
//   C4  the compare-and-exchange on top decides who has the last item
#pragma once

#include "base/atomic.h"

#include <array>
#include <cstdint>

namespace thrum::base::explore {

class chase_lev {
public:
  static constexpr int empty = -1;
  static constexpr int lost = -2; // another thief was quicker

  void push(int item) {
    const std::int64_t b = bottom_.load(std::memory_order_relaxed); // relaxed: the owner's own
    item_at(b).store(item, std::memory_order_relaxed);              // relaxed: C1 publishes it
    thread_fence(std::memory_order_release);                        // C1
    bottom_.store(b + 1, std::memory_order_relaxed);                // relaxed: behind the fence of C1
  }

  int pop() {
    const std::int64_t b = bottom_.load(std::memory_order_relaxed) - 1; // relaxed: the owner's own
    bottom_.store(b, std::memory_order_relaxed);                        // relaxed: C2
    thread_fence(std::memory_order_seq_cst);                            // C2
    std::int64_t t = top_.load(std::memory_order_relaxed);              // relaxed: C2
    if (t > b) {
      bottom_.store(b + 1, std::memory_order_relaxed); // relaxed: nothing is published
      return empty;
    }
    int item = item_at(b).load(std::memory_order_relaxed); // relaxed: the owner's own
    if (t == b) {
      if (!top_.compare_exchange_strong(t, t + 1, std::memory_order_seq_cst, std::memory_order_relaxed)) // C4
        item = empty;
      bottom_.store(b + 1, std::memory_order_relaxed); // relaxed: nothing is published
    }
    return item;
  }

  int steal() {
    std::int64_t t = top_.load(std::memory_order_acquire);          // C3
    thread_fence(std::memory_order_seq_cst);                        // C2
    const std::int64_t b = bottom_.load(std::memory_order_acquire); // C1
    if (t >= b) return empty;
    const int item =
        item_at(t).load(std::memory_order_relaxed); // relaxed: the exchange decides whether it counts
    return top_.compare_exchange_strong(t, t + 1, std::memory_order_seq_cst, std::memory_order_relaxed) // C4
               ? item
               : lost;
  }

private:
  atomic<int>& item_at(std::int64_t i) { return items_[static_cast<std::uint64_t>(i) % items_.size()]; }

  atomic<std::int64_t> top_{0};
  atomic<std::int64_t> bottom_{0};
  std::array<atomic<int>, 4> items_;
};

} // namespace thrum::base::explore
