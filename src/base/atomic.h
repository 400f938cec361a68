// The seam: every lock-free core of thrum is written against the names in this file, never against std::atomic.
//
// In an ordinary build they are the standard library's. Under the `explore` preset they are the explorer's
// (base/explore/), which runs a small program once for every interleaving and for every value that the memory
// model lets a load return. So the code that is explored is the code that ships.
//
// Rules for code that uses them (tools/check_atomics enforces the first two):
//   - every access names its memory order;
//   - every access stronger than relaxed ends with a pairing label, and the label stands on both ends;
//   - a loop that waits for another thread calls relax() in each turn.
#pragma once

#include <atomic>
#include <cstdint>

#if defined(THRUM_EXPLORE)
#include "base/explore/atomic.h"
#include "base/explore/guarded.h"
#endif

namespace thrum::base {

#if defined(THRUM_EXPLORE)
using explore::atomic;
using explore::guarded;
using explore::heavy_fence;
using explore::light_fence;
using explore::relax;
using explore::thread_fence;
#else

template <class T> using atomic = std::atomic<T>;

// A plain variable that something else orders: a guard, a hand-over. The explorer checks each access for data races.
template <class T> using guarded = T;

// The thread sanitizer does not model fences; where one matters for data (not only for who sees which flag), the
// code uses an ordered access instead, so that the sanitizer's verdicts stay right.
inline void thread_fence(std::memory_order order) noexcept {
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan"
#endif
  std::atomic_thread_fence(order);
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
}

// One turn of a loop that waits for another thread.
inline void relax() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
}

// The two halves of an asymmetric fence. Thread 1: a store, light_fence(), a load. Thread 2: a store, heavy_fence(),
// a load. At least one of the two loads sees the other thread's store, as if both fences were sequentially
// consistent. The light half costs nothing at run time (it only stops the compiler); the heavy half is a system call
// that makes every running thread of the process execute a full fence (membarrier), 0.3 to 14 us. Where the kernel
// refuses membarrier both halves are real fences. Both are defined for every thread at any time.
extern std::atomic<bool>
    asymmetric_fences; // env/linux/fence.cc; becomes true once, when membarrier is registered
inline void light_fence() noexcept {
  if (__builtin_expect(asymmetric_fences.load(std::memory_order_relaxed),
                       true)) // relaxed: either branch is correct
    std::atomic_signal_fence(std::memory_order_seq_cst);
  else
    thread_fence(std::memory_order_seq_cst);
}
void heavy_fence() noexcept; // env/linux/fence.cc
#endif

} // namespace thrum::base
