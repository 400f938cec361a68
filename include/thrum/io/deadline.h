// deadline: until when an operation may wait. Made from a duration (from now) or from a point of any clock; without one, an
// operation waits as long as it takes.
//
//   thrum::net::tcp_stream stream;
//   char buffer[4096];
//   const thrum::io::deadline end = 10s;         // one point in time, for all that follows
//   while (auto n = stream.read_some(buffer, end))
//     if (*n == 0 || !stream.write_all({buffer, *n}, 2s)) break; // 2 s for each write
//
// What the caller owes   nothing.
// What is guaranteed     An operation whose deadline has passed already still does what it can do without waiting: bytes that are
//                        there are read, so a deadline of 0 s polls. Only the sticky deadlines of io/handle.h refuse
//                        before. None is given up early. Rounding, the longest duration and other clocks: as for
//                        sleeps (this_fiber.h); they count from when the deadline is made.
// May park               no.
// Happens-before         nothing.
// When it dies           A value.
// Errors                 An operation that comes too late says errc::deadline.
// Cost                   8 bytes; making one from a duration reads the clock.
// Source of the idea     Go's deadlines, which are points in time, too.
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
