// Names, by the C library's resolver: files, DNS and whatever else nsswitch.conf(5) says.
#pragma once

#include "env/env.h"

namespace thrum::env {

// As world::look_up; -1 and errno instead of a negative errno.
int ask_resolver(const char* host, const char* service, world::address_taker take, void* to) noexcept;

} // namespace thrum::env
