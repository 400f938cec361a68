// How many processors may this process use? The affinity mask, lowered by the CPU quota of its cgroup and of every
// cgroup above it (a quota of 1.5 CPUs gives 2: the scheduler must be able to use what is granted).
#pragma once

#include "env/env.h"

namespace thrum::env {

topology read_topology() noexcept;

// Parts that tests feed with files of their own. Both return 0 for "no limit".
unsigned quota_from_cpu_max(const char* text) noexcept; // cgroup v2: "max 100000", "150000 100000"
unsigned quota_from_cfs(const char* quota_us, const char* period_us) noexcept; // cgroup v1

} // namespace thrum::env
