// this_fiber: what the running fiber can do about itself. All of it works on a plain thread, too, where it concerns the
// thread.
#pragma once

#include <thrum/detail/deadline.h>

#include <chrono>
#include <cstdint>

namespace thrum::this_fiber {

// Lets others run first. Returns at once if nobody else is ready. Never throws: a loop of yields sees a stop request with
// check(). Cost: 5 to 10 ns.
void yield() noexcept;

namespace detail {
void sleep_until(thrum::detail::deadline_t deadline);
}
// Parks until the time has come; never returns early. A duration of zero or less returns at once. Throws `cancelled`.
template <class Rep, class Period> void sleep_for(const std::chrono::duration<Rep, Period>& duration) {
  if (duration > duration.zero()) detail::sleep_until(thrum::detail::deadline_after(duration));
}
template <class Clock, class Duration>
void sleep_until(const std::chrono::time_point<Clock, Duration>& time) {
  const auto deadline = thrum::detail::to_deadline(
      time); // compared as a deadline: a far time of a coarse clock overflows as one
  if (thrum::detail::steady_now() < deadline) detail::sleep_until(deadline);
}

// True once the fiber was asked to stop.
[[nodiscard]] bool stop_requested() noexcept;
// Throws `cancelled` if the fiber was asked to stop. For loops that compute and never wait.
void check();

// A number that no other fiber of the process ever had; 0 on a plain thread.
[[nodiscard]] std::uint64_t id() noexcept;
// The name from attrs, or null.
[[nodiscard]] const char* name() noexcept;

} // namespace thrum::this_fiber
