// The monotonic clock without a table: for code of this room that must not go through a world.
#pragma once

#include "env/env.h"

#include <ctime>

namespace thrum::env {

inline nanoseconds monotonic_now() noexcept {
  timespec t;
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<nanoseconds>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

inline timespec to_timespec(nanoseconds t) noexcept {
  return {.tv_sec = static_cast<time_t>(t / 1'000'000'000), .tv_nsec = static_cast<long>(t % 1'000'000'000)};
}

} // namespace thrum::env
