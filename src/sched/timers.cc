// Each processor has a wheel; any worker may fire what is due on it, so timers do not wait for a processor whose holder
// computes. The guard of a wheel is biased like that of a channel: a processor sets and cancels its own timers with plain
// stores.
#include "sched/timers.h"

#include "sched/handoff.h"
#include "sched/park.h"
#include "sched/scheduler.h"
#include "sched/simulation.h"

#include <algorithm>

namespace thrum::sched {

namespace {

// Orderings
//   M1  `earliest` is written under the guard. Readers without it use it to decide whether to take the guard or how long to
//       sleep; who goes to sleep on it has I3 of idle.cc.
void publish_earliest(processor& p) noexcept {
  const env::nanoseconds earliest = p.timers.earliest();
  if (p.earliest.load(std::memory_order_relaxed) != earliest) // relaxed: M1
    p.earliest.store(earliest, std::memory_order_relaxed);    // relaxed: M1
}

// The timer of one wait.
struct wait_timer {
  timer_entry entry;
  wait::waiter waiter;
  wait::lock::held wheel = nullptr; // held from arming to the end of the switch
  wait::lock::held guard = nullptr;
  void (*release)(void*) noexcept = nullptr;
  void* argument = nullptr;
};

void end_wait(worker& w, timer_entry& e) noexcept {
  auto& t = reinterpret_cast<wait_timer&>(e); // its first member
  if (wait::claim(t.waiter)) ready_inside(w, *t.waiter.owner);
}

void release_with_wheel(void* raw) noexcept {
  auto* t = static_cast<wait_timer*>(raw);
  const wait::lock::held wheel = t->wheel;
  if (t->guard != nullptr)
    wait::lock::release(t->guard);
  else
    t->release(t->argument);
  wait::lock::release(
      wheel); // last: the agent cancels the timer or was woken by it, so its frame is valid until then
}

std::uint32_t park_thread_until(wait::guest& g, wait::lock::held guard, void (*release)(void*) noexcept,
                                void* argument, env::nanoseconds deadline, std::uint32_t timeout) noexcept {
  g.decided.store(wait::decision::shielded,
                  std::memory_order_relaxed); // relaxed: only claimants decide, P1 (stop.cc)
  if (guard != nullptr)
    wait::lock::release(guard);
  else
    release(argument);
  if (!g.sleep_until(deadline)) {
    std::uint32_t expected = wait::decision::shielded;
    if (!g.decided.compare_exchange_strong(expected, wait::decision::first + timeout,
                                           std::memory_order_relaxed,  // relaxed: our own wait
                                           std::memory_order_relaxed)) // relaxed: lost
      g.sleep(); // somebody has claimed the wait and is about to wake us
  }
  return take_decision(g);
}

} // namespace

std::uint32_t park_until(wait::agent& self, wait::lock::held guard, void (*release)(void*) noexcept,
                         void* argument, env::nanoseconds deadline, std::uint32_t timeout, wait_reason why,
                         const void* what) noexcept {
  self.has_deadline = true;
  if (self.kind == wait::agent_kind::thread) {
    self.note_wait(why, what);
    const std::uint32_t d =
        park_thread_until(static_cast<wait::guest&>(self), guard, release, argument, deadline, timeout);
    self.has_deadline = false;
    return d;
  }
  wait_timer t;
  t.entry.deadline = deadline;
  t.entry.fire = &end_wait;
  t.entry.touches = &self;
  t.waiter.owner = &self;
  t.waiter.index = timeout;
  t.guard = guard;
  t.release = release;
  t.argument = argument;
  t.wheel = set_timer(enter(), t.entry);
  const std::uint32_t d = park(self, &release_with_wheel, &t, why, what);
  self.has_deadline = false;
  if (d != wait::decision::first + timeout) cancel_timer(wait::this_thread(), t.entry);
  return d;
}

// Workers that run look at all wheels before they sleep.
void announce_deadline(runtime_core& core, env::nanoseconds deadline) noexcept {
  base::thread_fence(std::memory_order_seq_cst);         // I1 (idle.cc), I3 (idle.cc)
  if (core.polling.load(std::memory_order_relaxed) == 0) // relaxed: the fence
    wake_another(core);                                  // it will poll, if it finds nothing else
  else if (deadline < core.polling_until.load(std::memory_order_relaxed)) // relaxed: the fence
    kick(core);
}

wait::lock::held set_timer(worker& w, timer_entry& e) noexcept {
  const bool detached = is_detached(w);
  processor& p = detached ? *w.runtime.processors[0] : *w.proc;
  const wait::lock::held guard = p.timer_guard.acquire(w);
  e.home = &p;
  p.timers.insert(e);
  publish_earliest(p);
  if (__builtin_expect(detached, false)) announce_deadline(w.runtime, e.deadline);
  return guard;
}

wait::lock::held hold_timer_elsewhere(runtime_core& core, const wait::thread_context& me,
                                      timer_entry& e) noexcept {
  processor& p = *core.processors[0];
  const wait::lock::held guard = p.timer_guard.acquire(me);
  e.home = &p;
  p.timers.insert(e);
  publish_earliest(p);
  return guard;
}

void set_timer_elsewhere(runtime_core& core, const wait::thread_context& me, timer_entry& e) noexcept {
  const env::nanoseconds deadline = e.deadline;
  wait::lock::release(hold_timer_elsewhere(core, me, e)); // it may fire, and be gone
  announce_deadline(core, deadline);
}

bool cancel_timer(const wait::thread_context& me, timer_entry& e) noexcept {
  processor& p = *e.home;
  const wait::lock::held guard = p.timer_guard.acquire(me);
  const bool pending = e.linked;
  if (pending) {
    p.timers.erase(e);
    publish_earliest(p);
  }
  wait::lock::release(guard);
  return pending;
}

void repeat_timer(worker& w, timer_entry& e, env::nanoseconds period) noexcept {
  const env::nanoseconds late = w.runtime.world.now() - e.deadline;
  e.deadline += (late > 0 ? late / period + 1 : 1) * period;
  e.home->timers.insert(e);
}

// A timer launches a task while perhaps no fiber is alive, so the drainer could miss it (drain.cc, N1). Both sides announce
// first and look second:
//
//   who fires                                    the drainer
//   ---------                                    -----------
//   spawned + 1                                  draining = true
//   full fence                                   full fence
//   draining? -> finished + 1, launch nothing    sum
//
//   M2  the two fences: one of them sees the other. (A seq_cst store would not do: what the drainer sums are relaxed loads.)
bool announce_launch(worker& w) noexcept {
  processor& p = *w.proc;
  p.spawned.store(p.spawned.load(std::memory_order_relaxed) + 1,
                  std::memory_order_relaxed);    // relaxed: N1 (drain.cc)
  base::thread_fence(std::memory_order_seq_cst); // M2
  if (__builtin_expect(!w.runtime.draining.load(std::memory_order_relaxed), true))
    return true; // relaxed: the fence
  withdraw_launch(w);
  return false;
}

void launch_announced(worker& w, detail::task& t) noexcept {
  base::tsan_release(&t);
  if (is_recorded(w)) record::created(w, t, false);
  if (!w.proc->fresh.push_back(&t)) w.runtime.global.push_front_level(t); // shared, if at all, by who fires
}

void withdraw_launch(worker& w) noexcept {
  processor& p = *w.proc;
  const std::uint64_t finished = p.finished.load(std::memory_order_relaxed) + 1; // relaxed: our own
  p.finished.store(finished, std::memory_order_release);                         // N1 (drain.cc)
  if (w.runtime.draining.load(std::memory_order_relaxed)) note_end(w.runtime);   // relaxed: as in fiber_main
}

void discard_timers(runtime_core& core) noexcept {
  worker last(core); // fire() wants one; it runs nothing
  for (unsigned i = 0; i < core.count_made(); ++i) {
    last.proc = core.processors[i];
    fire_timers(last, *core.processors[i], env::forever);
  }
}

#if !defined(THRUM_EXPLORE) // models are not simulated
namespace {

// In a simulation: one of those that are due, whichever it likes; the others stay, and may turn out not to be needed.
bool fire_one(worker& w, processor& p, env::nanoseconds now) noexcept {
  const wait::lock::held guard = p.timer_guard.acquire(w);
  timing::entry* due = nullptr; // linked by `next`, which is free as long as an entry is not in the wheel
  std::size_t n = 0;
  p.timers.advance(now, SIZE_MAX, [&](timing::entry& e) {
    e.next = due;
    due = &e;
    ++n;
  });
  timer_entry* chosen = nullptr;
  std::size_t left = n == 0 ? 0 : w.runtime.simulated->choose_timer(w, n);
  // The last one that was taken out is first: put back in the order in which they were.
  timing::entry* rest = nullptr;
  while (due != nullptr) {
    timing::entry* const e = due;
    due = e->next;
    if (left-- == 0) {
      chosen = static_cast<timer_entry*>(e);
    } else {
      e->next = rest;
      rest = e;
    }
  }
  while (rest != nullptr) {
    timing::entry* const e = rest;
    rest = e->next;
    e->next = nullptr;
    p.timers.insert(*e);
  }
  if (chosen != nullptr) {
    chosen->next = nullptr;
    chosen->fire(w, *chosen);
  }
  publish_earliest(p);
  wait::lock::release(guard);
  return n != 0;
}

} // namespace
#endif

bool fire_timers(worker& w, processor& p, env::nanoseconds now) noexcept {
#if !defined(THRUM_EXPLORE)
  if (w.runtime.simulated != nullptr &&
      !w.runtime.stopping.load(std::memory_order_relaxed)) // relaxed: the worker's own, or it has ended
    return fire_one(w, p, now);
#endif
  constexpr std::size_t batch = 64; // under the guard at a time
  bool any = false;
  for (;;) {
    const wait::lock::held guard = p.timer_guard.acquire(w);
    const std::size_t n = p.timers.advance(
        now, batch,
        [&](timing::entry& e) { static_cast<timer_entry&>(e).fire(w, static_cast<timer_entry&>(e)); },
        [](timing::entry& e) { __builtin_prefetch(static_cast<timer_entry&>(e).touches); });
    publish_earliest(p);
    wait::lock::release(guard);
    any |= n != 0;
    if (n < batch) return any;
  }
}

env::nanoseconds earliest_timer(const runtime_core& core) noexcept {
  env::nanoseconds earliest = env::forever;
  for (unsigned i = 0, n = core.count_made(); i < n; ++i)
    earliest =
        std::min(earliest, core.processors[i]->earliest.load(std::memory_order_relaxed)); // relaxed: M1
  return earliest;
}

} // namespace thrum::sched
