// Stands in for sched/launch.h in explorations, in which no task is launched.
#pragma once

#include "sched/scheduler.h"

namespace thrum::sched {

inline bool launch_here(const executor*, detail::task&) noexcept { return false; }

} // namespace thrum::sched
