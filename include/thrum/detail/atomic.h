// Serves headers with inlined lock-free paths: the public end of the seam in src/base/atomic.h.
#pragma once

#include <cstddef>

#if defined(THRUM_EXPLORE)
#include "base/atomic.h"
namespace thrum::detail {
using base::atomic;
using base::light_fence;
// An explored atomic is that big.
constexpr std::size_t room_for(std::size_t bytes) noexcept { return bytes * 32; }
inline constexpr std::size_t room_alignment = 64;
} // namespace thrum::detail
#else
#include <atomic>
namespace thrum::base {
extern std::atomic<bool> asymmetric_fences; // src/base/atomic.h
}
namespace thrum::detail {
template <class T> using atomic = std::atomic<T>;
// The size of raw bytes that hold a private state of `bytes` with atomics in it.
constexpr std::size_t room_for(std::size_t bytes) noexcept { return bytes; }
inline constexpr std::size_t room_alignment = 8;
// The cheap half of an asymmetric fence; src/base/atomic.h explains it.
inline void light_fence() noexcept {
  if (__builtin_expect(base::asymmetric_fences.load(std::memory_order_relaxed),
                       true)) // relaxed: either branch is correct
    std::atomic_signal_fence(std::memory_order_seq_cst);
  else
    std::atomic_thread_fence(std::memory_order_seq_cst);
}
} // namespace thrum::detail
#endif
