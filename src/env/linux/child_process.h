// Children of the real world. Results as system calls give them (-1 and errno); world.cc turns them into negative errno values.
#pragma once

#include "env/child.h"

namespace thrum::env {

// `refuse_pidfd`: as a kernel without pidfds would (fault_site::child_watch).
int spawn_child(const child_plan& plan, child& out, bool refuse_pidfd) noexcept;
int watch_child_again(child& c, bool refuse_pidfd) noexcept;
int wait_for_child(const child& c, child_end& end, child_wait how) noexcept;
int send_to_child(const child& c, int signal, bool group) noexcept;
char* const* environment_of_this_process() noexcept;

} // namespace thrum::env
