// semaphore: the ways that wait, and the release to those.
//
// One word says all while nobody waits: the number of permits. With somebody in the queue it is `waiting`, which no fast
// path understands, so everybody comes here and takes the guard. Permits then go from the releaser straight to the waiters,
// without passing through the word, so no newcomer can snatch one.
//
// Destroying at once: an acquirer may destroy the semaphore as soon as it has its permit, so the releaser's last touch must
// be the one that lets the acquirer know. On the fast path that is the compare-exchange. Here a release first claims
// waiters, under the guard, then leaves the guard, then adds what is left over by the fast path's compare-exchange (or comes
// back, if somebody has queued meanwhile), and only then makes the claimed run. So a permit can never be seen in the word
// while a releaser holds the guard.
//
// Invariants
//   E1  permits_ == waiting iff the queue is not empty, whenever the guard is free.
//   E2  permits_ changes to or from `waiting` only under the guard.
//
// Orderings
//   P1  permits_: release compare-exchange of release -> acquire compare-exchange of acquire. All writers but E2's are
//       read-modify-writes, so an acquire sees every release since the word was last 0 or `waiting`; releases before that
//       were seen by those who took their permits.
//   Permits that go through the queue: by ready() (sched/park.h).
#include "env/panic.h"
#include "sync/sleep_on.h"

#include <new>
#include <thrum/semaphore.h>

namespace thrum {
namespace sync {

struct semaphore_state {
  wait::lock guard;
  wait::waiter_list waiters; // guarded
};

} // namespace sync

namespace detail {

using sync::semaphore_state;
using wait::lock;

bool semaphore_core::acquire_slow(deadline_t deadline) {
  static_assert(sizeof(semaphore_state) <= sizeof(state_));
  auto& state = *std::launder(reinterpret_cast<semaphore_state*>(state_));
  wait::waiter w;
  w.owner = &sched::this_agent();
  lock::held held = state.guard.acquire(wait::this_thread());
  std::ptrdiff_t now = permits_.load(std::memory_order_relaxed); // relaxed: the compare-exchanges decide
  while (now != waiting) {
    if (now > 0) {
      if (permits_.compare_exchange_weak(now, now - 1, std::memory_order_acquire, // P1
                                         std::memory_order_relaxed)) {            // relaxed: tried again
        lock::release(held);
        return true;
      }
    } else if (permits_.compare_exchange_weak(
                   now, waiting, std::memory_order_relaxed,
                   std::memory_order_relaxed)) { // relaxed: E2, read under the guard
      break;
    }
  }
  const sync::waking how =
      sync::sleep_on(state.waiters, w, state.guard, held, deadline, sched::wait_reason::semaphore, this);
  if (how == sync::waking::woken) return true;
  if (state.waiters.empty() && permits_.load(std::memory_order_relaxed) == waiting) // relaxed: E2
    permits_.store(0, std::memory_order_relaxed); // relaxed: E1; there is no permit to be seen
  lock::release(held);
  if (how == sync::waking::stopped) sync::throw_cancelled(*w.owner);
  return false;
}

void semaphore_core::release_slow(std::ptrdiff_t n, std::ptrdiff_t max) noexcept {
  if (n < 0) env::panic("release of a negative number of permits");
  auto& state = *std::launder(reinterpret_cast<semaphore_state*>(state_));
  wait::waiter_list claimed;
  std::ptrdiff_t handed = 0;
  while (handed != n) {
    std::ptrdiff_t now = permits_.load(std::memory_order_relaxed); // relaxed: decided below
    if (now != waiting) {
      if (n - handed > max - now)
        env::panic("release of more permits than the semaphore has room for",
                   "its max() bounds acquire and release together");
      if (permits_.compare_exchange_strong(now, now + (n - handed),
                                           std::memory_order_release,  // P1; gone from here on
                                           std::memory_order_relaxed)) // relaxed: tried again
        break;
      continue;
    }
    const lock::held held = state.guard.acquire(wait::this_thread());
    while (handed != n) {
      wait::waiter* w = wait::pop_claimed(state.waiters);
      if (w == nullptr) break;
      claimed.push_back(*w);
      ++handed;
    }
    if (state.waiters.empty() && permits_.load(std::memory_order_relaxed) == waiting) // relaxed: E2
      permits_.store(0, std::memory_order_relaxed); // relaxed: E1; there is no permit to be seen
    lock::release(held);
  }
  sync::ready_all(claimed);
}

void semaphore_core::panic_initial() noexcept {
  env::panic("a semaphore was made with a negative number of permits, or with more than its max()");
}

void semaphore_core::panic_destroyed() noexcept {
  if (!env::exiting()) env::panic("a semaphore was destroyed while somebody waits for it");
}

} // namespace detail
} // namespace thrum
