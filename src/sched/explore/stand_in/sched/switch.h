// Stands in for sched/switch.h in explorations: each fiber has a model thread of its own (explored.h), which is also the worker
// that it runs on. To leave the stack is to do what was left behind (finish_departure), or to let another model thread do it
// (explored_mover), and to wait until somebody makes the fiber ready.
#pragma once

#include "sched/explore/explored.h"
#include "sched/scheduler.h"

namespace thrum::sched {

void leave_stack(explored_fiber& sleeper) noexcept; // explored.cc

inline void switch_to_next(worker&, fiber& from) noexcept { leave_stack(static_cast<explored_fiber&>(from)); }

} // namespace thrum::sched
