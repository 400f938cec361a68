// Serves headers with inlined lock-free paths: the public end of the seam in src/base/atomic.h.
#pragma once

#if defined(THRUM_EXPLORE)
#include "base/atomic.h"
namespace thrum::detail {
using base::atomic;
using base::light_fence;
} // namespace thrum::detail
#else
#include <atomic>
namespace thrum::base {
extern std::atomic<bool> asymmetric_fences; // src/base/atomic.h
}
namespace thrum::detail {
template <class T> using atomic = std::atomic<T>;
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
