// invoke_all(executor, functions): calls all of them there, and waits. invoke_any: the first result, and the others are asked to stop.
//
//   thrum::thread_pool decoders({.threads = 2});
//   std::vector<std::function<int()>> jobs{[] { return add(1, 2); }, compute};
//   for (thrum::outcome<int>& each : thrum::invoke_all(decoders, jobs)) // in the order of jobs
//     if (each) work(*each);
//   int first = thrum::invoke_any(decoders, jobs);
//   auto in_time = thrum::invoke_all_for(decoders, 2s, jobs);             // who is late has failed with timed_out
//
// invoke_all(e, functions)         an outcome (a std::expected<T, std::exception_ptr>) of each; no failure stops another
// invoke_all_for(e, d, functions)  when d has passed, those that have not ended are asked to stop. The outcome of one that then ends
//                                  with `cancelled`, or has never begun, is timed_out. _until: with a point in time
// invoke_any(e, functions)         the first result. If all fail: an exception_group of their failures, in the order in which they
//                                  ended
// invoke_any_for(e, d, functions)  throws timed_out if none has succeeded when d has passed. _until: with a point in time
//
// In fibers join_all, race and task_group do the same, for functions of several types, too, and the first failure may stop the
// others. These here are for executors with threads of their own, or with an order: a thread_pool, a strand.
//
// Asked to stop          as by request_stop() of a handle (spawn.h): in a fiber its waits throw `cancelled`; work of a thread_pool that
//                        has not begun is not called. A function that takes a std::stop_token is given one that is asked, too: the
//                        way for work that runs on a plain thread to learn of it.
// What the caller owes   The functions are a range that can be counted; those of an lvalue or a view are copied, others are moved. One
//                        that waits for its own pool with all threads of it waits for ever. The executor outlives the call.
// What is guaranteed     When any of these returns or throws, no function runs, and all are destroyed. (Java's return while those that
//                        were cancelled run on; here they may refer to what is gone.) So a function that does not look is waited for,
//                        past the deadline, too. Failures of functions whose outcome nobody wants are dropped.
// Cancellation           If the calling fiber is asked to stop, so are the functions; then `cancelled` is thrown.
// May park               all of them.
// Happens-before         call -> each function; its end -> the return.
// When it dies           Nothing is left behind.
// Errors                 What the executor refuses with (rejected): the functions that it has taken are asked to stop, and waited for.
//                        invoke_any of no functions: std::invalid_argument. std::bad_alloc. timed_out, cancelled: see above.
// Cost                   spawn() on that executor for each, a channel, and 16 bytes a function.
// Source of the idea     Java's ExecutorService.invokeAll and invokeAny.
#pragma once

#include <thrum/chan.h>
#include <thrum/detail/future_work.h>
#include <thrum/exception_group.h>
#include <thrum/executor.h>
#include <thrum/spawn.h>
#include <thrum/stop_token.h>
#include <thrum/with_timeout.h>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <iterator>
#include <optional>
#include <ranges>
#include <source_location>
#include <stdexcept>
#include <stop_token>
#include <type_traits>
#include <utility>
#include <vector>

namespace thrum {

namespace detail {

template <class F> decltype(auto) call_invoked(F&& f, std::stop_token token) {
  if constexpr (std::invocable<F, std::stop_token>)
    return std::invoke(std::forward<F>(f), std::move(token));
  else
    return std::invoke(std::forward<F>(f));
}

template <class F>
concept invokable = std::invocable<F&&> || std::invocable<F&&, std::stop_token>;
template <class R>
concept invokable_range = std::ranges::forward_range<R> && invokable<std::ranges::range_value_t<R>>;
template <class R> using invoked_result =
    decltype(call_invoked(std::declval<std::ranges::range_value_t<R>&&>(), std::stop_token()));

// Tells that a call is over, or will never be: by being destroyed with its function. There is room for all of them.
class end_note {
public:
  end_note(const chan<std::size_t>& to, std::size_t index) noexcept : to_(to), index_(index) {}
  end_note(end_note&&) noexcept = default;
  end_note& operator=(end_note&&) = delete;
  ~end_note() {
    if (to_) static_cast<void>(to_.try_send(index_));
  }

private:
  chan<std::size_t> to_; // nil: moved from
  std::size_t index_;
};

// Calls on an executor, of which none outlives this object.
template <class T> class invocation {
  static_assert(
      !started_by<T>::is_coroutine,
      "thrum: invoke_all and invoke_any call functions; a function that awaits its coroutine is one");

public:
  explicit invocation(std::size_t count) : notes_(count) { calls_.reserve(count); }
  invocation(const invocation&) = delete;
  invocation& operator=(const invocation&) = delete;
  ~invocation() {
    ask();
    for (fiber<T>& each : calls_) {
      if (!each.joinable()) continue;
      wait_for_end(each);
      static_cast<void>(take(each)); // nobody wants it
    }
  }

  template <class F> void post(executor& where, F&& f, std::source_location site) {
    calls_.push_back(spawn_posted(where, attrs{}, site,
                                  [note = end_note(notes_, calls_.size()), token = stop_.get_token(),
                                   f = std::decay_t<F>(std::forward<F>(f))]() mutable -> T {
                                    return call_invoked(std::move(f), std::move(token));
                                  }));
  }

  // The next one that has ended; empty: the deadline has passed. Throws `cancelled`.
  std::optional<std::size_t> next(deadline_t deadline) {
    std::optional<std::size_t> index;
    static_cast<void>(chan_recv(chan_access::core(notes_), &index, deadline));
    if (index) wait_for_end(calls_[*index]); // its note comes a moment before its end
    return index;
  }

  // Those who wait for their turn first: a function that ends because its token was asked must not let another begin.
  void ask() noexcept {
    for (auto each = calls_.rbegin(); each != calls_.rend(); ++each) each->request_stop();
    stop_.request_stop();
  }
  std::size_t count() const noexcept { return calls_.size(); }

  // Requires: it has ended, and its outcome was not taken.
  outcome<T> outcome_of(std::size_t index) { return take(calls_[index]); }

private:
  static void wait_for_end(fiber<T>& call) {
    shield([&] { static_cast<void>(call.wait_until(std::chrono::steady_clock::time_point::max())); });
  }
  static outcome<T> take(fiber<T>& call) {
    try {
      if constexpr (std::is_void_v<T>) {
        call.join();
        return {};
      } else if constexpr (std::is_reference_v<T>) {
        return std::ref(call.join());
      } else {
        return call.join();
      }
    } catch (...) { return std::unexpected(std::current_exception()); }
  }

  chan<std::size_t> notes_;
  std::stop_source stop_ = make_stop_source();
  std::vector<fiber<T>> calls_;
};

template <class R>
void post_all(invocation<invoked_result<R>>& to, executor& where, R&& functions, std::source_location site) {
  for (auto&& f : functions)
    if constexpr (std::is_lvalue_reference_v<R> || std::ranges::view<std::remove_cvref_t<R>>)
      to.post(where, f, site);
    else
      to.post(where, std::move(f), site);
}

template <class R> std::vector<outcome<invoked_result<R>>> invoke_all_by(deadline_t deadline, executor& where,
                                                                         R&& functions,
                                                                         std::source_location site) {
  using T = invoked_result<R>;
  invocation<T> calls(static_cast<std::size_t>(std::ranges::distance(functions)));
  post_all(calls, where, std::forward<R>(functions), site);
  bool late = false;
  for (std::size_t left = calls.count(); left != 0; --left) {
    if (!late && calls.next(deadline)) continue;
    if (!late) calls.ask();
    late = true;
    shield([&] { static_cast<void>(calls.next(no_deadline)); });
  }
  std::vector<outcome<T>> outcomes;
  outcomes.reserve(calls.count());
  for (std::size_t i = 0; i < calls.count(); ++i) {
    outcomes.push_back(calls.outcome_of(i));
    outcome<T>& last = outcomes.back();
    if (late && !last && !is_failure(last.error()))
      last = std::unexpected(std::make_exception_ptr(timed_out()));
  }
  return outcomes;
}

template <class R> invoked_result<R> invoke_any_by(deadline_t deadline, executor& where, R&& functions,
                                                   std::source_location site) {
  using T = invoked_result<R>;
  invocation<T> calls(static_cast<std::size_t>(std::ranges::distance(functions)));
  post_all(calls, where, std::forward<R>(functions), site);
  if (calls.count() == 0)
    throw std::invalid_argument("thrum::invoke_any of no functions: there is no result to wait for");
  std::vector<std::exception_ptr> failures;
  failures.reserve(calls.count());
  while (failures.size() != calls.count()) {
    const std::optional<std::size_t> index = calls.next(deadline);
    if (!index) throw timed_out();
    outcome<T> ended = calls.outcome_of(*index);
    if (!ended) {
      failures.push_back(ended.error());
      continue;
    }
    if constexpr (std::is_void_v<T>)
      return;
    else if constexpr (std::is_reference_v<T>)
      return static_cast<T>(ended->get());
    else
      return std::move(*ended);
  }
  throw exception_group(std::move(failures));
}

} // namespace detail

template <detail::invokable_range R>
auto invoke_all(executor& where, R&& functions, std::source_location site = std::source_location::current()) {
  return detail::invoke_all_by(detail::no_deadline, where, std::forward<R>(functions), site);
}
template <class Rep, class Period, detail::invokable_range R>
auto invoke_all_for(executor& where, const std::chrono::duration<Rep, Period>& timeout, R&& functions,
                    std::source_location site = std::source_location::current()) {
  return detail::invoke_all_by(detail::deadline_after(timeout), where, std::forward<R>(functions), site);
}
template <class Clock, class Duration, detail::invokable_range R>
auto invoke_all_until(executor& where, const std::chrono::time_point<Clock, Duration>& deadline,
                      R&& functions, std::source_location site = std::source_location::current()) {
  return detail::invoke_all_by(detail::to_deadline(deadline), where, std::forward<R>(functions), site);
}

template <detail::invokable_range R>
detail::invoked_result<R> invoke_any(executor& where, R&& functions,
                                     std::source_location site = std::source_location::current()) {
  return detail::invoke_any_by(detail::no_deadline, where, std::forward<R>(functions), site);
}
template <class Rep, class Period, detail::invokable_range R>
detail::invoked_result<R> invoke_any_for(executor& where, const std::chrono::duration<Rep, Period>& timeout,
                                         R&& functions,
                                         std::source_location site = std::source_location::current()) {
  return detail::invoke_any_by(detail::deadline_after(timeout), where, std::forward<R>(functions), site);
}
template <class Clock, class Duration, detail::invokable_range R>
detail::invoked_result<R> invoke_any_until(executor& where,
                                           const std::chrono::time_point<Clock, Duration>& deadline,
                                           R&& functions,
                                           std::source_location site = std::source_location::current()) {
  return detail::invoke_any_by(detail::to_deadline(deadline), where, std::forward<R>(functions), site);
}

} // namespace thrum
