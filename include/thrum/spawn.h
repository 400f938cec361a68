// spawn(f, args...) starts a fiber and returns a handle that can be joined: std::jthread's shape, with a result.
//
//   thrum::fiber<int> answer = thrum::spawn([] { return compute(); });
//   thrum::fiber<int> sum = thrum::spawn(add, 1, 2); // with arguments: they are moved into the fiber, too
//   if (!answer.wait_for(1s)) answer.request_stop();
//   int n = sum.join();                              // waits; rethrows what the fiber threw
//   if (auto a = answer.join_outcome()) n += *a;     // the same as a std::expected<int, std::exception_ptr>
//
// f and args are decayed and moved into the fiber, as std::thread does; they may be move-only. attrs (attrs.h) may stand in
// front of f. If f returns a reference, so does join().
//
// What the caller owes   A handle is joined at most once: join(), join_outcome(), wait_for() and detach() of an empty one panic. A fiber does not
//                        join itself, nor destroy its own handle: that panics. The handle is used by one thread or fiber at a
//                        time. What a reference that f returns refers to is alive when it is used.
// What is guaranteed     Destroying a handle that was not joined requests a stop and joins, so nothing outlives its scope; and so
//                        does assigning to it. The fiber's exception, if any, is then dropped if it is `cancelled`, and
//                        else goes to options.on_unhandled of the caller's runtime; without a handler, or on a plain thread, it
//                        is printed. detach() gives the fiber up: an exception that leaves it later counts as one of go().
//                        When join() returns, f, args and the fiber's frames are gone.
// Which runtime          that of the calling fiber; on a plain thread, the default runtime. runtime::spawn() names another one.
// May park               join(), join_outcome(), wait_for(), wait_until(); the destructor and move assignment, unless the fiber has ended. The
//                        last two do not listen to stop requests.
// Happens-before         spawn -> f; f's end -> the return of join(), and of wait_for(), wait_until() and ended() that say true.
// When it dies           The handle may outlive the fiber's runtime: the fiber has ended by then, and its result is kept until
//                        the handle takes or drops it.
// Errors                 std::bad_alloc from spawn, and what moving f and args throws; nothing was started then. join() and the
//                        waits throw `cancelled` if the caller is asked to stop; the handle is joinable() still. If join() throws
//                        the `cancelled` that ended the fiber, it is not. join_outcome() throws nothing else.
// Cost                   40 to 60 ns to start and end a fiber; joining one that has ended is a load. A fiber that has ended, but
//                        was not joined, holds 256 bytes, not a stack. request_stop(), and dropping a fiber that runs: one or
//                        two heavy fences, system calls that interrupt every running thread of the process, 0.3 to 14 us each.
// Source of the idea     std::jthread; Tokio's JoinHandle for the result.
#pragma once

#include <thrum/attrs.h>
#include <thrum/detail/joinable.h>
#include <thrum/detail/outcome.h>
#include <thrum/executor.h>

#include <chrono>
#include <cstdint>
#include <source_location>
#include <type_traits>
#include <utility>

namespace thrum {

template <class T> class join_operation; // operation.h

template <class T = void>
class [[nodiscard("a spawned fiber is joined by its handle; use go() to detach")]] fiber {
public:
  using value_type = T;

  fiber() noexcept = default; // refers to no fiber
  fiber(fiber&& other) noexcept : task_(std::exchange(other.task_, nullptr)) {}
  fiber& operator=(fiber&& other) noexcept {
    if (this != &other) {
      finish();
      task_ = std::exchange(other.task_, nullptr);
    }
    return *this;
  }
  ~fiber() { finish(); }

  // Waits for the end of the fiber and returns its result, or rethrows its exception. Throws `cancelled` if the caller is
  // asked to stop meanwhile; the handle can then be joined again.
  THRUM_NO_DANGLING T join() {
    static_cast<void>(detail::wait_ended_until(task_, detail::no_deadline));
    detail::joined_result<T> taken(std::exchange(task_, nullptr));
    return taken.get();
  }

  // join(), but what the fiber threw is the error of an expected. (A reference is kept as std::reference_wrapper.)
  [[nodiscard]] outcome<T> join_outcome() {
    static_cast<void>(detail::wait_ended_until(task_, detail::no_deadline));
    detail::joined_result<T> taken(std::exchange(task_, nullptr));
    return taken.outcome();
  }

  // join() for coroutines: co_await f.async_join(). operation.h is to be included.
  join_operation<T> async_join() noexcept;

  // Waits until the deadline at most. True: join() will not wait.
  template <class Clock, class Duration>
  [[nodiscard]] bool wait_until(const std::chrono::time_point<Clock, Duration>& deadline) {
    return detail::wait_ended_until(task_, detail::to_deadline(deadline));
  }
  template <class Rep, class Period>
  [[nodiscard]] bool wait_for(const std::chrono::duration<Rep, Period>& timeout) {
    return detail::wait_ended_until(task_, detail::deadline_after(timeout));
  }

  // Asks the fiber to stop (error.h): its present and later waits throw `cancelled`. Does not wait. False: it was asked before
  // or has ended, or the handle is empty.
  bool request_stop() noexcept { return detail::request_stop(task_); }
  // True: the fiber has ended, and join() will not wait; or the handle is empty.
  [[nodiscard]] bool ended() const noexcept { return detail::has_ended(task_); }
  [[nodiscard]] bool joinable() const noexcept { return task_ != nullptr; }
  // Gives the fiber up: it runs on, and nobody learns its result.
  void detach() noexcept { detail::give_up(std::exchange(task_, nullptr)); }

private:
  template <class U> friend fiber<U> detail::make_handle(detail::result_task<U>* task) noexcept;
  friend struct detail::handle_access;
  explicit fiber(detail::joinable_task* task) noexcept : task_(task) {}
  void finish() noexcept {
    if (task_ != nullptr) detail::stop_and_join(std::exchange(task_, nullptr));
  }

  detail::joinable_task* task_ = nullptr;
};

namespace detail {
template <class T> fiber<T> make_handle(result_task<T>* task) noexcept { return fiber<T>(task); }

// On `where`; null: on the caller's runtime.
template <class F, class... A>
auto spawn_on(runtime* where, const attrs& how, std::source_location site, F&& f, A&&... a)
    -> fiber<typename started_by<std::invoke_result_t<std::decay_t<F>&&, std::decay_t<A>&&...>>::result> {
  using started = started_by<std::invoke_result_t<std::decay_t<F>&&, std::decay_t<A>&&...>>;
  using T = typename started::result;
  result_task<T>* task;
  if constexpr (started::is_coroutine && sizeof...(A) == 0)
    task = started::make(std::forward<F>(f), how, site, where);
  else if constexpr (started::is_coroutine)
    task = started::make(bind_now(std::forward<F>(f), std::forward<A>(a)...), how, site, where);
  else if constexpr (sizeof...(A) == 0)
    task = make_callable_task<T>(std::forward<F>(f), how, site);
  else
    task = make_callable_task<T>(bind_now(std::forward<F>(f), std::forward<A>(a)...), how, site);
  launch(*task, where);
  return make_handle<T>(task);
}

// On an executor that may refuse it.
template <class F> auto spawn_posted(executor& where, const attrs& how, std::source_location site, F&& f)
    -> fiber<typename started_by<std::invoke_result_t<std::decay_t<F>&&>>::result> {
  using started = started_by<std::invoke_result_t<std::decay_t<F>&&>>;
  using T = typename started::result;
  const auto post = [&where](auto* task, auto free_refused) {
    try {
      where.post(*task);
    } catch (...) {
      free_refused();
      throw;
    }
    return make_handle<T>(task);
  };
  if constexpr (started::is_coroutine) {
    auto* task = started::make_at(where, std::forward<F>(f), how, site);
    return post(task, [task] { task->free_refused(); });
  } else {
    auto* task = make_callable_task<T>(std::forward<F>(f), how, site);
    return post(task, [task] { task->free_refused(task); });
  }
}
} // namespace detail

template <class F> auto spawn(F&& f, std::source_location site = std::source_location::current()) {
  return detail::spawn_on(nullptr, attrs{}, site, std::forward<F>(f));
}
template <class F>
auto spawn(const attrs& a, F&& f, std::source_location site = std::source_location::current()) {
  return detail::spawn_on(nullptr, a, site, std::forward<F>(f));
}
// With arguments for f. (One to four of them carry the place of the call; C++ cannot put a default argument after a pack.)
template <class F, class A1>
  requires detail::callable_with<F, A1>
auto spawn(F&& f, A1&& a1, std::source_location site = std::source_location::current()) {
  return detail::spawn_on(nullptr, attrs{}, site, std::forward<F>(f), std::forward<A1>(a1));
}
template <class F, class A1, class A2>
  requires detail::callable_with<F, A1, A2>
auto spawn(F&& f, A1&& a1, A2&& a2, std::source_location site = std::source_location::current()) {
  return detail::spawn_on(nullptr, attrs{}, site, std::forward<F>(f), std::forward<A1>(a1),
                          std::forward<A2>(a2));
}
template <class F, class A1, class A2, class A3>
  requires detail::callable_with<F, A1, A2, A3>
auto spawn(F&& f, A1&& a1, A2&& a2, A3&& a3, std::source_location site = std::source_location::current()) {
  return detail::spawn_on(nullptr, attrs{}, site, std::forward<F>(f), std::forward<A1>(a1),
                          std::forward<A2>(a2), std::forward<A3>(a3));
}
template <class F, class A1, class A2, class A3, class A4>
  requires detail::callable_with<F, A1, A2, A3, A4>
auto spawn(F&& f, A1&& a1, A2&& a2, A3&& a3, A4&& a4,
           std::source_location site = std::source_location::current()) {
  return detail::spawn_on(nullptr, attrs{}, site, std::forward<F>(f), std::forward<A1>(a1),
                          std::forward<A2>(a2), std::forward<A3>(a3), std::forward<A4>(a4));
}
// Any number of arguments; reports show no place.
template <class F, class... A>
  requires(sizeof...(A) > 4) && detail::callable_with<F, A...>
auto spawn(F&& f, A&&... a) {
  return detail::spawn_on(nullptr, attrs{}, std::source_location{}, std::forward<F>(f),
                          std::forward<A>(a)...);
}

} // namespace thrum
