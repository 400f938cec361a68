// For the few waits that the kernel tells nobody the end of: try again after a while, that grows.
#pragma once

#include <algorithm>
#include <chrono>

#include <thrum/io/deadline.h>
#include <thrum/this_fiber.h>

namespace thrum::net {

class back_off {
public:
  explicit back_off(io::deadline until) noexcept : until_(until.time()) {}

  // False: the deadline has passed. May park. Throws `cancelled`.
  bool wait() {
    const detail::deadline_t now = detail::steady_now();
    if (until_ <= now) return false;
    const auto end = std::min(until_, now + std::chrono::nanoseconds(pause_).count());
    this_fiber::sleep_until(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(end)));
    pause_ = std::min(pause_ * 2, longest);
    return true;
  }

private:
  static constexpr std::chrono::milliseconds longest{16};
  std::chrono::milliseconds pause_{1};
  const detail::deadline_t until_;
};

} // namespace thrum::net
