// Parking and waking.
//
// The order of a wait is the protocol of wait/waiter.h: publish, release the guard, sleep. A fiber can do the first two only
// when it has left its stack, so it leaves them to whoever runs next on this worker
// (finish_departure in scheduler.h).
//
// Stop requests: stop.cc.
#include "sched/park.h"

#include "base/check.h"
#include "env/panic.h"
#include "sched/coroutine.h"
#include "sched/scheduler.h"
#include "sched/simulation.h"
#include "sched/strand.h"
#include "sched/switch.h"
#include "wait/local.h"

#include <thrum/detail/local.h>

namespace thrum::sched {

namespace decision = wait::decision;

std::uint32_t park_thread(wait::guest& g, wait::lock::held guard, void (*release)(void*) noexcept,
                          void* argument, wait_reason why, const void* what) noexcept {
  g.note_wait(why, what);
  g.decided.store(decision::shielded,
                  std::memory_order_relaxed); // relaxed: only claimants decide, P1 (stop.cc)
  if (guard != nullptr)
    wait::lock::release(guard);
  else
    release(argument);
  g.sleep();
  return take_decision(g);
}

void finish_departure_stopped(worker& w) noexcept {
  const departure leaving = std::exchange(w.leaving, {});
  std::uint32_t expected = leaving.publish;
  const bool stop_now = expected != decision::shielded && stop_in_force(*leaving.parked) &&
                        leaving.parked->decided.compare_exchange_strong(
                            expected, decision::stopped,
                            std::memory_order_relaxed,  // relaxed: this worker has left the stack itself
                            std::memory_order_relaxed); // relaxed: lost
  // The strand goes on first: whoever is made ready below, this fiber too, finds it free or queues there.
  strand_core* const strand = leaving.parked->on_strand ? &strand_of(*leaving.parked) : nullptr;
  detail::runnable* const next = strand != nullptr ? strand->pass_on() : nullptr;
  if (leaving.guard != nullptr)
    wait::lock::release(leaving.guard);
  else
    leaving.release(leaving.argument);
  if (stop_now) ready_inside(w, *leaving.parked);
  if (next == nullptr) return;
  strand->start(w, *next);
  share_if_idle(w);
}

// What was left is taken word by word: read as vectors, it would wait for the stores that wrote the words shortly before (as
// detail_switch::copy() in switch.h).
void finish_departure_special(worker& w) noexcept {
  if (fiber* const dead = w.leaving.dead) {
    w.leaving.dead = nullptr;
    w.leaving.pending = false;
    return bury(w, *dead);
  }
  if (fiber* f = w.leaving.parked) {                                // several guards
    f->decided.store(w.leaving.publish, std::memory_order_release); // P1 (stop.cc)
    base::light_fence();                                            // P2 (stop.cc)
    if (f->stop_requested.load(std::memory_order_relaxed))
      return finish_departure_stopped(w); // relaxed: P2 (stop.cc)
  }
  w.leaving.pending = false;
  w.leaving.parked = nullptr;
  std::exchange(w.leaving.release, nullptr)(w.leaving.argument);
}

bool must_stop_slow(const fiber& f) noexcept { return !is_shielded(this_worker(), f) && stop_in_force(f); }

void ready_other(wait::claimable& a) noexcept {
  if (a.kind == wait::agent_kind::coroutine) return ready_coroutine(static_cast<coroutine&>(a));
  static_cast<wait::guest&>(a).wake();
}

void ready_inside(worker& w, wait::claimable& a) noexcept {
  if (a.kind == wait::agent_kind::thread) return static_cast<wait::guest&>(a).wake();
  if (a.kind == wait::agent_kind::coroutine) return ready_coroutine_inside(w, static_cast<coroutine&>(a));
  auto& f = static_cast<fiber&>(a);
  if (f.runtime == &w.runtime && w.proc != nullptr) {
    if (is_recorded(w)) record::ready(w, f, false);
    push_ready(w, f);
  } else {
    ready_elsewhere(f);
  }
}

namespace {

// From here on it may run, and its runtime end; but not before the visitor has let go.
void queue_elsewhere(runtime_core& core, detail::runnable& r) noexcept {
  if (core.simulated != nullptr) core.simulated->check_caller(core);
  core.visitors.fetch_add(1, std::memory_order_relaxed); // relaxed: the queue's lock orders it before the end
  core.global.push_front_level(r);
  base::thread_fence(std::memory_order_seq_cst); // I1 (idle.cc)
  wake_another(core);
  core.visitors.fetch_sub(1, std::memory_order_release); // N4 (drain.cc)
}

} // namespace

void ready_elsewhere(fiber& f) noexcept {
  if (may_be_recorded()) record::ready_elsewhere(f);
  queue_elsewhere(*f.runtime, f);
}

void launch_elsewhere(runtime_core& core, detail::task& t) noexcept {
  core.spawned_elsewhere.fetch_add(1, std::memory_order_relaxed); // relaxed: N1 (drain.cc)
  if (may_be_recorded()) record::created_elsewhere(t);
  queue_elsewhere(core, t);
}

void ready_later(wait::claimable& a) noexcept {
  worker* here = a.kind == wait::agent_kind::fiber ? try_this_worker() : nullptr;
  if (here == nullptr || static_cast<fiber&>(a).runtime != &here->runtime) return ready(a);
  worker& w = enter();
  if (is_recorded(w)) record::ready(w, static_cast<fiber&>(a), true);
  push_ready(w, static_cast<fiber&>(a));
  if (w.runtime.idle_count.load(std::memory_order_relaxed) != 0) share(w); // relaxed: a hint
  leave();
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
