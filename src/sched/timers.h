// Deadlines of fibers and of timers: an entry in the wheel of the processor where it was set.
#pragma once

#include "env/env.h"
#include "timer/wheel.h"
#include "wait/lock.h"

#include <thrum/detail/task.h>

namespace thrum::sched {

struct processor;
struct runtime_core;
struct worker;

struct timer_entry : timing::entry {
  processor* home = nullptr;     // whose wheel; constant while it is linked
  const void* touches = nullptr; // what fire() looks at first, if that is likely to be cold
  // Called once when it is due, inside the runtime, under the guard of its wheel: claims a wait and makes it ready, or
  // launches a task. Neither parks nor takes the guard of a primitive (who parks with a deadline holds one and takes that of
  // the wheel), nor sets or cancels timers, but for repeat_timer(). The entry is its own: it may destroy it.
  void (*fire)(worker& w, timer_entry& e) noexcept = nullptr;
};

// Sets a timer and leaves its wheel guarded, so that it cannot fire before the caller has parked and released the guard.
// Requires: inside the runtime (worker.h); e.deadline and e.fire are set.
wait::lock::held set_timer(worker& w, timer_entry& e) noexcept;

// The same from a plain thread: on the first processor of `core`. The wheel is not guarded afterwards.
void set_timer_elsewhere(runtime_core& core, const wait::thread_context& me, timer_entry& e) noexcept;

// The same, but the wheel is left guarded; and then, when it no longer is: somebody will be awake in time.
wait::lock::held hold_timer_elsewhere(runtime_core& core, const wait::thread_context& me,
                                      timer_entry& e) noexcept;
void announce_deadline(runtime_core& core, env::nanoseconds deadline) noexcept;

// Takes the timer out; false if it has fired. When this returns, it is not firing. Any thread with a context.
bool cancel_timer(const wait::thread_context& me, timer_entry& e) noexcept;

// ---- for timer_entry::fire
// Sets the timer that is firing again: a whole number of periods later, the first time that lies ahead.
void repeat_timer(worker& w, timer_entry& e, env::nanoseconds period) noexcept;

// Launching a task, in two steps: announce_launch() counts it, or says false: the runtime ends, and nothing may be launched any
// more. Then launch_announced(), or, if it turns out not to be needed, withdraw_launch().
bool announce_launch(worker& w) noexcept;
void launch_announced(worker& w, detail::task& t) noexcept;
void withdraw_launch(worker& w) noexcept;

// Fires everything that is still set, at the end of a runtime: no fiber is left, so only timers are, and they launch nothing
// but learn that they are not set any more. Requires: `draining` is set and the workers have ended.
void discard_timers(runtime_core& core) noexcept;

} // namespace thrum::sched
