// Serves every header with an inlined fast path: who is running here?
//
// One thread-local pointer, read by volatile assembly so that no compiler keeps it in a register across a park. A
// fiber may park on one thread and go on on another; gcc and clang both cache the address (and under -fPIC the
// value) of an ordinary thread_local across such a call, and then work on the other thread's copy.
// Rule: never hold the result across anything that may park; call self() again.
//
// Cost: one load from the thread control block and one indirection, about 0.3 ns.
#pragma once

#include <thrum/detail/atomic.h>

namespace thrum::wait {

struct agent; // somebody who can wait: a fiber or a thread

// What inlined code may know of the calling thread; src/wait/thread_context.h has the rest.
struct thread_head {
  agent* current = nullptr; // who runs on this thread now
  // The mutex that this thread is unlocking at the moment, or null (src/sync/mutex.cc). Written by this thread.
  detail::atomic<const void*> unlocking{nullptr};
};

} // namespace thrum::wait

extern "C" {
// Defined in src/wait/guest.cc. Null on a thread that thrum has not met yet.
extern constinit thread_local thrum::wait::thread_head* thrum_self_
    __attribute__((tls_model("initial-exec"), visibility("default")));
// The same for code that locks; null also while locks are watched (src/sync/lock_order.h), so that locking leads into the library then
// and costs nothing else.
extern constinit thread_local thrum::wait::thread_head* thrum_locker_
    __attribute__((tls_model("initial-exec"), visibility("default")));
}

namespace thrum::detail {

#if defined(__x86_64__)
#define THRUM_READ_HEAD(variable)                                                                            \
  asm volatile("movq " variable "@gottpoff(%%rip), %0\n\tmovq %%fs:(%0), %0" : "=r"(context))
#elif defined(__aarch64__)
#define THRUM_READ_HEAD(variable)                                                                            \
  wait::thread_head** slot;                                                                                  \
  asm volatile("mrs %0, tpidr_el0\n\t"                                                                       \
               "adrp %1, :gottprel:" variable "\n\t"                                                         \
               "ldr %1, [%1, :gottprel_lo12:" variable "]\n\t"                                               \
               "ldr %1, [%0, %1]"                                                                            \
               : "=&r"(slot), "=&r"(context))
#else
#error "thrum supports x86-64 and aarch64; porting means one file in src/env/<cpu>/ and this accessor"
#endif

[[gnu::always_inline]] inline wait::thread_head* self() noexcept {
  wait::thread_head* context;
  THRUM_READ_HEAD("thrum_self_");
  return context;
}

[[gnu::always_inline]] inline wait::thread_head* locker() noexcept {
#if defined(THRUM_EXPLORE)
  return self(); // models are not watched
#else
  wait::thread_head* context;
  THRUM_READ_HEAD("thrum_locker_");
  return context;
#endif
}

#undef THRUM_READ_HEAD

} // namespace thrum::detail
