// blocking(f) calls f(), which will block its thread for long: the others do not wait until that is noticed.
//
//   std::string name = thrum::blocking([] { return slow_lookup(); });
//
// It is never needed: a fiber that blocks in the kernel loses its processor anyway, some 0.1 to 1 ms later, when somebody
// waits for it. It saves that time, where a call is known to be long: getaddrinfo, fsync, waitpid.
//
// What the caller owes   Nothing. On a plain thread it is a call of f.
// What is guaranteed     If other fibers wait for this processor, it is handed to another thread before f is called. f runs on this
//                        fiber and this thread, and may do whatever a fiber may.
// May park               what f does; blocking() itself never does.
// Happens-before         f is called and returns as by any call.
// Errors                 those of f. If there is no thread for the others (options.max_threads, or the system refuses one), they
//                        wait for f.
// Cost                   2 ns if nobody waits; else waking a thread, 2 to 10 us.
// Source of the idea     ForkJoinPool.managedBlock; Tokio's block_in_place.
#pragma once

#include <utility>

namespace thrum {

namespace detail {
void hand_off_if_others_wait() noexcept; // src/sched/handoff.cc
} // namespace detail

template <class F> decltype(auto) blocking(F&& f) {
  detail::hand_off_if_others_wait();
  return std::forward<F>(f)();
}

} // namespace thrum
