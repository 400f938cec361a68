// deadline: until when an operation may wait. Made from a duration (from now) or from a point of any clock; without one, an
// operation waits as long as it takes.
//
//   stream.read_some(buffer, 2s);
//   stream.read_some(buffer, start + 10s);
//
// An operation whose deadline has passed already still does what it can do without waiting.
#pragma once

#include <thrum/detail/deadline.h>

#include <chrono>

namespace thrum::io {

class deadline {
public:
  constexpr deadline() noexcept = default; // none
  template <class Rep, class Period> deadline(const std::chrono::duration<Rep, Period>& from_now) noexcept
      : time_(detail::deadline_after(from_now)) {}
  template <class Clock, class Duration>
  deadline(const std::chrono::time_point<Clock, Duration>& point) noexcept
      : time_(detail::to_deadline(point)) {}

  [[nodiscard]] constexpr bool is_none() const noexcept { return time_ == detail::no_deadline; }
  [[nodiscard]] constexpr detail::deadline_t time() const noexcept {
    return time_;
  } // as detail/deadline.h counts

private:
  detail::deadline_t time_ = detail::no_deadline;
};

} // namespace thrum::io
