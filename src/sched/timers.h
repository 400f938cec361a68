// Deadlines of fibers: an entry in the wheel of the processor where it was set.
#pragma once

#include "env/env.h"
#include "timer/wheel.h"
#include "wait/lock.h"

namespace thrum::sched {

struct processor;
struct worker;

struct timer_entry : timer::entry {
  processor* home = nullptr; // whose wheel; constant while it is linked
  // Called once when it is due, inside the runtime, under the guard of its wheel: claims a wait and makes it ready, or
  // launches a task. Neither parks nor sets nor cancels timers.
  void (*fire)(worker& w, timer_entry& e) noexcept = nullptr;
};

// Sets a timer and leaves its wheel guarded, so that it cannot fire before the caller has parked and released the guard.
// Requires: inside the runtime (worker.h); e.deadline and e.fire are set.
wait::lock::held set_timer(worker& w, timer_entry& e) noexcept;

// Takes the timer out; false if it has fired. When this returns, it is not firing. Any thread with a context.
bool cancel_timer(const wait::thread_context& me, timer_entry& e) noexcept;

} // namespace thrum::sched
