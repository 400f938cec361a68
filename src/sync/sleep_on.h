// Sleeping on one queue of waiters, and waking who sleeps there: what the primitives of this room have in common. The
// protocol is that of wait/waiter.h; a deadline and a stop request are handled here, once.
#pragma once

#include "sched/park.h"

#include <thrum/detail/deadline.h>
#include <thrum/error.h>

namespace thrum::sync {

enum class waking : std::uint8_t { woken, timeout, stopped };

// Queues `w` at the end and parks its owner, the calling agent. Woken: somebody has claimed w; the guard is not held, and
// the primitive may be gone. Otherwise w is not queued (any more) and the guard is held: in `held`, for the caller to put
// the primitive's state right and to release.
// May park. Requires: the guard is held, as `held`.
[[gnu::always_inline]] inline waking sleep_on(wait::waiter_list& queue, wait::waiter& w, wait::lock& guard,
                                              wait::lock::held& held, detail::deadline_t deadline,
                                              sched::wait_reason why, const void* what) noexcept {
  auto& self = static_cast<wait::agent&>(*w.owner);
  if (__builtin_expect(sched::must_stop(self), false)) return waking::stopped;
  std::uint32_t d;
  if (deadline == detail::no_deadline) {
    queue.push_back(w);
    d = sched::park(self, held, why, what);
  } else {
    if (detail::steady_now() >= deadline) return waking::timeout;
    queue.push_back(w);
    d = sched::park_until(self, held, nullptr, nullptr, deadline, 1, why, what);
  }
  if (__builtin_expect(d == wait::decision::first, true)) return waking::woken;
  held = guard.acquire(wait::this_thread()); // also if w is not linked any more (W2)
  if (w.linked) queue.erase(w);
  return d == wait::decision::stopped ? waking::stopped : waking::timeout;
}

// Moves everybody who still waits from one list to another, decided. The guard of `from` is held.
inline void claim_all(wait::waiter_list& from, wait::waiter_list& claimed,
                      wait::outcome how = wait::outcome::done) noexcept {
  while (wait::waiter* w = wait::pop_claimed(from)) {
    w->how = how;
    claimed.push_back(*w);
  }
}

// Makes everybody run who was claimed: a single one next, many behind the others that are ready. A node is gone as soon as
// its owner runs.
inline void ready_all(wait::waiter_list& claimed) noexcept {
  wait::waiter* w = claimed.pop_front();
  if (w != nullptr && claimed.empty()) return sched::ready(*w->owner);
  for (; w != nullptr; w = claimed.pop_front()) sched::ready_later(*w->owner);
}

[[noreturn]] inline void throw_cancelled(const wait::claimable& self) {
  throw cancelled(sched::stop_reason(static_cast<const sched::fiber&>(self)));
}

} // namespace thrum::sync
