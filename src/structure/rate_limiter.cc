#include "env/panic.h"

#include <algorithm>
#include <mutex>
#include <thrum/rate_limiter.h>
#include <thrum/this_fiber.h>

namespace thrum {

namespace {

double interval_of(double per_second) noexcept {
  if (!(per_second > 0))
    env::panic("a rate_limiter with a rate that is not above zero", "it would never let anybody through");
  return 1e9 / per_second;
}

} // namespace

rate_limiter::rate_limiter(double per_second, unsigned burst)
    : interval_(interval_of(per_second)), burst_(burst) {
  if (burst == 0) env::panic("a rate_limiter with a burst of zero", "it would never let anybody through");
}

// When n permits are there.
detail::deadline_t rate_limiter::due(detail::deadline_t now, unsigned n) const noexcept {
  return std::max(full_, now) + cost_of(n) - cost_of(burst_);
}

void rate_limiter::acquire(unsigned n) {
  detail::deadline_t when;
  {
    const std::lock_guard hold(mutex_);
    const detail::deadline_t now = detail::steady_now();
    when = due(now, n);
    full_ = std::max(full_, now) + cost_of(n);
    if (when <= now) return;
  }
  try {
    this_fiber::sleep_until(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(when)));
  } catch (...) {
    const std::lock_guard hold(mutex_);
    full_ -= cost_of(n);
    throw;
  }
}

bool rate_limiter::try_acquire(unsigned n) noexcept {
  const std::lock_guard hold(mutex_);
  const detail::deadline_t now = detail::steady_now();
  if (due(now, n) > now) return false;
  full_ = std::max(full_, now) + cost_of(n);
  return true;
}

void rate_limiter::set_rate(double per_second) noexcept {
  const std::lock_guard hold(mutex_);
  interval_ = interval_of(per_second);
}

} // namespace thrum
