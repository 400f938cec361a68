// shared_mutex: queues and phases.
//
// The problem: a lock that prefers readers starves writers, one that prefers writers starves readers. The way taken is
// phase-fair: phases of readers and phases of one writer take turns while both wait. Who releases the lock last hands it over,
// under the guard: a writer to all readers that wait by then, the last reader to the first writer. New readers queue as soon
// as anybody waits. So a writer waits for one phase of readers and for the writers before it, a reader for one writer.
//
// The lock is never free while somebody waits: it goes straight to its next holders. That costs throughput when many fight
// for it (mutex lets who comes by take it), but readers that hold a lock for long are what this lock is for.
//
// Destroying at once: who has unlocked may destroy the mutex if nobody else uses it. So the step that frees it is always a
// bare compare-exchange, the last touch. Under the guard the lock only changes hands; if hand_over finds nobody left in the
// queues, it takes the `waiting` bit away, leaves the guard, and unlocks again the bare way.
//
// Invariants
//   V1  `waiting` is set iff a queue is not empty, whenever the guard is free; it changes only under the guard.
//   V2  `waiting` implies that the lock is held.
//   V3  while `waiting` is set, the word changes without the guard in one way only: a reader leaves that is not the last.
//   V4  `writer` clear and no writer queued imply that no reader that could be claimed is queued.
//
// Orderings
//   R1  word_: release read-modify-write of an unlock -> acquire of the next lock, or, on behalf of those whom it makes ready, of
//       hand_over or of a writer that gives up. The store of hand_over is a release, too, for readers who join later; all
//       other writers are read-modify-writes, which pass on what was released before.
#include "env/panic.h"
#include "sync/lock_order.h"
#include "sync/sleep_on.h"

#include <new>
#include <thrum/shared_mutex.h>

namespace thrum {
namespace sync {

namespace {

struct shared_mutex_state {
  wait::lock guard;
  wait::waiter_list readers; // guarded
  wait::waiter_list writers; // guarded

  bool nobody_waits() const noexcept { return readers.empty() && writers.empty(); }
};

// Claims all readers that wait; returns how many.
std::uint32_t claim_readers(shared_mutex_state& state, wait::waiter_list& claimed) noexcept {
  std::uint32_t n = 0;
  for (; wait::waiter* w = wait::pop_claimed(state.readers); ++n) claimed.push_back(*w);
  return n;
}

// Who holds the lock next: one writer, or some readers, or nobody.
struct phase {
  wait::agent* writer = nullptr;
  std::uint32_t readers = 0;
};

// Claims whose turn it is after a phase of readers, or of a writer.
phase choose_next(shared_mutex_state& state, bool after_readers, wait::waiter_list& claimed) noexcept {
  phase next;
  if (!after_readers) next.readers = claim_readers(state, claimed);
  if (next.readers != 0) return next;
  if (wait::waiter* w = wait::pop_claimed(state.writers)) {
    next.writer = &static_cast<wait::agent&>(*w->owner);
    claimed.push_back(*w);
  } else if (after_readers) { // the writer that stopped them has just given up
    next.readers = claim_readers(state, claimed);
  }
  return next;
}

} // namespace
} // namespace sync

using sync::shared_mutex_state;
using wait::lock;

void shared_mutex::lock_watched() noexcept {
  wait::about_to_act(wait::this_thread());
  const sync::watched_lock watched{this, number_, sync::lock_kind::shared_mutex};
  sync::about_to_lock(watched);
  if (!try_lock_by(&sched::this_agent())) static_cast<void>(lock_slow(detail::no_deadline));
  sync::has_locked(watched);
}

bool shared_mutex::try_lock_watched() noexcept {
  wait::about_to_act(wait::this_thread());
  if (!try_lock_by(&sched::this_agent())) return false;
  sync::has_locked({this, number_, sync::lock_kind::shared_mutex});
  return true;
}

bool shared_mutex::lock_late(detail::deadline_t deadline) noexcept {
  if (!lock_slow(deadline)) return false;
  sync::has_locked({this, number_, sync::lock_kind::shared_mutex});
  return true;
}

void shared_mutex::unlock_watched() noexcept {
  sync::about_to_unlock({this, number_, sync::lock_kind::shared_mutex});
  unlock_by(&sched::this_agent()); // it may be gone now
  wait::about_to_act(wait::this_thread());
}

void shared_mutex::lock_shared_watched() noexcept {
  wait::about_to_act(wait::this_thread());
  const sync::watched_lock watched{this, number_, sync::lock_kind::shared_mutex, true};
  sync::about_to_lock(watched);
  if (!join_readers()) static_cast<void>(lock_shared_slow(detail::no_deadline));
  sync::has_locked(watched);
}

bool shared_mutex::try_lock_shared_watched() noexcept {
  wait::about_to_act(wait::this_thread());
  if (!join_readers()) return false;
  sync::has_locked({this, number_, sync::lock_kind::shared_mutex, true});
  return true;
}

bool shared_mutex::lock_shared_late(detail::deadline_t deadline) noexcept {
  if (!lock_shared_slow(deadline)) return false;
  sync::has_locked({this, number_, sync::lock_kind::shared_mutex, true});
  return true;
}

void shared_mutex::unlock_shared_watched() noexcept {
  sync::about_to_unlock({this, number_, sync::lock_kind::shared_mutex, true});
  leave_readers();
  wait::about_to_act(wait::this_thread());
}

bool shared_mutex::lock_slow(detail::deadline_t deadline) noexcept {
  static_assert(sizeof(shared_mutex_state) <= sizeof(state_));
  auto& state = *std::launder(reinterpret_cast<shared_mutex_state*>(state_));
  wait::agent& me = sched::this_agent();
  if (owner_.load(std::memory_order_relaxed) == &me) // relaxed: only we write our own address
    env::panic("a shared_mutex was locked again by the fiber that holds it alone", "this can never succeed");
  const sched::shield no_stop(me);
  wait::waiter w;
  w.owner = &me;
  lock::held held = state.guard.acquire(wait::this_thread());
  std::uint32_t now = word_.load(std::memory_order_relaxed); // relaxed: the compare-exchanges decide
  while ((now & waiting) == 0) {
    if (now == 0) {
      if (word_.compare_exchange_weak(now, writer, std::memory_order_acquire, // R1
                                      std::memory_order_relaxed)) {           // relaxed: tried again
        owner_.store(&me, std::memory_order_relaxed); // relaxed: only we compare equal
        lock::release(held);
        return true;
      }
    } else if (word_.compare_exchange_weak(now, now | waiting, std::memory_order_relaxed,
                                           std::memory_order_relaxed)) { // relaxed: V1, read under the guard
      break;
    }
  }
  if (sync::sleep_on(state.writers, w, state.guard, held, deadline, sched::wait_reason::shared_mutex, this) ==
      sync::waking::woken)
    return true; // handed over, owner_ and all
  // The deadline has passed. Readers that waited only because of us may join those who hold the lock (V4).
  wait::waiter_list claimed;
  now = word_.load(std::memory_order_relaxed); // relaxed: `writer` changes only under the guard (V3)
  const std::uint32_t joining =
      (now & writer) == 0 && state.writers.empty() ? sync::claim_readers(state, claimed) : 0;
  const std::uint32_t quiet = state.nobody_waits() ? waiting & now : 0;
  if (joining != 0 || quiet != 0) word_.fetch_add(joining * reader - quiet, std::memory_order_acquire); // R1
  lock::release(held);
  sync::ready_all(claimed);
  return false;
}

bool shared_mutex::lock_shared_slow(detail::deadline_t deadline) noexcept {
  auto& state = *std::launder(reinterpret_cast<shared_mutex_state*>(state_));
  wait::agent& me = sched::this_agent();
  if (owner_.load(std::memory_order_relaxed) == &me) // relaxed: only we write our own address
    env::panic("a shared_mutex was locked for reading by the fiber that holds it alone",
               "this can never succeed");
  const sched::shield no_stop(me);
  wait::waiter w;
  w.owner = &me;
  lock::held held = state.guard.acquire(wait::this_thread());
  std::uint32_t now = word_.load(std::memory_order_relaxed); // relaxed: the compare-exchanges decide
  for (;;) {
    if ((now & writer) == 0 && state.writers.empty()) {
      if (word_.compare_exchange_weak(now, now + reader, std::memory_order_acquire, // R1
                                      std::memory_order_relaxed)) {                 // relaxed: tried again
        lock::release(held);
        return true;
      }
    } else if ((now & waiting) != 0 ||
               word_.compare_exchange_weak(now, now | waiting, std::memory_order_relaxed,
                                           std::memory_order_relaxed)) { // relaxed: V1, read under the guard
      break;
    }
  }
  if (sync::sleep_on(state.readers, w, state.guard, held, deadline, sched::wait_reason::shared_mutex, this) ==
      sync::waking::woken)
    return true;
  if (state.nobody_waits()) word_.fetch_and(~waiting, std::memory_order_relaxed); // relaxed: V1
  lock::release(held);
  return false;
}

// Unlocks, when somebody waits.
void shared_mutex::hand_over(std::uint32_t mine) noexcept {
  auto& state = *std::launder(reinterpret_cast<shared_mutex_state*>(state_));
  for (;;) {
    wait::waiter_list claimed;
    const lock::held held = state.guard.acquire(wait::this_thread());
    if (word_.load(std::memory_order_acquire) ==
        (mine | waiting)) { // R1; from here to the store nobody else writes
      const sync::phase next = sync::choose_next(state, mine == reader, claimed);
      std::uint32_t word = claimed.empty() ? mine : next.readers * reader;
      if (next.writer != nullptr) {
        owner_.store(next.writer, std::memory_order_relaxed); // relaxed: ready() orders it
        word = writer;
      }
      word_.store(word | (state.nobody_waits() ? 0 : waiting), std::memory_order_release); // R1
    }
    lock::release(held);
    if (!claimed.empty()) return sync::ready_all(claimed);
    // Nobody waits any more, or other readers have joined.
    std::uint32_t now = word_.load(std::memory_order_relaxed); // relaxed: the compare-exchange decides
    while (now != (mine | waiting))
      if (word_.compare_exchange_weak(now, now - mine,
                                      std::memory_order_release,  // R1; perhaps gone from here on
                                      std::memory_order_relaxed)) // relaxed: tried again
        return;
  }
}

void shared_mutex::panic_not_owner() noexcept {
  env::panic(owner_.load(std::memory_order_relaxed) == nullptr // relaxed: for the message
                 ? "unlock of a shared_mutex that nobody holds alone"
                 : "unlock of a shared_mutex that another fiber or thread holds",
             "whoever locks unlocks, lock_shared() with unlock_shared(); std::unique_lock and "
             "std::shared_lock do it for you");
}

void shared_mutex::panic_no_reader() noexcept {
  env::panic("unlock_shared of a shared_mutex that nobody holds together",
             "what was taken with lock() is released with unlock()");
}

void shared_mutex::panic_destroyed() noexcept {
  if (!env::exiting()) env::panic("a shared_mutex was destroyed while it is held or waited for");
}

} // namespace thrum
