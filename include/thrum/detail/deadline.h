// Serves every header with a timeout: durations and time points of any clock become one absolute number inside.
#pragma once

#include <chrono>
#include <cstdint>

namespace thrum::detail {

using deadline_t = std::int64_t; // nanoseconds of std::chrono::steady_clock
inline constexpr deadline_t no_deadline = INT64_MAX;

deadline_t steady_now() noexcept; // the clock of the calling fiber's runtime

// `timeout` from now; rounds up to whole nanoseconds, saturates instead of overflowing.
template <class Rep, class Period>
deadline_t deadline_after(const std::chrono::duration<Rep, Period>& timeout) noexcept {
  using seconds = std::chrono::duration<double>;
  if (timeout <= timeout.zero()) return steady_now();
  constexpr double longest = 200.0 * 365 * 86'400; // 200 years: no one waits for its end
  if (seconds(timeout).count() > longest) return no_deadline;
  return steady_now() + std::chrono::ceil<std::chrono::nanoseconds>(timeout).count();
}

template <class Clock, class Duration>
deadline_t to_deadline(const std::chrono::time_point<Clock, Duration>& point) noexcept {
  if constexpr (std::is_same_v<Clock, std::chrono::steady_clock>) {
    using seconds = std::chrono::duration<double>;
    constexpr double latest = 9.2e9; // where nanoseconds overflow
    if (seconds(point.time_since_epoch()).count() > latest) return no_deadline;
    return std::chrono::ceil<std::chrono::nanoseconds>(point.time_since_epoch()).count();
  } else {
    // Another clock: by how far ahead it is now. A later jump of that clock is not followed.
    return deadline_after(point - Clock::now());
  }
}

} // namespace thrum::detail
