// Schedules: a timer whose function, in a fiber of its own, gives the work to the executor and waits until it is over.
//
// The timer does the rest. It never calls its function twice at a time, so neither does the schedule; and while the function waits here,
// all times that come lead to one call afterwards. With a gap, the timer is set anew when the work is over.
//
// What waits in the executor's queue is a `turn`. Its destructor says that it is over, whether it was called, threw, or was dropped.
//
// Rejected: no fiber that waits, but a turn that sets the timer itself. It would set it from a thread of the executor, where another
// runtime keeps the time; and a periodic timer would have to count what it has missed.
#include "env/panic.h"

#include <mutex>
#include <thrum/error.h>
#include <thrum/runtime.h>
#include <thrum/schedule.h>
#include <thrum/this_fiber.h>
#include <utility>

namespace thrum::exec {

struct schedule_core::due {
  std::shared_ptr<schedule_core> of;
  void operator()() const { of->come_due(); }
};

struct schedule_core::periodically_due : detail::periodic_timer {
  explicit periodically_due(std::shared_ptr<schedule_core> s) noexcept
      : periodic_timer{0}, of(std::move(s)) {}
  std::shared_ptr<schedule_core> of;
  void operator()() const { of->come_due(); }
};

struct schedule_core::turn {
  explicit turn(std::shared_ptr<schedule_core> s) noexcept : of(std::move(s)) {}
  turn(turn&&) noexcept = default;
  ~turn() {
    if (of != nullptr) of->over_.release();
  }
  void operator()() const {
    if (of->may_call()) of->call();
  }
  std::shared_ptr<schedule_core> of;
};

template <class Due> void schedule_core::make_timer(const std::shared_ptr<schedule_core>& s, Due f,
                                                    detail::deadline_t first, std::int64_t period) {
  detail::timer_core* timer = detail::make_timer(std::move(f), attrs{.name = "schedule"}, s->site_);
  const std::lock_guard hold(s->guard_);
  s->timer_ = timer;
  detail::reset_timer(timer, first, period);
}

void schedule_core::begin_once(const std::shared_ptr<schedule_core>& s, detail::deadline_t at) {
  make_timer(s, due{s}, at, 0);
}

void schedule_core::begin_periodic(const std::shared_ptr<schedule_core>& s, std::chrono::nanoseconds period) {
  if (period <= period.zero()) env::panic("schedule_every was given a period of zero or less");
  s->kind_ = kind::periodic;
  make_timer(s, periodically_due(s), detail::deadline_after(period), period.count());
}

void schedule_core::begin_with_gap(const std::shared_ptr<schedule_core>& s, std::chrono::nanoseconds gap) {
  s->kind_ = kind::with_gap;
  s->gap_ = gap;
  make_timer(s, due{s}, detail::deadline_after(gap), 0);
}

// In the timer's fiber.
void schedule_core::come_due() {
  this_fiber::check();
  if (&where_ == &runtime::current()) {
    if (may_call()) {
      try {
        call();
      } catch (...) {
        set_again();
        throw;
      }
    }
  } else {
    try {
      where_.execute(turn(shared_from_this()), site_);
    } catch (const cancelled&) { throw; } catch (...) {
      // Refused: full, shut down, no memory. There is nobody to tell, and the next time may be better.
    }
    over_.acquire();
  }
  set_again();
}

bool schedule_core::may_call() noexcept {
  const std::lock_guard hold(guard_);
  if (stopped_) return false;
  called_ = true;
  return true;
}

void schedule_core::set_again() noexcept {
  const std::lock_guard hold(guard_);
  if (kind_ == kind::with_gap && !stopped_) detail::reset_timer(timer_, detail::deadline_after(gap_), 0);
}

bool schedule_core::stop() noexcept {
  const std::lock_guard hold(guard_);
  if (std::exchange(stopped_, true)) return false;
  detail::stop_timer(timer_);
  return kind_ != kind::once || !called_;
}

void schedule_core::drop() noexcept {
  stop();
  detail::drop_timer(timer_); // the last use: it is stopped
}

} // namespace thrum::exec
