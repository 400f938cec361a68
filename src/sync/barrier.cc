// barrier: arrivals are counted under the guard. Who counts the last one leaves the guard, runs the completion function
// (which may wait, so no lock is held), and then begins the next phase under the guard, letting everybody go.
//
// Nobody can arrive in between: everybody who is expected has arrived. So more than that is misuse, and is noticed.
//
// Destroying at once: a waiter is made ready after the guard was left; who sees the new phase without the guard waits until
// it is free. Those who arrived before the last one have left the guard before the last one took it.
//
// Orderings
//   B1  phase_: release store of who completes the phase -> acquire load of who waits without the guard.
//   Arrivals are ordered by the guard; those who were queued by ready() (sched/park.h).
#include "env/panic.h"
#include "sync/sleep_on.h"

#include <new>
#include <thrum/barrier.h>

namespace thrum {
namespace sync {

namespace {

struct barrier_state {
  wait::lock guard;
  wait::waiter_list waiters; // guarded; all of the present phase
};

barrier_state& state_of(unsigned char* bytes) noexcept {
  return *std::launder(reinterpret_cast<barrier_state*>(bytes));
}

// Waits until `current` is not `phase` any more. The guard is held, and is released.
void wait_for_next(barrier_state& state, wait::lock::held held, const detail::atomic<std::uint64_t>& current,
                   std::uint64_t phase, const void* what) {
  wait::waiter w;
  w.owner = &sched::this_agent();
  if (sleep_on(state.waiters, w, state.guard, held, detail::no_deadline, sched::wait_reason::barrier, what) ==
      waking::woken)
    return;
  const bool completed = current.load(std::memory_order_relaxed) != phase; // relaxed: guarded
  wait::lock::release(held);
  if (!completed) throw_cancelled(*w.owner);
}

} // namespace
} // namespace sync

namespace detail {

using wait::lock;

// The guard is held. True: that was the last one.
bool barrier_core::count(std::ptrdiff_t n, bool leaves) noexcept {
  if (n <= 0) env::panic("arrive() at a barrier with a count that is not positive");
  if (n > pending_)
    env::panic("more arrived at a barrier than are expected",
               "each of the expected arrives once in a phase, and waits before the next");
  if (leaves) --expected_;
  pending_ -= n;
  return pending_ == 0;
}

void barrier_core::complete(const completion& last_act) noexcept {
  {
    const sched::shield no_stop(sched::this_agent());
    last_act.call(last_act.object);
  }
  sync::barrier_state& state = sync::state_of(state_);
  wait::waiter_list claimed;
  const lock::held held = state.guard.acquire(wait::this_thread());
  pending_ = expected_;
  phase_.store(phase_.load(std::memory_order_relaxed) + 1, std::memory_order_release); // relaxed: guarded; B1
  sync::claim_all(state.waiters, claimed);
  lock::release(held);
  sync::ready_all(claimed);
}

std::uint64_t barrier_core::arrive(std::ptrdiff_t n, bool leaves, const completion& last_act) noexcept {
  static_assert(sizeof(sync::barrier_state) <= sizeof(state_));
  const lock::held held = sync::state_of(state_).guard.acquire(wait::this_thread());
  const std::uint64_t phase = phase_.load(std::memory_order_relaxed); // relaxed: guarded
  const bool last = count(n, leaves);
  lock::release(held);
  if (last) complete(last_act);
  return phase;
}

void barrier_core::wait(std::uint64_t phase) {
  sync::barrier_state& state = sync::state_of(state_);
  if (phase_.load(std::memory_order_acquire) != phase) return state.guard.wait_until_free(); // B1
  lock::held held = state.guard.acquire(wait::this_thread());
  if (phase_.load(std::memory_order_relaxed) != phase) return lock::release(held); // relaxed: guarded
  sync::wait_for_next(state, held, phase_, phase, this);
}

void barrier_core::arrive_and_wait(const completion& last_act) {
  sync::barrier_state& state = sync::state_of(state_);
  lock::held held = state.guard.acquire(wait::this_thread());
  const std::uint64_t phase = phase_.load(std::memory_order_relaxed); // relaxed: guarded
  if (count(1, false)) {
    lock::release(held);
    return complete(last_act);
  }
  sync::wait_for_next(state, held, phase_, phase, this);
}

void barrier_core::panic_initial() noexcept {
  env::panic("a barrier was made for a negative number of arrivals");
}

} // namespace detail
} // namespace thrum
