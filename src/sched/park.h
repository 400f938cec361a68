// Waiting and waking, for every kind of agent: the only two verbs that primitives need from the scheduler.
//
// park() is inlined into its callers with all of the switch, because each return between a switch and the caller is
// predicted wrongly by the processor (8 ns) whenever the fiber before was parked on another path.
#pragma once

#include "sched/stop.h"
#include "sched/switch.h"
#include "wait/guest.h"
#include "wait/lock.h"
#include "wait/waiter.h"

#include <cstdint>
#include <thrum/error.h>

namespace thrum::sched {

// The agent that is calling: the running fiber, or the calling thread. Requires: not in the scheduler itself.
[[gnu::always_inline]] inline wait::agent& this_agent() noexcept { return *wait::this_thread().current; }

// Puts the calling agent to sleep until ready() is called for it. The wait is published (its decision word opened) and then
// `guard` is released once the agent has left its stack; so whoever takes the guard may decide the wait and make the agent
// ready. Returns the decision (wait/agent.h), which is closed again.
// May park. Requires: the agent holds `guard` and no other lock of the runtime.
[[gnu::always_inline]] inline std::uint32_t park(wait::agent& self, wait::lock::held guard, wait_reason why,
                                                 const void* what) noexcept;

// The same with several guards: release(argument) releases them. What `argument` points to may live in the calling frame:
// the frame stays until the last guard is released (W2 in wait/waiter.h).
[[gnu::always_inline]] inline std::uint32_t park(wait::agent& self, void (*release)(void*) noexcept,
                                                 void* argument, wait_reason why, const void* what) noexcept;

// The same with a deadline: if it passes first, the decision is wait::decision::first + `timeout`. The agent's waiters must not use
// that index. (`guard` or, if null, release(argument).)
std::uint32_t park_until(wait::agent& self, wait::lock::held guard, void (*release)(void*) noexcept,
                         void* argument, env::nanoseconds deadline, std::uint32_t timeout, wait_reason why,
                         const void* what) noexcept;

// Waits that a stop request must not end.
struct shield {
  explicit shield(wait::agent& a) noexcept
      : f(a.kind == wait::agent_kind::fiber ? &static_cast<fiber&>(a) : nullptr) {
    if (f) ++f->stop_shield;
  }
  ~shield() {
    if (f) --f->stop_shield;
  }
  shield(const shield&) = delete;
  shield& operator=(const shield&) = delete;
  fiber* f;
};

// True if the agent was asked to stop and its waits are to throw now: checked before parking, under the guard.
[[gnu::always_inline]] inline bool must_stop(const wait::agent& self) noexcept;

// Makes an agent runnable whose wait the caller has decided. The agent may be running elsewhere, or gone, when this returns.
// Never parks. Everything before happens-before the return of the agent's park().
inline void ready(wait::claimable& a) noexcept;

// The same, but it runs behind the others that are ready, not next. For waking many.
void ready_later(wait::claimable& a) noexcept;

// ---------------------------------------------------------------------------------------------------------------------------

// Waits of this fiber must not throw now.
[[gnu::always_inline]] inline bool is_shielded(const worker& w, const fiber& f) noexcept {
  return f.stop_shield != 0 || static_cast<std::uint32_t>(w.exceptions->uncaught) != 0;
}

[[gnu::always_inline]] inline std::uint32_t take_decision(wait::claimable& a) noexcept {
  const std::uint32_t d = a.decided.load(std::memory_order_relaxed); // relaxed: ready() ordered it
  a.decided.store(wait::decision::closed,
                  std::memory_order_relaxed); // relaxed: nobody claims a running agent
  return d;
}

// Exactly one of guard and release is not null.
[[gnu::always_inline]] inline std::uint32_t park_fiber(fiber& f, wait::lock::held guard,
                                                       void (*release)(void*) noexcept, void* argument,
                                                       wait_reason why, const void* what) noexcept {
  worker& w = enter();
  f.note_wait(why, what);
  w.leaving.pending = true;
  w.leaving.parked = &f;
  w.leaving.publish = is_shielded(w, f) ? wait::decision::shielded : std::uint32_t{f.wait_word};
  w.leaving.guard = guard;
  w.leaving.release = release;
  w.leaving.argument = argument;
  switch_to_next(w, f);
  leave();
  return take_decision(f);
}
std::uint32_t park_thread(wait::guest& g, wait::lock::held guard, void (*release)(void*) noexcept,
                          void* argument, wait_reason why, const void* what) noexcept;
bool must_stop_slow(const fiber& f) noexcept;

[[gnu::always_inline]] inline std::uint32_t park(wait::agent& self, wait::lock::held guard, wait_reason why,
                                                 const void* what) noexcept {
  if (self.kind == wait::agent_kind::fiber)
    return park_fiber(static_cast<fiber&>(self), guard, nullptr, nullptr, why, what);
  return park_thread(static_cast<wait::guest&>(self), guard, nullptr, nullptr, why, what);
}

[[gnu::always_inline]] inline std::uint32_t park(wait::agent& self, void (*release)(void*) noexcept,
                                                 void* argument, wait_reason why, const void* what) noexcept {
  if (self.kind == wait::agent_kind::fiber)
    return park_fiber(static_cast<fiber&>(self), nullptr, release, argument, why, what);
  return park_thread(static_cast<wait::guest&>(self), nullptr, release, argument, why, what);
}

void ready_elsewhere(fiber& f) noexcept;
void ready_other(wait::claimable& a) noexcept; // no fiber
struct coroutine;
void ready_coroutine(coroutine& c) noexcept;                   // coroutine.cc
void ready_coroutine_inside(worker& w, coroutine& c) noexcept; // coroutine.cc

[[gnu::always_inline]] inline void ready(wait::claimable& a) noexcept {
  if (__builtin_expect(a.kind != wait::agent_kind::fiber, false)) return ready_other(a);
  auto& f = static_cast<fiber&>(a);
  worker* here = try_this_worker();
  if (__builtin_expect(here == nullptr || f.runtime != &here->runtime, false)) return ready_elsewhere(f);
  worker& w = enter();
  if (is_recorded(w)) record::ready(w, f, true);
  push_next(w, f);
  leave();
}

[[gnu::always_inline]] inline bool must_stop(const wait::agent& self) noexcept {
  if (self.kind != wait::agent_kind::fiber) return false;
  const auto& f = static_cast<const fiber&>(self);
  if (__builtin_expect(!f.stop_requested.load(std::memory_order_relaxed), true))
    return false; // relaxed: park looks again
  return must_stop_slow(f);
}

} // namespace thrum::sched
