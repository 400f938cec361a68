// Waiting for one of several things: the engine behind select(), behind every wait with a deadline, and later behind
// co_await. It knows no channel and no lock; a *source* (a channel's receiving side, a fiber's end, a descriptor) tells it how
// to look, commit, enqueue and withdraw.
//
// How a select goes
//   1. Look, without locks: each source keeps a hint word. If some say ready, one of them is chosen at random and tried under
//      its guard; if that fails (somebody was faster), the next.
//   2. `otherwise`: taken only if nothing was ready *at one instant*. The hints carry versions: if a second reading of all
//      of them finds every word unchanged, nothing was ready at the moment between the two readings.
//   3. Wait: all guards are taken in the order of their addresses (so no two selects wait for each other), everything is
//      tried once more, then a waiter is queued on each source and the agent parks; the guards are released when it has
//      left its stack. So nobody can find it half queued, and no one-by-one registration has to be undone.
//   4. Exactly one claims it (wait/waiter.h). The others are withdrawn before select returns.
//
// Deadlines are not sources: one timer, for the earliest.
//
// A coroutine goes the same way in two calls: begin() does everything up to step 3 but does not park, finish() withdraws the others. In
// between it may be resumed elsewhere, as soon as begin() has released the last guard. The list of guards is in the frame of
// begin(), not in that of the coroutine: nobody else reads it.
#pragma once

#include "sched/coroutine.h"
#include "sched/park.h"
#include "select/hint.h"
#include "wait/lock.h"
#include "wait/waiter.h"

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>

#include <thrum/detail/select_case.h>

namespace thrum::select {

struct source_ops;

// The engine's part of a case. Made by the source.
struct alternative : wait::waiter {
  const source_ops* ops = nullptr;
  void* source = nullptr;
  wait::lock* guard = nullptr;
};
static_assert(sizeof(alternative) <= detail::select_case::state_size);

inline void* room_of(detail::select_case& c) noexcept {
  return c.state_elsewhere != nullptr ? c.state_elsewhere : c.state;
}

struct source_ops {
  // All are called with the guard held.
  // Completes the operation now if that is possible; then puts the agent to be made ready (after the guard is released), if
  // any, in *woken. Sets a.how. If it is not possible, corrects the hint.
  bool (*try_commit)(alternative& a, wait::claimable** woken) noexcept;
  void (*enqueue)(alternative& a) noexcept;
  void (*withdraw)(alternative& a) noexcept; // the waiter is still linked
};

// For sources: makes the engine's part of a case.
inline alternative& prepare(detail::select_case& c, const source_ops& ops, void* source,
                            wait::lock& guard) noexcept {
  auto& a = *::new (room_of(c)) alternative;
  a.ops = &ops;
  a.source = source;
  a.guard = &guard;
  a.slot = c.value;
  return a;
}
inline alternative& alternative_of(detail::select_case& c) noexcept {
  return *std::launder(static_cast<alternative*>(room_of(c)));
}

struct request {
  std::span<detail::select_case* const> cases;
  bool ordered = false;
  sched::wait_reason why = sched::wait_reason::select;
  const void* what = nullptr;
};

// Commits exactly one case and returns its index. Throws `cancelled` if the calling fiber is asked to stop and there is no case
// for that. May park, unless there is an `otherwise`.
std::size_t run(const request& r);

// For coroutines. True: it waits, and may be resumed already, so nothing of its frame may be touched. False: case `chosen` was
// committed, and its turn goes on. Throws as run() does, and then its turn goes on, too. `timer` may be null if no case is a time.
bool begin(const request& r, sched::coroutine& self, detail::coroutine_turn& turn,
           sched::coroutine_timer* timer, std::size_t& chosen);
// When it was resumed: which case was committed. Throws `cancelled`.
std::size_t finish(const request& r, sched::coroutine& self, sched::coroutine_timer* timer);

// A wait for one source with a deadline. The case's source part is filled in by the caller.
struct single_wait {
  detail::select_case source;
  detail::select_case timeout;

  explicit single_wait(std::int64_t deadline) noexcept {
    source.what = detail::select_case::kind::source;
    timeout.what = detail::select_case::kind::at;
    timeout.time = deadline;
  }

  // False: the deadline passed.
  bool run(sched::wait_reason why, const void* what) {
    detail::select_case* const both[] = {&source, &timeout};
    return select::run({.cases = both, .ordered = true, .why = why, .what = what}) == 0;
  }
  wait::outcome how() noexcept { return alternative_of(source).how; }
};

} // namespace thrum::select
