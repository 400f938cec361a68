// Stands in for wait/lock.h when what is explored lies above the guard: a guard that is taken in one step, so that the search is
// spent on what it guards. The guard itself is explored in lock_explore.cc.
//
//   L3  word_: release store -> acquire take, or load: what L2 and L3 are in the real one.
#pragma once

#include "base/atomic.h"
#include "base/sanitizer.h"
#include "base/spin_lock.h"
#include "wait/thread_context.h"

#include <cstdint>

namespace thrum::wait {

class lock {
public:
  using held = base::atomic<std::uint8_t>*;

  lock() = default;
  lock(const lock&) = delete;
  lock& operator=(const lock&) = delete;

  held acquire(const thread_context&) noexcept {
    word_.take(1, std::memory_order_acquire); // L3
    return &word_;
  }
  held acquire_seldom(const thread_context& me) noexcept { return acquire(me); }
  static void release(held what) noexcept { what->store(0, std::memory_order_release); } // L3
  void wait_until_free() const noexcept {
    while (word_.load(std::memory_order_acquire) != 0) base::relax(); // L3
  }

private:
  base::atomic<std::uint8_t> word_{0};
};

} // namespace thrum::wait
