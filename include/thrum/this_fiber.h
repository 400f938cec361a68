// this_fiber: what the running fiber can do about itself. All of it works on a plain thread, too, where it concerns the
// thread.
//
//   thrum::this_fiber::sleep_for(10ms);
//   for (int i = 0; i < 1'000'000; ++i) {
//     work(i);
//     if (i % 1000 == 0) thrum::this_fiber::check(); // throws `cancelled` if this fiber was asked to stop
//   }
//
// What the caller owes   Who computes for long without waiting calls check() now and then, or a stop request goes unseen.
//                        (Others do not wait for it: after 10 ms it loses its processor, but not its thread.)
// What is guaranteed     A sleep is never too short. A duration, here and in every _for form of the library, is rounded up to
//                        whole nanoseconds and counts from the call; zero or less has passed already; more than 200 years is
//                        for ever. A time point of a clock other than std::chrono::steady_clock counts as far ahead as that clock
//                        says at the call; that it is set later is not followed. The sleeper runs when a processor is free.
// Cancellation           error.h. Sleeps and check() throw, but not while an exception is on its way, when stop_requested()
//                        still says true: ask that in destructors. A sleep of zero or less does not wait, nor throw. yield() never
//                        throws.
// May park               sleep_for(), sleep_until(), yield().
// Happens-before         nothing.
// When it dies           name() is whatever attrs gave; see attrs.h.
// Errors                 cancelled.
// Cost                   yield(): 5 to 10 ns. A sleep: two switches and an entry in the processor's timing wheel; no thread. The
//                        other functions: a few loads.
// Source of the idea     std::this_thread; Go's runtime.Gosched and time.Sleep.
#pragma once

#include <thrum/detail/deadline.h>
#include <thrum/detail/stopped.h>

#include <chrono>
#include <cstdint>

namespace thrum::this_fiber {

// Lets others run first. Returns at once if nobody else is ready. Never throws: a loop of yields sees a stop request with
// check(). Cost: 5 to 10 ns.
void yield() noexcept;

namespace detail {
thrum::detail::stopped sleep_until(thrum::detail::deadline_t deadline) noexcept;
}
// Parks until the time has come; never returns early. A duration of zero or less returns at once. Throws `cancelled`.
template <class Rep, class Period> void sleep_for(const std::chrono::duration<Rep, Period>& duration) {
  if (duration > duration.zero()) detail::sleep_until(thrum::detail::deadline_after(duration)).act();
}
template <class Clock, class Duration>
void sleep_until(const std::chrono::time_point<Clock, Duration>& time) {
  const auto deadline = thrum::detail::to_deadline(
      time); // compared as a deadline: a far time of a coarse clock overflows as one
  if (thrum::detail::steady_now() < deadline) detail::sleep_until(deadline).act();
}

// True while waits of the fiber throw `cancelled`, or would, but for an exception on its way.
[[nodiscard]] bool stop_requested() noexcept;
// Throws `cancelled` if the fiber was asked to stop. For loops that compute and never wait.
void check();

// The earliest deadline around (with_timeout.h, as far as a shield; in a task of a task_group also the group's, and what was around the
// spawn); time_point::max(): there is none.
[[nodiscard]] std::chrono::steady_clock::time_point deadline() noexcept;

// A number that no other fiber of the process ever had (in a simulation: of the run, which begins with 1); 0 on a plain thread.
[[nodiscard]] std::uint64_t id() noexcept;
// The name from attrs, or null.
[[nodiscard]] const char* name() noexcept;

} // namespace thrum::this_fiber
