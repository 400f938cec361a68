// condition_variable: waiting with a lock of the caller's.
//
// The problem: queueing and unlocking must look like one step to those who notify, but the lock is the caller's. Its unlock()
// may take locks, wake others and even park, so neither may the guard be held meanwhile, nor may the agent's decision word be
// open for this wait: it may be needed for another one.
//
// The way taken: the waiter queues first, then unlocks, then parks; and each waiter has a `stage` that says how far it has
// come. A notification that finds it on its way just marks it, and it will not park.
//
//   preparing  queued; in the caller's unlock()      -> parked, by itself; taken, by a notifier
//   parked     asleep, or about to be                -> taken, by a notifier; leaving, by itself after its deadline or a stop
//   taken      a notifier is at it, under the guard  -> removed, by the notifier, its last touch; or it was claimed and will be
//                                                       made ready, and does not look at its stage any more
//   removed    not queued any more. Who was not parked was notified; who was had been decided otherwise (deadline, stop), and
//              the notification went to the next
//   leaving    withdraws by itself; notifiers pass it over
//
// Between the step to `parked` and the open decision word there is a switch. `asleep` is set for that while and cleared like a
// guard by who parks (sched::park); a notifier waits for it, some tens of nanoseconds, before it claims.
//
// Destroying at once: the standard allows to destroy a condition variable as soon as all waiters were notified, though they
// are still on their way out. So a waiter that was notified never touches it again: it looks at its own stage only, and only
// who got from `parked` to `leaving`, which no notifier has seen, takes the guard once more to withdraw. The destructor waits
// for those: they are running towards their withdrawal.
//
// Invariants
//   D1  who is queued is preparing, parked or leaving, whenever the guard is free.
//   D2  stage goes from taken to removed, and nodes are linked and unlinked, only under the guard.
//   D3  queue_ is `occupied` iff the queue is not empty, whenever the guard is free. A notifier reads it without the guard: who
//       has changed the condition under the lock after the waiter unlocked it, sees what the waiter wrote before.
//
// Orderings
//   D4  stage: release store `removed` -> the waiter's acquire: its frame is its own again, and what notified it comes before
//       its return. Acquire exchange to `taken` <- release exchange to `parked`: the notifier sees `asleep`.
//   asleep is a guard word (L2 in wait/lock.h): cleared by who parks -> read by the notifier: the wait is published.
//
// Rejected: taking the guard again after unlock() to park under it. It costs a lock more a wait, and who was notified meanwhile
// takes the guard of what may be destroyed.
#include "env/panic.h"
#include "sync/sleep_on.h"

#include <new>
#include <thrum/condition_variable.h>

namespace thrum {
namespace sync {

namespace {

enum stage : std::uint32_t { preparing, parked, taken, removed, leaving };

struct sleeper : wait::waiter {
  base::atomic<std::uint32_t> stage{preparing};
  base::atomic<std::uint8_t> asleep{0};

  // Until the notifier that has taken it lets it go.
  void wait_until_removed() const noexcept {
    for (unsigned turn = 0; stage.load(std::memory_order_acquire) != removed; ++turn)
      base::back_off(turn); // D4
  }
};

struct condition_state {
  wait::lock guard;
  wait::waiter_list sleepers; // guarded
};

enum class taking : std::uint8_t { notified, claimed, passed_over };

// The guard is held. Claimed: the caller makes s.owner ready.
taking take(condition_state& state, sleeper& s) noexcept {
  std::uint32_t now = s.stage.load(std::memory_order_relaxed); // relaxed: the compare-exchange decides
  do {
    if (now == leaving) return taking::passed_over;
  } while (!s.stage.compare_exchange_weak(now, taken, std::memory_order_acquire, // D4
                                          std::memory_order_relaxed)); // relaxed: tried again
  state.sleepers.erase(s);
  if (now == parked) {
    for (unsigned turn = 0; s.asleep.load(std::memory_order_acquire) != 0; ++turn)
      base::back_off(turn); // L2 (lock.h)
    if (wait::claim(s)) return taking::claimed;
  }
  s.stage.store(removed, std::memory_order_release); // D4; s may be gone from here on
  return now == preparing ? taking::notified : taking::passed_over;
}

} // namespace
} // namespace sync

using sync::condition_state;
using wait::lock;

namespace {

condition_state& state_of(unsigned char* bytes) noexcept {
  return *std::launder(reinterpret_cast<condition_state*>(bytes));
}

} // namespace

cv_status condition_variable::wait_slow(const any_lock& lock, detail::deadline_t deadline) {
  static_assert(sizeof(condition_state) <= sizeof(state_));
  condition_state& state = state_of(state_);
  wait::agent& self = sched::this_agent();
  if (sched::must_stop(self)) sync::throw_cancelled(self);
  sync::sleeper s;
  s.owner = &self;
  {
    const lock::held held = state.guard.acquire(wait::this_thread());
    state.sleepers.push_back(s);
    queue_.store(occupied, std::memory_order_relaxed); // relaxed: D3
    lock::release(held);
  }
  {
    const sched::shield no_stop(self);
    lock.unlock(lock.object);
  }
  std::uint32_t how = wait::decision::first;    // notified
  s.asleep.store(1, std::memory_order_relaxed); // relaxed: D4
  std::uint32_t now = sync::preparing;
  if (!s.stage.compare_exchange_strong(now, sync::parked, std::memory_order_release, // D4
                                       std::memory_order_relaxed)) { // relaxed: looked at again
    s.wait_until_removed();
  } else {
    constexpr std::uint32_t timeout = 1;
    how = deadline == detail::no_deadline
              ? sched::park(self, &s.asleep, sched::wait_reason::condition_variable, this)
              : sched::park_until(self, &s.asleep, nullptr, nullptr, deadline, timeout,
                                  sched::wait_reason::condition_variable, this);
    if (how != wait::decision::first) {
      // Decided while it was leaving its stack, perhaps: then `asleep` is still to be cleared (W2 in wait/waiter.h).
      for (unsigned turn = 0; s.asleep.load(std::memory_order_acquire) != 0; ++turn)
        base::back_off(turn); // L2 (lock.h)
      now = sync::parked;
      if (s.stage.compare_exchange_strong(now, sync::leaving,
                                          std::memory_order_relaxed,    // relaxed: the guard orders the rest
                                          std::memory_order_relaxed)) { // relaxed: looked at again
        const lock::held held = state.guard.acquire(wait::this_thread());
        state.sleepers.erase(s);
        if (state.sleepers.empty()) queue_.store(empty, std::memory_order_relaxed); // relaxed: D3
        lock::release(held);
      } else {
        s.wait_until_removed();
      }
    }
  }
  {
    const sched::shield no_stop(self);
    lock.lock(lock.object);
  }
  if (how == wait::decision::stopped) sync::throw_cancelled(self);
  return how == wait::decision::first ? cv_status::no_timeout : cv_status::timeout;
}

void condition_variable::notify_slow(bool all) noexcept {
  condition_state& state = state_of(state_);
  wait::waiter_list claimed;
  const lock::held held = state.guard.acquire(wait::this_thread());
  for (wait::waiter *w = state.sleepers.front(), *next; w != nullptr; w = next) {
    next = w->next; // w may be gone once it is taken
    const sync::taking how = sync::take(state, static_cast<sync::sleeper&>(*w));
    if (how == sync::taking::claimed) claimed.push_back(*w);
    if (how != sync::taking::passed_over && !all) break;
  }
  if (state.sleepers.empty()) queue_.store(empty, std::memory_order_relaxed); // relaxed: D3
  lock::release(held);
  sync::ready_all(claimed);
}

// For the destructor. Who is queued now was passed over by the last notification and is about to withdraw.
void condition_variable::wait_until_left() noexcept {
  condition_state& state = state_of(state_);
  for (unsigned turn = 0;; ++turn) {
    const lock::held held = state.guard.acquire(wait::this_thread());
    const bool left = state.sleepers.empty();
    for (const wait::waiter* w = state.sleepers.front(); w != nullptr; w = w->next)
      if (static_cast<const sync::sleeper*>(w)->stage.load(std::memory_order_relaxed) !=
          sync::leaving) // relaxed: misuse only
        env::panic("a condition_variable was destroyed while somebody waits for it",
                   "notify_all() first, under the lock");
    lock::release(held);
    if (left) return;
    base::back_off(turn);
  }
}

} // namespace thrum
