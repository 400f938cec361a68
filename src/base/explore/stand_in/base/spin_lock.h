// Stands in for base/spin_lock.h when what is explored lies above it: taken in one step, so that waiting costs no turns. The lock
// itself is explored in spin_lock_explore.cc.
#pragma once

#include "base/atomic.h"

namespace thrum::base {

inline void back_off(unsigned) noexcept { relax(); }

class spin_lock {
public:
  void lock() noexcept { word_.take(1, std::memory_order_acquire); }
  bool try_lock() noexcept { return word_.exchange(1, std::memory_order_acquire) == 0; }
  void unlock() noexcept { word_.store(0, std::memory_order_release); }

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
