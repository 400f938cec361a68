// countdown: latch and wait_group.
//
// The word holds the count and whether somebody is queued. Counting down is one compare-exchange, also to zero, as long as
// nobody is queued; the step to zero of a count that is waited for is made under the guard, by down_slow, which then lets
// everybody go.
//
// Destroying at once: who learns that the count is zero may destroy the object. There are three ways to learn it.
//   - A waiter is made ready after down_slow has left the guard, its last touch.
//   - Who finds the count zero under the guard has waited for down_slow to leave it.
//   - Who reads zero without the guard (is_zero) waits until it is free. If the step to zero was a bare compare-exchange,
//     that was the last touch, and the guard is free already.
// Nobody else is inside: who still has to count down keeps the count above zero.
//
// Invariants
//   K1  `waiting` is set iff the queue is not empty, whenever the guard is free; it changes only under the guard.
//   K2  a count of zero has no waiter: `waiting` is clear.
//
// Orderings
//   N1  word_: release read-modify-write of down -> acquire of who finds zero, or of down_slow on behalf of those whom it
//       makes ready. All writers are read-modify-writes, so the last one stands for all before.
#include "env/panic.h"
#include "sync/sleep_on.h"

#include <new>
#include <thrum/detail/countdown.h>
#include <thrum/latch.h>

namespace thrum {
namespace sync {

namespace {

struct countdown_state {
  wait::lock guard;
  wait::waiter_list waiters; // guarded
};

sched::wait_reason reason_of(detail::countdown::user who) noexcept {
  switch (who) {
  case detail::countdown::user::latch: return sched::wait_reason::latch;
  case detail::countdown::user::wait_group: return sched::wait_reason::wait_group;
  case detail::countdown::user::task_group: return sched::wait_reason::task_group;
  }
  return sched::wait_reason::none;
}

[[noreturn]] void panic_below_zero(std::int64_t n, detail::countdown::user who) noexcept {
  if (n < 0) env::panic("count_down of a negative number");
  if (who == detail::countdown::user::latch)
    env::panic("count_down of a latch below zero",
               "the latch was made with a smaller count than is counted down");
  env::panic("a wait_group was counted below zero", "done() was called more often than add() announced");
}

} // namespace
} // namespace sync

namespace detail {

using sync::countdown_state;
using wait::lock;

void countdown::up(std::int64_t n) noexcept {
  if (n < 0) return down(-n, user::wait_group);
  const std::int64_t before =
      n > largest ? INT64_MAX : word_.fetch_add(n * one, std::memory_order_relaxed); // relaxed: N1
  if (before / one > largest - n) env::panic("the count of a wait_group is too large");
}

void countdown::down_slow(std::int64_t n, user who) noexcept {
  auto& state = *std::launder(reinterpret_cast<countdown_state*>(state_));
  std::int64_t now = word_.load(std::memory_order_relaxed); // relaxed: the compare-exchange decides
  for (;;) {
    if (n < 0 || now / one < n) sync::panic_below_zero(n, who);
    if (now == (n * one | waiting)) break;
    if (word_.compare_exchange_weak(now, now - n * one,
                                    std::memory_order_release,  // N1; perhaps gone from here on
                                    std::memory_order_relaxed)) // relaxed: tried again
      return;
  }
  wait::waiter_list claimed;
  const lock::held held = state.guard.acquire(wait::this_thread());
  now = word_.load(std::memory_order_relaxed); // relaxed: the compare-exchange decides
  for (;;) {
    if (now / one < n) sync::panic_below_zero(n, who);
    const bool last = now / one == n;
    if (!word_.compare_exchange_weak(now, last ? 0 : now - n * one, std::memory_order_acq_rel, // N1
                                     std::memory_order_relaxed)) // relaxed: tried again
      continue;
    if (last) sync::claim_all(state.waiters, claimed);
    break;
  }
  lock::release(held);
  sync::ready_all(claimed);
}

bool countdown::is_zero() const noexcept {
  if (word_.load(std::memory_order_acquire) / one != 0) return false; // N1
  std::launder(reinterpret_cast<const countdown_state*>(state_))->guard.wait_until_free();
  return true;
}

countdown::waking countdown::wait_or_stop(deadline_t deadline, user who) noexcept {
  static_assert(sizeof(countdown_state) <= sizeof(state_));
  if (is_zero()) return waking::zero;
  auto& state = *std::launder(reinterpret_cast<countdown_state*>(state_));
  wait::waiter w;
  w.owner = &sched::this_agent();
  lock::held held = state.guard.acquire(wait::this_thread());
  std::int64_t now = word_.load(std::memory_order_acquire); // N1
  do {
    if (now / one == 0) {
      lock::release(held);
      return waking::zero;
    }
  } while ((now & waiting) == 0 &&
           !word_.compare_exchange_weak(now, now | waiting,
                                        std::memory_order_relaxed, // relaxed: not zero yet
                                        std::memory_order_acquire)); // N1
  const sync::waking how =
      sync::sleep_on(state.waiters, w, state.guard, held, deadline, sync::reason_of(who), this);
  if (how == sync::waking::woken) return waking::zero;
  // Zero may have come at the same moment: under the guard, since we were queued, and then nobody is queued any more (K2).
  const bool is_zero = state.waiters.empty() &&
                       word_.fetch_and(~waiting, std::memory_order_relaxed) / one == 0; // relaxed: K1, K2
  lock::release(held);
  if (is_zero) return waking::zero;
  return how == sync::waking::stopped ? waking::stopped : waking::timeout;
}

bool countdown::wait(deadline_t deadline, user who) {
  const waking how = wait_or_stop(deadline, who);
  if (how == waking::stopped) sync::throw_cancelled(sched::this_agent());
  return how == waking::zero;
}

void countdown::wait_shielded(user who) noexcept {
  const sched::shield no_stop(sched::this_agent());
  wait_or_stop(no_deadline, who);
}

} // namespace detail

void latch::panic_initial() noexcept {
  env::panic("a latch was made with a negative count, or one above its max()");
}

} // namespace thrum
