// with_timeout(d, f), with_deadline(t, f): f may take that long. shield(f): f is left alone by stop requests.
//
//   std::string ask(thrum::chan<std::string> answers) {
//     return thrum::with_timeout(2s, [&] { return answers.recv().value(); }); // throws timed_out after two seconds
//   }
//   void finish() {
//     thrum::shield([] { thrum::with_timeout(1s, tidy_up); }); // although this fiber was asked to stop
//   }
//
// f is called in the calling fiber. When the time has come, and f is not done, it is asked to stop (error.h): its waits
// throw `cancelled`, the present and all later ones, until it is left. with_timeout then throws timed_out instead. Deadlines nest:
// the earliest counts, and each with_timeout reports its own only. this_fiber::deadline() tells the earliest, also to the tasks of a
// task_group that is inside (task_group.h).
//
// What the caller owes   f lets `cancelled` pass, and calls this_fiber::check() if it computes for long.
// What is guaranteed     When with_timeout returns or throws, f has ended and nothing can be asked for its sake any more. What f
//                        returns in spite of the deadline is returned. If the fiber itself, or something around, was asked to
//                        stop as well, `cancelled` goes on to it.
// Shields                Inside a shield, no request from outside is seen, and no deadline from outside counts; a with_timeout
//                        inside has its usual effect. Requests are not lost: the first wait behind the shield throws.
// May park               what f does.
// Happens-before         as for any call.
// When it dies           Nothing is left behind.
// Errors                 timed_out (error.h); what f throws.
// On a plain thread      f runs in a fiber of the default runtime, for which the thread waits: threads cannot be asked to stop.
//                        shield() calls f.
// Cost                   60 ns, most of it setting a timer and taking it back; a shield 10 ns. If the time comes, an exception.
// Source of the idea     Trio's fail_after, its scopes and shields; Python's asyncio.timeout.
#pragma once

#include <thrum/detail/in_fiber.h>
#include <thrum/detail/stop_scope.h>
#include <thrum/error.h>

#include <chrono>
#include <functional>
#include <type_traits>
#include <utility>

namespace thrum {

namespace detail {

template <class F> std::invoke_result_t<F> call_until(deadline_t deadline, F&& f) {
  return call_in_fiber([&]() -> std::invoke_result_t<F> {
    const stop_scope scope(stop_scope::kind::limit, deadline);
    try {
      return std::invoke(std::forward<F>(f));
    } catch (const cancelled&) {
      if (scope.ends_here(cancel_reason::deadline)) throw timed_out();
      throw;
    }
  });
}

} // namespace detail

template <class Rep, class Period, class F>
std::invoke_result_t<F> with_timeout(const std::chrono::duration<Rep, Period>& timeout, F&& f) {
  return detail::call_until(detail::deadline_after(timeout), std::forward<F>(f));
}
template <class Clock, class Duration, class F>
std::invoke_result_t<F> with_deadline(const std::chrono::time_point<Clock, Duration>& deadline, F&& f) {
  return detail::call_until(detail::to_deadline(deadline), std::forward<F>(f));
}

template <class F> std::invoke_result_t<F> shield(F&& f) {
  if (!detail::inside_fiber()) return std::invoke(std::forward<F>(f));
  const detail::stop_scope scope(detail::stop_scope::kind::shield);
  return std::invoke(std::forward<F>(f));
}

} // namespace thrum
