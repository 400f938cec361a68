// The monitor: a thread that takes processors away from workers whose fibers hog them.
#pragma once

namespace thrum::sched {

struct runtime_core;

// Called when there is a first worker. A monitor that cannot be started is reported once; the runtime works without.
void start_monitor(runtime_core& core) noexcept;
// Requires: no fiber is left.
void end_monitor(runtime_core& core) noexcept;
// Somebody is busy. Called by workers that stop being idle; one load if the monitor is awake.
void arouse_monitor(runtime_core& core) noexcept;

} // namespace thrum::sched
