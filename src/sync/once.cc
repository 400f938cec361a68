// once: who calls, and who waits for the call.
//
//   idle      nobody has called                                  -> running, by who is to call
//   running   somebody is in the call                            -> awaited, under the guard, by the first to wait
//                                                                -> called or idle, by the caller
//   awaited   the same, and somebody may be queued               -> running, under the guard, by the caller as it ends
//   called    for ever
//
// Destroying at once: whoever sees `called` may destroy the flag, so that store must be the caller's last touch. A caller
// that finds `awaited` therefore first claims who waits and puts the stage back to `running`, under the guard; then it
// leaves the guard and tries again to end, by compare-exchange from `running`. Only when that has succeeded does it make
// the claimed run.
//
// Orderings
//   Y1  stage_: release compare-exchange of the caller's end -> acquire load or compare-exchange of who comes later. Those who
//       waited see it by ready() (sched/park.h).
#include "env/panic.h"
#include "sync/sleep_on.h"

#include <new>
#include <thrum/once.h>

namespace thrum {
namespace sync {

namespace {

struct once_state {
  wait::lock guard;
  wait::waiter_list waiters; // guarded
};

} // namespace
} // namespace sync

using sync::once_state;
using wait::lock;

bool once_flag::begin() {
  static_assert(sizeof(once_state) <= sizeof(state_));
  auto& state = *std::launder(reinterpret_cast<once_state*>(state_));
  wait::agent& self = sched::this_agent();
  for (;;) {
    std::uint32_t now = idle;
    if (stage_.compare_exchange_strong(now, running, std::memory_order_acquire, // Y1
                                       std::memory_order_acquire)) {            // Y1
      caller_.store(&self, std::memory_order_relaxed); // relaxed: only we compare equal
      return true;
    }
    if (now == called) return false;
    if (caller_.load(std::memory_order_relaxed) == &self) // relaxed: equal only if we wrote it
      env::panic("call_once was called by its own function, with the same flag",
                 "it would wait for itself for ever");
    lock::held held = state.guard.acquire(wait::this_thread());
    now = running;
    if (!stage_.compare_exchange_strong(now, awaited, std::memory_order_relaxed, // relaxed: guarded
                                        std::memory_order_relaxed) &&            // relaxed: looked at again
        now != awaited) {
      lock::release(held);
      continue; // the call has just ended
    }
    wait::waiter w;
    w.owner = &self;
    const sync::waking how = sync::sleep_on(state.waiters, w, state.guard, held, detail::no_deadline,
                                            sched::wait_reason::once, this);
    if (how == sync::waking::stopped) {
      lock::release(held); // `awaited` without a waiter is harmless
      sync::throw_cancelled(self);
    }
    if (w.how == wait::outcome::done) return false; // the flag may be gone
  }
}

void once_flag::end(bool has_returned) noexcept {
  auto& state = *std::launder(reinterpret_cast<once_state*>(state_));
  wait::waiter_list claimed;
  caller_.store(nullptr, std::memory_order_relaxed); // relaxed: see begin()
  for (;;) {
    std::uint32_t now = running;
    if (stage_.compare_exchange_strong(now, has_returned ? called : idle,
                                       std::memory_order_release,  // Y1; gone from here on
                                       std::memory_order_relaxed)) // relaxed: it is `awaited`
      break;
    const lock::held held = state.guard.acquire(wait::this_thread());
    sync::claim_all(state.waiters, claimed, has_returned ? wait::outcome::done : wait::outcome::closed);
    stage_.store(running,
                 std::memory_order_relaxed); // relaxed: guarded; only the caller changes it from here
    lock::release(held);
  }
  sync::ready_all(claimed);
}

} // namespace thrum
