// The console: whoever has started a program with THRUM_CONSOLE may ask it what it does, at a Unix socket (docs/debugging.md).
#pragma once

#include "env/env.h"

#include <cstddef>
#include <string>

namespace thrum::inspect {

// The kernel's number of the thread that answers; 0: there is none. It never wakes a fiber, so it is none of those who could.
int console_thread() noexcept;

// More fibers than this are not looked at, because each costs a microsecond.
inline constexpr std::size_t most_fibers_watched = 100'000;

// What the process does now, as one line of JSON. `began`: when it could first be watched. Throws std::bad_alloc.
std::string look(env::nanoseconds began, std::size_t most_fibers = most_fibers_watched);

} // namespace thrum::inspect
