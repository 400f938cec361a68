// Parking and waking.
//
// The order of a wait is the protocol of wait/waiter.h: publish, release the guard, sleep. A fiber can do the first two only
// when it has left its stack, so it leaves them to whoever runs next on this worker
// (finish_departure in scheduler.h).
//
// Stop requests
//
// Anybody may ask a fiber to stop at any time, also while it goes to sleep:
//
//   who asks                                 the fiber, parking
//   --------                                 ------------------
//   stop_requested = true                    decided = open                 // P1
//   heavy fence                    // P2     light fence                    // P2
//   decided: open -> stopped?      // P1     stop_requested?
//     yes: make the fiber ready                yes: decided: open -> stopped? make it ready
//     no: it runs, and will see the flag       (the guards are still held, so nobody else decides)
//
// By the fence at least one of them sees the other; by the compare-exchange at most one decides. A wait that must not be
// interrupted (a shield, stack unwinding) publishes `shielded` instead of `open`, which only claimants of waiters accept.
//
// Orderings
//   P1  decided: release store -> acquire compare-exchange of who asks to stop: it holds no guard, and must see the saved stack.
//       Who claims a waiter holds a guard that was released after the store: that orders everything, so a claim is relaxed.
//   P2  the fences above.
#include "sched/park.h"

#include "base/check.h"
#include "env/panic.h"
#include "sched/scheduler.h"
#include "sched/switch.h"
#include "wait/local.h"

#include <thrum/detail/local.h>

namespace thrum::sched {

namespace decision = wait::decision;

std::uint32_t park_thread(wait::guest& g, wait::lock::held guard, void (*release)(void*) noexcept,
                          void* argument, wait_reason why, const void* what) noexcept {
  g.note_wait(why, what);
  g.decided.store(decision::shielded, std::memory_order_relaxed); // relaxed: only claimants decide, P1
  if (guard != nullptr)
    wait::lock::release(guard);
  else
    release(argument);
  g.sleep();
  return take_decision(g);
}

void finish_departure_stopped(worker& w) noexcept {
  const departure leaving = std::exchange(w.leaving, {});
  std::uint32_t expected = decision::open;
  const bool stop_now = leaving.parked->decided.compare_exchange_strong(
      expected, decision::stopped,
      std::memory_order_relaxed,  // relaxed: this worker has left the stack itself
      std::memory_order_relaxed); // relaxed: lost
  if (leaving.guard != nullptr)
    wait::lock::release(leaving.guard);
  else
    leaving.release(leaving.argument);
  if (stop_now) ready_inside(w, *leaving.parked);
}

void finish_departure_special(worker& w) noexcept {
  if (fiber* f = w.leaving.parked) {                                // several guards
    f->decided.store(w.leaving.publish, std::memory_order_release); // P1
    base::light_fence();                                            // P2
    if (f->stop_requested.load(std::memory_order_relaxed)) return finish_departure_stopped(w); // relaxed: P2
  }
  const departure leaving = std::exchange(w.leaving, {});
  if (leaving.dead != nullptr)
    bury(w, *leaving.dead);
  else
    leaving.release(leaving.argument);
}

bool must_stop_slow(const fiber& f) noexcept { return !is_shielded(this_worker(), f); }

void ready_inside(worker& w, wait::agent& a) noexcept {
  if (a.kind == wait::agent_kind::thread) return static_cast<wait::guest&>(a).wake();
  auto& f = static_cast<fiber&>(a);
  if (f.runtime == &w.runtime && w.proc != nullptr) {
    push_ready(w, f);
  } else {
    ready_elsewhere(f);
  }
}

void ready_elsewhere(fiber& f) noexcept {
  runtime_core& core = *f.runtime;
  core.visitors.fetch_add(
      1, std::memory_order_relaxed);             // relaxed: the queue's lock orders it before the fiber's end
  core.global.push_front_level(f);               // from here on it may run, and its runtime end
  base::thread_fence(std::memory_order_seq_cst); // I1 (idle.cc)
  wake_another(core);
  core.visitors.fetch_sub(1, std::memory_order_release); // N4 (drain.cc)
}

void ready_later(wait::agent& a) noexcept {
  worker* here = a.kind == wait::agent_kind::fiber ? try_this_worker() : nullptr;
  if (here == nullptr || static_cast<fiber&>(a).runtime != &here->runtime) return ready(a);
  worker& w = enter();
  push_ready(w, static_cast<fiber&>(a));
  if (w.runtime.idle_count.load(std::memory_order_relaxed) != 0) share(w); // relaxed: a hint
  leave();
}

void stop_fiber(fiber& f) noexcept {
  f.stop_requested.store(true, std::memory_order_relaxed); // relaxed: the fence orders it
  base::heavy_fence();                                     // P2
  std::uint32_t expected = decision::open;
  if (f.decided.compare_exchange_strong(
          expected, decision::stopped, std::memory_order_acquire, // P1
          std::memory_order_relaxed))                             // relaxed: it runs, or is decided otherwise
    ready(f);
}

} // namespace thrum::sched

namespace thrum::detail {

// Destructors may wait, and are not told to stop then: they must not throw.
void end_belongings() noexcept {
  wait::agent& self = sched::this_agent();
  if (self.own.locals == nullptr && self.own.bound == nullptr) return;
  const sched::shield no_stop(self);
  wait::end_belongings(self.own);
}

} // namespace thrum::detail
