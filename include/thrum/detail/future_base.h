// Serves future.h: what future and shared_future have in common, which is looking and waiting.
#pragma once

#include <thrum/detail/deadline.h>
#include <thrum/detail/future_core.h>

#include <chrono>
#include <exception>
#include <utility>

namespace thrum {

namespace detail {

// What both kinds of future have.
template <class T> class future_base {
public:
  future_base() noexcept = default; // refers to nothing

  [[nodiscard]] bool valid() const noexcept { return static_cast<bool>(core_); }
  // True: get() will not wait.
  [[nodiscard]] bool ready() const noexcept { return valid() && core_.get()->settled(); }

  void wait() const { static_cast<void>(wait_settled_until(core_.get(), no_deadline)); }
  // True: it is ready. False: the deadline passed.
  template <class Clock, class Duration>
  [[nodiscard]] bool wait_until(const std::chrono::time_point<Clock, Duration>& deadline) const {
    return wait_settled_until(core_.get(), to_deadline(deadline));
  }
  template <class Rep, class Period>
  [[nodiscard]] bool wait_for(const std::chrono::duration<Rep, Period>& timeout) const {
    return wait_settled_until(core_.get(), deadline_after(timeout));
  }

  // Asks who makes the value to stop. Does not wait.
  void request_stop() const noexcept { ask_to_stop(core_.get()); }

protected:
  friend struct future_access;
  explicit future_base(consumer_ref c) noexcept : core_(std::move(c)) {}
  result_core<T>& result() const noexcept { return *static_cast<result_core<T>*>(core_.get()); }
  // Of one that has settled: rethrows a failure.
  result_core<T>& settled_core() const {
    auto& c = result();
    if (c.failed()) {
      c.observe();
      std::rethrow_exception(c.error());
    }
    return c;
  }

  consumer_ref core_;
};

} // namespace detail

} // namespace thrum
