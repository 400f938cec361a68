// Stands in for sched/switch.h in explorations: each fiber has a model thread of its own (explored.h), which is also the worker
// that it runs on. To leave the stack is to do what was left behind (finish_departure) and to wait until somebody makes the
// fiber ready.
#pragma once

#include "sched/explore/explored.h"
#include "sched/scheduler.h"

namespace thrum::sched {

inline void switch_to_next(worker& w, fiber& from) noexcept {
  auto& sleeper = static_cast<explored_fiber&>(from);
  sleeper.stack.set(1);
  w.current = nullptr;
  if (w.leaving.pending) finish_departure(w);
  sleeper.bed.park();
  w.current = &from;
}

} // namespace thrum::sched
