// debug: what THRUM_DEBUG asks of a runtime; docs/debugging.md describes the modes for users.
//
// A program that is not debugged must not pay. So a runtime with debug modes makes all its fibers special (special.cc), and
// the check that is made anyway of what was picked from a queue, fiber or task, leads to the modes.
#pragma once

namespace thrum::sched {

struct worker;

struct debug_modes {
  bool migrate = false;    // a fiber goes on on another thread after each park
  bool held_mutex = false; // leaving a thread with a lock of the thread's held is reported
  bool one_by_one =
      false; // who asks and waits for the answer again and again is reported; makes no fiber special (one_by_one.h)
  // lock_order is the process's, not a runtime's: wait::watch_locks().
  bool any() const noexcept { return migrate || held_mutex; }
};

// Reads the environment. Complains about words that it does not know, on standard error.
debug_modes wanted_debug_modes() noexcept;

// Mode held_mutex: called when a fiber is about to leave its thread. Reports it, once for each place where fibers are started.
void look_for_held_locks(worker& w) noexcept;

} // namespace thrum::sched
