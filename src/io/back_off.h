// back_off: waiting for what nobody tells, by asking again and again: after 1 ms, 2 ms, 4 ms, ... 32 ms.
#pragma once

#include <algorithm>
#include <chrono>

#include <thrum/io/deadline.h>
#include <thrum/this_fiber.h>

namespace thrum::io {

class back_off {
public:
  explicit back_off(deadline until) noexcept : until_(until.time()) {}

  // Waits before the next try. False: the deadline has passed. May park. Throws `cancelled`.
  bool wait() {
    const detail::deadline_t now = detail::steady_now();
    if (now >= until_) return false;
    this_fiber::detail::sleep_until(std::min(until_, now + pause_));
    pause_ = std::min(pause_ * 2, longest);
    return true;
  }

private:
  static constexpr detail::deadline_t longest = 32'000'000;
  const detail::deadline_t until_;
  detail::deadline_t pause_ = 1'000'000;
};

} // namespace thrum::io
