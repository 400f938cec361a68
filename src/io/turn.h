// turn: one operation of a kind at a time, in the order of arrival, for streams that are not the kernel's. A semaphore, because
// waiting for it listens to deadlines and stop requests, which a mutex does not.
#pragma once

#include <chrono>

#include <thrum/io/deadline.h>
#include <thrum/semaphore.h>

namespace thrum::io {

inline std::chrono::steady_clock::time_point point(deadline until) noexcept {
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(until.time()));
}

class turn {
public:
  // Waits for it; afterwards false: the deadline has passed. Throws `cancelled`.
  turn(binary_semaphore& s, deadline until) : semaphore_(s) {
    if (until.is_none())
      s.acquire();
    else
      mine_ = s.try_acquire_until(point(until));
  }
  ~turn() {
    if (mine_) semaphore_.release();
  }
  turn(const turn&) = delete;
  turn& operator=(const turn&) = delete;
  explicit operator bool() const noexcept { return mine_; }

private:
  binary_semaphore& semaphore_;
  bool mine_ = true;
};

} // namespace thrum::io
