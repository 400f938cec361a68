// Injected would-block answers must behave like the kernel's: after a true EAGAIN a descriptor is announced when it becomes
// ready, so after an invented one it is announced again at once. That takes knowing its token, which is kept here while
// faults are on, and only then. May allocate: no production run comes here.
#pragma once

#include "env/env.h"

namespace thrum::env {

void remember_watched(poller* p, int fd, void* token, std::uint16_t tag) noexcept;
void forget_watched(int fd) noexcept;
void forget_all_watched(poller* p) noexcept;
// Lets the poller report once more what is ready. False: nobody watches the descriptor, so nothing may be invented.
bool announce_again(int fd) noexcept;

} // namespace thrum::env
