// schedule_after, schedule_at, schedule_every, schedule_with_gap: work for an executor when its time has come, once or again and
// again.
//
//   thrum::scheduled once = thrum::schedule_after(thrum::executor::current(), 30s, [] { report("too late"); });
//   thrum::thread_pool pool({.threads = 2});
//   thrum::scheduled every = thrum::schedule_every(pool, 1s, tick);         // at 1 s, 2 s, 3 s, ...
//   thrum::scheduled gap = thrum::schedule_with_gap(pool, 1s, [] { work(1); }); // 1 s from the end of each call to the next
//   if (once.stop()) work(2);                                               // it will not be called
//
// The handle is the schedule: when it is destroyed, no further call begins. A call that has begun is not waited for, and may
// destroy the handle itself.
//
// Overlap                Calls of one schedule never overlap. schedule_every: the times stay whole periods from the beginning, however
//                        long calls take. If times come while a call runs or waits in the executor's queue, one call follows as
//                        soon as it has returned, for all of them together: a late schedule catches up without a burst.
// What the caller owes   The executor lives until the schedule is stopped and its last call has returned. The function owns what it
//                        uses, or that outlives the calls. A handle is not moved or destroyed while it is in use elsewhere; stop()
//                        may be called by anybody. A period of zero or less panics.
// What is guaranteed     Never early. After stop() has returned, no call begins; not even one that waits in a queue already.
//                        Durations and other clocks: as for sleeps (this_fiber.h); a gap of zero or less is none.
//                        An exception that leaves the function goes where it goes with execute(); if the program survives that, the
//                        schedule goes on. If the executor refuses or drops the work, that call is left out.
// Which runtime          The times are kept by the runtime of the fiber that made the schedule; on a plain thread, by the default
//                        runtime. When it ends, no further call begins.
// May park               nothing here; stop() and the destructor wait for a moment, if a call is just about to begin.
// Happens-before         making it -> the calls; the end of a call -> the next one.
// When it dies           at any time. The function dies when the handle is gone and no call runs.
// Errors                 std::bad_alloc, and what moving the function throws.
// Cost                   A timer (timer.h), one allocation, and what execute() costs; a fiber that is parked while the function waits or
//                        runs elsewhere.
// Source of the idea     Java's ScheduledExecutorService. There an exception ends a schedule in silence, and a late one makes up for
//                        every time that was missed.
#pragma once

#include <thrum/detail/deadline.h>
#include <thrum/detail/timer_core.h>
#include <thrum/executor.h>
#include <thrum/mutex.h>
#include <thrum/semaphore.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <source_location>
#include <type_traits>
#include <utility>

namespace thrum {

class scheduled;

namespace exec {

// A schedule without the type of its function (src/exec/schedule.cc). Shared by the handle, the timer and calls.
class schedule_core : public std::enable_shared_from_this<schedule_core> {
public:
  schedule_core(const schedule_core&) = delete;
  schedule_core& operator=(const schedule_core&) = delete;

  static void begin_once(const std::shared_ptr<schedule_core>& s, detail::deadline_t at);
  static void begin_periodic(const std::shared_ptr<schedule_core>& s, std::chrono::nanoseconds period);
  static void begin_with_gap(const std::shared_ptr<schedule_core>& s, std::chrono::nanoseconds gap);
  bool stop() noexcept;
  void drop() noexcept;

protected:
  schedule_core(executor& where, std::source_location site) noexcept : where_(where), site_(site) {}
  virtual ~schedule_core() = default;

private:
  struct due;
  struct periodically_due;
  struct turn;
  template <class Due> static void make_timer(const std::shared_ptr<schedule_core>& s, Due f,
                                              detail::deadline_t first, std::int64_t period);
  void come_due();
  bool may_call() noexcept;
  void set_again() noexcept;
  virtual void call() = 0;

  executor& where_;
  const std::source_location site_;
  std::chrono::nanoseconds gap_{}; // constant once it has begun, as is the next
  enum class kind : std::uint8_t { once, periodic, with_gap } kind_ = kind::once;
  counting_semaphore<> over_{0}; // the call that was queued has returned, or will not be

  mutex guard_;                         // guards the next three; not held during a call
  detail::timer_core* timer_ = nullptr; // until it is stopped
  bool stopped_ = false;
  bool called_ = false;
};

template <class F> class schedule_of final : public schedule_core {
public:
  template <class G> schedule_of(executor& where, std::source_location site, G&& g)
      : schedule_core(where, site), f_(std::forward<G>(g)) {}

private:
  void call() override { static_cast<void>(std::invoke(f_)); }
  F f_;
};

template <class F>
std::shared_ptr<schedule_core> make_schedule(executor& where, std::source_location site, F&& f) {
  static_assert(std::is_invocable_v<std::decay_t<F>&>,
                "thrum: a scheduled function is called as f(), and perhaps more than once");
  return std::make_shared<schedule_of<std::decay_t<F>>>(where, site, std::forward<F>(f));
}

// Rounds up to whole nanoseconds, saturates instead of overflowing.
template <class Rep, class Period>
std::chrono::nanoseconds in_nanoseconds(const std::chrono::duration<Rep, Period>& d) noexcept {
  constexpr std::chrono::duration<double> longest{9.2e9};
  if (std::chrono::duration<double>(d) > longest) return std::chrono::nanoseconds::max();
  return std::chrono::ceil<std::chrono::nanoseconds>(d);
}

} // namespace exec

class [[nodiscard("a schedule ends with its handle")]] scheduled {
public:
  scheduled() noexcept = default; // nothing is scheduled; stop() is false
  explicit scheduled(std::shared_ptr<exec::schedule_core> core) noexcept : core_(std::move(core)) {}
  scheduled(scheduled&&) noexcept = default;
  scheduled& operator=(scheduled&& other) noexcept {
    scheduled taken(std::move(other));
    std::swap(core_, taken.core_);
    return *this;
  }
  ~scheduled() {
    if (core_ != nullptr) core_->drop();
  }

  // No further call begins. False: it was stopped before, or the only call has begun.
  bool stop() noexcept { return core_ != nullptr && core_->stop(); }

private:
  std::shared_ptr<exec::schedule_core> core_;
};

// Once, `delay` from now.
template <class Rep, class Period, class F>
scheduled schedule_after(executor& where, const std::chrono::duration<Rep, Period>& delay, F&& f,
                         std::source_location site = std::source_location::current()) {
  auto core = exec::make_schedule(where, site, std::forward<F>(f));
  exec::schedule_core::begin_once(core, detail::deadline_after(delay));
  return scheduled(std::move(core));
}
// Once, at that time.
template <class Clock, class Duration, class F>
scheduled schedule_at(executor& where, const std::chrono::time_point<Clock, Duration>& time, F&& f,
                      std::source_location site = std::source_location::current()) {
  auto core = exec::make_schedule(where, site, std::forward<F>(f));
  exec::schedule_core::begin_once(core, detail::to_deadline(time));
  return scheduled(std::move(core));
}
// Again and again, first one period from now: Java's scheduleAtFixedRate.
template <class Rep, class Period, class F>
scheduled schedule_every(executor& where, const std::chrono::duration<Rep, Period>& period, F&& f,
                         std::source_location site = std::source_location::current()) {
  auto core = exec::make_schedule(where, site, std::forward<F>(f));
  exec::schedule_core::begin_periodic(core, exec::in_nanoseconds(period));
  return scheduled(std::move(core));
}
// Again and again, one gap from now, and one gap from the end of each call: Java's scheduleWithFixedDelay.
template <class Rep, class Period, class F>
scheduled schedule_with_gap(executor& where, const std::chrono::duration<Rep, Period>& gap, F&& f,
                            std::source_location site = std::source_location::current()) {
  auto core = exec::make_schedule(where, site, std::forward<F>(f));
  exec::schedule_core::begin_with_gap(core, exec::in_nanoseconds(gap));
  return scheduled(std::move(core));
}

} // namespace thrum
