// back_off: waiting for what nobody tells, by asking again and again: after 1 ms, 2 ms, 4 ms, ... and then every `longest`.
#pragma once

#include <algorithm>
#include <chrono>

#include <thrum/io/deadline.h>
#include <thrum/this_fiber.h>

namespace thrum::io {

class back_off {
public:
  back_off(deadline until, std::chrono::milliseconds longest) noexcept
      : until_(until.time()), longest_(std::chrono::nanoseconds(longest).count()) {}

  // Waits before the next try. False: the deadline has passed. May park. Throws `cancelled`.
  bool wait() {
    const detail::deadline_t now = detail::steady_now();
    if (now >= until_) return false;
    this_fiber::detail::sleep_until(std::min(until_, now + pause_)).act();
    pause_ = std::min(pause_ * 2, longest_);
    return true;
  }

private:
  const detail::deadline_t until_;
  const detail::deadline_t longest_;
  detail::deadline_t pause_ = 1'000'000;
};

} // namespace thrum::io
