// What the kernel knows of a thread of this process: how much it computes, whether it sleeps, how long it may run at a time.
#pragma once

#include "env/env.h"

namespace thrum::env {

int thread_id() noexcept;
nanoseconds cpu_time_of(int thread) noexcept;
bool sleeps(int thread) noexcept;
void set_time_slice(int thread, nanoseconds slice) noexcept;

} // namespace thrum::env
