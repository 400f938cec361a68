// mutex: the ways that wait.
//
// Unlocking with a plain store
//
// The obvious mutex needs two atomic read-modify-writes: one to lock, one to unlock and to see at the same instant whether
// somebody waits. The second is avoided with an asymmetric fence. A mutex is *quiet* until somebody has to wait; then it is
// *contended*, and stays so for a while. A quiet mutex is unlocked with plain stores:
//
//   unlock                                       the first who has to wait, under the guard
//   ------                                       ------------------------------------------
//   unlocking = this mutex   (thread's own)      contended = 1
//   light fence                        // X2     heavy fence                          // X2
//   contended? -> unlock_slow                    for every thread: wait while its `unlocking` is this mutex   // X3
//   owner = nobody                     // X1     owner = nobody? -> take it, else queue and park
//   unlocking = none                   // X3
//
// By the fence, either the unlocker sees `contended`, or the waiter sees that it is unlocking and lets it finish. So when the
// waiter looks at the owner, nobody is between the look and the store any more, and every later unlock sees `contended`.
// Those who have to wait while it is contended need no fence. The flag goes back to 0, under the guard, after `calm`
// unlocks in a row that found nobody waiting.
//
// Nothing of the mutex is touched after the store to `owner`: whoever locks it next may unlock and destroy it at once (the last
// user of a reference-counted object does). That is why `unlocking` is the thread's and not the mutex's, and why the look at
// `contended` comes before the store and not, more simply, after it. In a contended mutex the guard plays that role: its release
// is the last touch, and the next unlock takes it, too.
//
// Fairness: an unlock leaves the mutex free and wakes the first waiter, which competes with whoever comes by (barging: the
// mutex is not idle while the waiter is on its way). Until it has come nobody else is woken, and no unlock is a quiet one. A waiter
// that finds the mutex taken again goes back to the front. Once it has been first for `patience`, the mutex is given to it and not
// freed: by the unlock that meets it next in the queue; or while it is still on its way, which may take long, for perhaps it
// waits for the very processor on which somebody unlocks and locks again and again. Patience begins when a waiter becomes the first, not when
// it begins to wait: else those behind it would have run out of theirs, too, and get one turn each, until the last of the
// queue keeps the mutex for all of `patience` again. A fair recursive_mutex is handed over always: whoever waits for it,
// or has got it while others wait, asks for that. So it is never free while somebody waits.
//
// For select there is a hint, which is written under the guard only; quiet ways do not know of it. So it says "may be free", until
// somebody who selects looks closer, makes the mutex contended, and finds it held all the same: then nobody can unlock it but
// here, where the hint is raised before the mutex is free. A select that waits has lost all its chances to choose something else once it
// is claimed, so it cannot compete with who comes by: it is handed the mutex, always.
//
// Invariant
//   X5  the hint says "held" only while the mutex is contended and held. So who reads that, twice and unchanged, knows that it was
//       held all the time between (select/hint.h).
//
// Orderings
//   X1  owner: release store of unlock -> acquire compare-exchange of lock. (lock_slow needs none: what was unlocked quietly it
//       has seen by X3, itself or whoever made the mutex contended, and everything else by the guard.)
//   X2  the fences above.
//   X3  unlocking: release store -> the waiter's acquire load: the owner word is then as the unlocker left it. Every store
//       releases: the waiter may read that the thread unlocks another mutex by now, and must see the end of this unlock.
//   X4  owner: compare-exchange of who locks quietly (release) -> that of who finds it locked, and lowers the hint (acquire): as H1 in
//       select/hint.h, so that "A is locked after B was unlocked" does not look as if both were held.
//   Everything in mutex_state is guarded by its guard.
#include "env/panic.h"
#include "sched/park.h"
#include "select/engine.h"
#include "sync/lock_order.h"

#include <new>
#include <thrum/mutex.h>

namespace thrum {
namespace sync {

struct lock_waiter : wait::waiter {
  env::nanoseconds first_since = 0; // since when it has been the first; 0: it has not been
};

struct mutex_state {
  wait::lock guard;
  wait::waiter_list waiters; // of lock_waiters, and of a select's, which have a slot (prepare_lock)
};

#if defined(THRUM_EXPLORE)
std::uint16_t calm = 1; // small models must reach both ways; mutex_explore.cc has some that need more, here
env::nanoseconds patience = 0; // and here
#endif

namespace {

#if !defined(THRUM_EXPLORE)
constexpr std::uint16_t calm = 1'000;          // a heavy fence costs as much as about 1,000 slow unlocks
constexpr env::nanoseconds patience = 200'000; // a hand-over costs up to 5 us
#endif

bool is_out_of_patience(const lock_waiter& w) noexcept {
  return detail::steady_now() - w.first_since >= patience;
}
// A clock takes longer than a short critical section: it is looked at after 1, 2, 4, ... unlocks, and then after every 64th.
bool is_time_to_look(unsigned unlocks) noexcept {
  return (unlocks & (unlocks - 1)) == 0 || unlocks % 64 == 0;
}

} // namespace
} // namespace sync

using sync::mutex_state;
using wait::lock;

void mutex::lock_watched() noexcept {
  wait::about_to_act(wait::this_thread());
  const sync::watched_lock watched{this, number_, sync::lock_kind::mutex};
  sync::about_to_lock(watched);
  lock_by(&sched::this_agent());
  sync::has_locked(watched);
}

bool mutex::try_lock_watched() noexcept {
  wait::about_to_act(wait::this_thread());
  if (!try_lock_by(&sched::this_agent())) return false;
  sync::has_locked({this, number_, sync::lock_kind::mutex});
  return true;
}

void mutex::unlock_watched() noexcept {
  sync::about_to_unlock({this, number_, sync::lock_kind::mutex});
  unlock_by(&wait::this_thread()); // it may be gone now
  wait::about_to_act(wait::this_thread());
}

bool mutex::lock_as(const waiting& how) noexcept {
  wait::agent& me = sched::this_agent();
  const sync::watched_lock watched{this, number_, sync::lock_kind::mutex};
  if (how.stop == nullptr) sync::about_to_lock(watched); // else nobody need wait for it for ever
  if (!try_lock_by(&me)) {
    if (!lock_slow(how)) return false;
    static_cast<void>(begin(&me));
  }
  sync::has_locked(watched);
  return true;
}

bool mutex::lock_late(const waiting& how) noexcept {
  if (!lock_slow(how)) return false;
  sync::has_locked({this, number_, sync::lock_kind::mutex});
  return begin(&sched::this_agent());
}

wait::agent* recursive_mutex::self() noexcept { return wait::this_thread().current; }

// As its deadline would. (Asked before the wait: lock_slow looks, under the guard that this took.)
void mutex::end_wait(ender& which) noexcept {
  auto& state = *std::launder(reinterpret_cast<mutex_state*>(state_));
  const lock::held guard = state.guard.acquire(wait::this_thread());
  which.asked = true;
  wait::waiter* const w = which.waiter;
  wait::claimable* woken = nullptr;
  if (w != nullptr && w->linked && wait::claim(*w->owner, 1)) {
    woken = w->owner;
    state.waiters.erase(*w);
  }
  lock::release(guard);
  if (woken != nullptr) sched::ready(*woken);
}

// The guard is held. Afterwards every unlock comes to unlock_slow.
void mutex::make_contended() noexcept {
  contended_.store(1, std::memory_order_relaxed); // relaxed: the fence orders it
  base::heavy_fence();                            // X2
  wait::for_each_thread([this](const wait::thread_context& t) {
    for (unsigned turn = 0; t.unlocking.load(std::memory_order_acquire) == this; ++turn)
      base::back_off(turn); // X3
  });
  quiet_unlocks_ = 0;
}

bool mutex::take_guarded() noexcept {
  wait::agent* const me = &sched::this_agent();
  for (;;) {
    wait::agent* nobody = nullptr;
    if (owner_.compare_exchange_strong(nobody, me, std::memory_order_acquire, // X1
                                       std::memory_order_acquire))            // X4
      return begin(me);
    if (contended_.load(std::memory_order_relaxed) != 0) break; // relaxed: guarded
    make_contended();
  }
  select::update_hint(readiness_, 0); // X5
  return false;
}

void mutex::lock_slow() noexcept { static_cast<void>(lock_slow(waiting{})); }

bool mutex::lock_slow(const waiting& how) noexcept {
  static_assert(sizeof(mutex_state) <= sizeof(state_));
  auto& state = *std::launder(reinterpret_cast<mutex_state*>(state_));
  wait::agent& me = sched::this_agent();
  if (owner_.load(std::memory_order_relaxed) == &me) // relaxed: only we write our own address
    env::panic("a mutex was locked again by the fiber that holds it",
               "this can never succeed; use recursive_mutex, or unlock before calling code that locks");
  const sched::shield no_stop(me);
  sync::lock_waiter w;
  w.owner = &me;
  for (bool woken = false;; woken = true) {
    const lock::held guard = state.guard.acquire(wait::this_thread());
    if (w.linked) {
      state.waiters.erase(w);
      coming_ = false;
      quiet_unlocks_ = 0;
    }
    if (contended_.load(std::memory_order_relaxed) == 0) make_contended(); // relaxed: guarded
    wait::agent* holder = nullptr;
    if (owner_.compare_exchange_strong(holder, &me,
                                       std::memory_order_relaxed,    // relaxed: X3 or the guard orders
                                       std::memory_order_relaxed) || // relaxed: as above
        holder == &me) {                                             // handed over
      if (how.fair && !state.waiters.empty()) hand_over_ = true;     // by us, too
      if (how.stop != nullptr) how.stop->waiter = nullptr;
      lock::release(guard);
      return true;
    }
    if (how.stop != nullptr) {
      how.stop->waiter = how.stop->asked ? nullptr : &w;
      if (how.stop->asked) {
        lock::release(guard);
        return false;
      }
    }
    if (how.fair || (woken && sync::is_out_of_patience(w))) hand_over_ = true;
    if (woken) // passed over: back to the front
      state.waiters.push_front(w);
    else
      state.waiters.push_back(w);
    const std::uint32_t d = how.deadline == detail::no_deadline
                                ? sched::park(me, guard, sched::wait_reason::mutex, this)
                                : sched::park_until(me, guard, nullptr, nullptr, how.deadline, 1,
                                                    sched::wait_reason::mutex, this);
    if (d == wait::decision::first) continue;
    // The deadline has passed, or somebody has ended the wait. Whoever unlocked did not wake us, so no wake-up is lost with us.
    const lock::held again = state.guard.acquire(wait::this_thread());
    if (w.linked) state.waiters.erase(w);
    if (how.stop != nullptr) how.stop->waiter = nullptr;
    lock::release(again);
    return false;
  }
}

void mutex::unlock_slow() noexcept {
  auto& state = *std::launder(reinterpret_cast<mutex_state*>(state_));
  wait::thread_context& here = wait::this_thread();
  here.unlocking.store(nullptr, std::memory_order_release); // X3: what this thread unlocked before
  const lock::held guard = state.guard.acquire(here);
  wait::agent* next = nullptr; // to whom it is handed over
  wait::agent* woken = nullptr;
  if (coming_) {
    auto& first = static_cast<sync::lock_waiter&>(*state.waiters.front());
    if (sync::is_time_to_look(++quiet_unlocks_) && sync::is_out_of_patience(first)) {
      next = &static_cast<wait::agent&>(*first.owner);
      state.waiters.erase(first);
      coming_ = false;
    }
  } else if (wait::waiter* const w = wait::pop_claimed(state.waiters)) {
    quiet_unlocks_ = 0;
    woken = &static_cast<wait::agent&>(*w->owner);
    const bool selects = w->slot != nullptr;
    if (selects || hand_over_) {
      hand_over_ = false;
      next = woken;
      if (selects) static_cast<void>(begin(woken)); // for him: a select does nothing more
    } else {
      auto& first = static_cast<sync::lock_waiter&>(*w);
      if (first.first_since == 0) first.first_since = detail::steady_now();
      state.waiters.push_front(first); // until it has come
      coming_ = true;
    }
  } else if (++quiet_unlocks_ >= sync::calm) {
    select::update_hint(readiness_, detail::may_be_free_ready); // X5
    contended_.store(0, std::memory_order_relaxed);             // relaxed: guarded
    lock::release(guard);
    static_cast<void>(begin(here.current));
    return unlock_by(&here); // the quiet way, or back here if somebody has come meanwhile
  }
  if (next == nullptr) select::update_hint(readiness_, detail::may_be_free_ready); // X5
  owner_.store(next, std::memory_order_release);                                   // X1
  lock::release(guard);
  if (woken != nullptr) sched::ready(*woken);
}

void mutex::panic_not_owner() noexcept {
  env::panic(owner_.load(std::memory_order_relaxed) == nullptr // relaxed: for the message
                 ? "unlock of a mutex that is not locked"
                 : "unlock of a mutex that another fiber or thread holds",
             "whoever locks a mutex unlocks it; std::lock_guard and std::unique_lock do it for you");
}

void mutex::panic_destroyed() noexcept {
  // At exit, static mutexes are destroyed while fibers that hold them may still run. That is nobody's mistake.
  if (!env::exiting()) env::panic("a mutex was destroyed while it is locked");
}

// ---- for select

namespace detail {

namespace {

mutex_state& state_of(mutex& m) noexcept {
  return *std::launder(reinterpret_cast<mutex_state*>(mutex_access::state(m)));
}

bool commit_lock(select::alternative& a, wait::claimable**) noexcept {
  return mutex_access::take_guarded(*static_cast<mutex*>(a.source));
}
void enqueue_lock(select::alternative& a) noexcept {
  state_of(*static_cast<mutex*>(a.source)).waiters.push_back(a);
}
void withdraw_lock(select::alternative& a) noexcept {
  state_of(*static_cast<mutex*>(a.source)).waiters.erase(a);
}
constexpr select::source_ops lock_ops{commit_lock, enqueue_lock, withdraw_lock};

} // namespace

void prepare_lock(select_case& c) noexcept {
  auto& m = *static_cast<mutex*>(c.object);
  if (mutex_access::is_held_by(m, sched::this_agent()))
    env::panic("a select is to lock a mutex that its fiber holds",
               "this can never succeed; unlock it before, or leave the case out");
  select::prepare(c, lock_ops, &m, state_of(m).guard).slot = &m;
}

void note_chosen_lock(const select_case& c) noexcept {
  auto& m = *static_cast<mutex*>(c.object);
  sync::has_locked({&m, mutex_access::number(m), sync::lock_kind::mutex});
}

} // namespace detail

} // namespace thrum
