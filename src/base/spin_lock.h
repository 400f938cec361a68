// spin_lock: mutual exclusion for short sections of the runtime's slow paths. Never held across a park or a user's code.
// The hot locks of primitives are wait::lock (wait/lock.h).
#pragma once

#include "base/atomic.h"

namespace thrum::base {

// One turn of a loop that waits for a lock: pauses, and now and then lets another thread run, because the holder may
// have lost its CPU. Defined in env/linux/back_off.cc; under the explorer it is relax().
#if defined(THRUM_EXPLORE)
inline void back_off(unsigned) noexcept { relax(); }
#else
void back_off(unsigned turn) noexcept;
#endif

class spin_lock {
public:
  // Orderings
  //   S1  unlock's release store -> lock's acquire exchange: the next holder sees everything done under the lock.
  void lock() noexcept {
    for (unsigned turn = 0; word_.exchange(1, std::memory_order_acquire) != 0; ++turn) // S1
      while (word_.load(std::memory_order_relaxed) != 0) back_off(turn++); // relaxed: the exchange decides
  }
  bool try_lock() noexcept {
    return word_.load(std::memory_order_relaxed) == 0 &&      // relaxed: the exchange decides
           word_.exchange(1, std::memory_order_acquire) == 0; // S1
  }
  void unlock() noexcept { word_.store(0, std::memory_order_release); } // S1

private:
  atomic<std::uint32_t> word_{0};
};

class [[nodiscard]] spin_guard {
public:
  explicit spin_guard(spin_lock& lock) noexcept : lock_(lock) { lock_.lock(); }
  ~spin_guard() { lock_.unlock(); }
  spin_guard(const spin_guard&) = delete;
  spin_guard& operator=(const spin_guard&) = delete;

private:
  spin_lock& lock_;
};

} // namespace thrum::base
