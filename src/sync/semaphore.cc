// semaphore: the ways that wait, and the release to those.
//
// One word says all while nobody waits: the number of permits. With somebody in the queue it is `waiting`, which no fast
// path understands, so everybody comes here and takes the guard. Permits then go from the releaser straight to the waiters,
// without passing through the word, so no newcomer can snatch one.
//
// For select there is a hint, which is written under the guard only; the fast paths do not know of it. So it says "there may be a
// permit" as long as the word counts, and who looks closer and finds none makes the word `waiting`, with or without a waiter:
// from then on the next release comes here, and puts the hint right before its permit can be seen.
//
// Destroying at once: an acquirer may destroy the semaphore as soon as it has its permit, so the releaser's last touch must
// be the one that lets the acquirer know. On the fast path that is the compare-exchange. Here a release first claims
// waiters, under the guard. If some permits are left over it makes the word `coming`, leaves the guard, and then writes them there;
// and only then it makes the claimed run. So a permit can never be seen in the word while a releaser holds the guard. Meanwhile
// the word is the releaser's: who wants to change it waits for that one store. (A mere 0 would do, too; but somebody who looks, finds
// none and makes it `waiting` again could keep a releaser coming back here, and itself looking, without end.)
//
// Invariants
//   E1  permits_ == waiting if the queue is not empty, whenever the guard is free.
//   E2  permits_ changes to or from `waiting` only under the guard; from `coming` only by who made it that.
//   E3  readiness_ says that there is none only while permits_ == waiting: it is lowered behind that, and raised before. So who reads
//       it lowered, twice and unchanged, knows that there was no permit all the time between (select/hint.h).
//
// Orderings
//   P1  permits_: release compare-exchange, or store, of release -> acquire compare-exchange of acquire. All writers but E2's are
//       read-modify-writes, so an acquire sees every release since the word was last 0 or `waiting`; releases before that
//       were seen by those who took their permits.
//   P2  permits_: compare-exchange of who takes a permit without the guard (release) -> that of who finds none and lowers the hint (acquire): as H1 in
//       select/hint.h, so that "A is drained after B was filled" does not look as if both were empty.
//   Permits that go through the queue: by ready() (sched/park.h).
#include "env/panic.h"
#include "select/engine.h"
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

namespace {

semaphore_state& state_of(semaphore_core& s) noexcept {
  return *std::launder(reinterpret_cast<semaphore_state*>(semaphore_access::state(s)));
}

// ---- for select; the guard is held

bool commit_acquire(select::alternative& a, wait::claimable**) noexcept {
  return semaphore_access::take_guarded(*static_cast<semaphore_core*>(a.source));
}
void enqueue_acquire(select::alternative& a) noexcept {
  state_of(*static_cast<semaphore_core*>(a.source)).waiters.push_back(a);
}
void withdraw_acquire(select::alternative& a) noexcept {
  auto& s = *static_cast<semaphore_core*>(a.source);
  state_of(s).waiters.erase(a);
  semaphore_access::leave_waiting(s);
}
constexpr select::source_ops acquire_ops{commit_acquire, enqueue_acquire, withdraw_acquire};

} // namespace

void prepare_acquire(select_case& c) noexcept {
  auto& s = *static_cast<semaphore_core*>(c.object);
  select::prepare(c, acquire_ops, &s, state_of(s).guard);
}

// Takes a permit. False: there is none, and permits_ is `waiting`. Requires: the guard.
bool semaphore_core::take_guarded() noexcept {
  std::ptrdiff_t now = permits_.load(std::memory_order_relaxed); // relaxed: the compare-exchanges decide
  for (unsigned turn = 0; now != waiting;) {
    if (now == coming) {
      base::back_off(turn++);
      now = permits_.load(std::memory_order_relaxed); // relaxed: as above
    } else if (now > 0) {
      if (permits_.compare_exchange_weak(now, now - 1,
                                         std::memory_order_acquire,  // P1; for P2 there is the guard
                                         std::memory_order_relaxed)) // relaxed: tried again
        return true;
    } else if (permits_.compare_exchange_weak(now, waiting, std::memory_order_acquire, // P2
                                              std::memory_order_relaxed)) {            // relaxed: tried again
      select::update_hint(readiness_, 0);                                              // E3
      return false;
    }
  }
  return false;
}

// If nobody is queued any more, the word counts again, or is about to. False: somebody is, or it was not `waiting`. Requires: the guard.
bool semaphore_core::leave_waiting(std::ptrdiff_t now) noexcept {
  if (!state_of(*this).waiters.empty() || permits_.load(std::memory_order_relaxed) != waiting) // relaxed: E2
    return false;
  select::update_hint(readiness_, has_permit_ready); // E3
  permits_.store(now, std::memory_order_relaxed);    // relaxed: E1; there is no permit to be seen
  return true;
}

bool semaphore_core::acquire_slow(deadline_t deadline) {
  static_assert(sizeof(semaphore_state) <= sizeof(state_));
  semaphore_state& state = state_of(*this);
  wait::waiter w;
  w.owner = &sched::this_agent();
  lock::held held = state.guard.acquire(wait::this_thread());
  if (take_guarded()) {
    lock::release(held);
    return true;
  }
  const sync::waking how =
      sync::sleep_on(state.waiters, w, state.guard, held, deadline, sched::wait_reason::semaphore, this);
  if (how == sync::waking::woken) return true;
  leave_waiting(0);
  lock::release(held);
  if (how == sync::waking::stopped) sync::throw_cancelled(*w.owner);
  return false;
}

void semaphore_core::release_slow(std::ptrdiff_t n, std::ptrdiff_t max) noexcept {
  if (n < 0) env::panic("release of a negative number of permits");
  const auto check_room = [max](std::ptrdiff_t more, std::ptrdiff_t now) {
    if (more > max - now)
      env::panic("release of more permits than the semaphore has room for",
                 "its max() bounds acquire and release together");
  };
  semaphore_state& state = state_of(*this);
  wait::waiter_list claimed;
  std::ptrdiff_t handed = 0;
  for (unsigned turn = 0; handed != n;) {
    std::ptrdiff_t now = permits_.load(std::memory_order_relaxed); // relaxed: decided below
    if (now == coming) {
      base::back_off(turn++);
      continue;
    }
    if (now != waiting) {
      check_room(n - handed, now);
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
    const bool left_waiting = leave_waiting(handed == n ? 0 : coming);
    lock::release(held);
    if (!left_waiting || handed == n) continue;
    check_room(n - handed, 0);
    permits_.store(n - handed, std::memory_order_release); // P1; gone from here on
    break;
  }
  sync::ready_all(claimed);
}

void semaphore_core::panic_initial() noexcept {
  env::panic("a semaphore was made with a negative number of permits, or with more than its max()");
}

void semaphore_core::check_destroyed() noexcept {
  if (!state_of(*this).waiters.empty() && !env::exiting())
    env::panic("a semaphore was destroyed while somebody waits for it");
}

} // namespace detail
} // namespace thrum
