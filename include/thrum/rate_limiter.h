// rate_limiter: so many permits a second, and a few at once.
//
//   thrum::rate_limiter requests(100, 10); // a hundred a second; after a pause, ten at once
//   for (int id = 1; id <= 1000; ++id) {
//     requests.acquire();                  // waits for its turn
//     report(fetch_user(id));
//   }
//
// Who acquires takes the next free moment, and sleeps until it comes: so waiters are served in the order of asking.
//
// What the caller owes   per_second is above zero, and burst at least one, or it panics. n is at most the burst for try_acquire() ever to
//                        succeed.
// What is guaranteed     In any time d, no more than burst + per_second * d permits are given.
// Cancellation           acquire() throws `cancelled`; what it had taken is given back to those who come later.
// May park               acquire().
// Happens-before         nothing.
// When it dies           Nobody may be in acquire() then.
// Errors                 cancelled.
// Cost                   a short lock, the clock, and a sleep.
// Source of the idea     the leaky bucket as a meter (GCRA); Go's golang.org/x/time/rate.
#pragma once

#include <thrum/detail/deadline.h>
#include <thrum/mutex.h>

#include <cstdint>

namespace thrum {

class rate_limiter {
public:
  explicit rate_limiter(double per_second, unsigned burst = 1);
  rate_limiter(const rate_limiter&) = delete;
  rate_limiter& operator=(const rate_limiter&) = delete;

  // n permits; waits until they are due.
  void acquire(unsigned n = 1);
  // n permits, if they are there now.
  [[nodiscard]] bool try_acquire(unsigned n = 1) noexcept;
  // From now on. Who waits already keeps his moment.
  void set_rate(double per_second) noexcept;

private:
  std::int64_t cost_of(unsigned n) const noexcept { return static_cast<std::int64_t>(n * interval_); }
  detail::deadline_t due(detail::deadline_t now, unsigned n) const noexcept;

  mutex mutex_;
  double interval_; // nanoseconds a permit; guarded
  const unsigned burst_;
  detail::deadline_t full_ = 0; // when all of the burst will be there again, if nobody takes any; guarded
};

} // namespace thrum
