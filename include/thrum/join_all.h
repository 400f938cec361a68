// join_all(f...): calls functions beside each other and returns all results. race(f...): the first to end decides.
//
//   std::string page(int id) {
//     auto [user, orders] = thrum::join_all([id] { return fetch_user(id); }, [id] { return fetch_orders(id); });
//     return user + orders;
//   }
//   std::string fastest() {
//     return thrum::race([] { return download(1); }, [] { return download(2); });
//   }
//
// join_all returns a std::tuple, with std::monostate for void. If one fails, the others are asked to stop, and what it has thrown is
// thrown when all have ended. race returns, or throws, what the first one does that ends; the others are asked to stop. (The
// first that succeeds: a task_group with joiner::first_success.)
//
// What the caller owes   Functions that are asked to stop let `cancelled` pass (error.h).
// What is guaranteed     When either returns, all functions have ended, and nothing runs on. They are tasks of a task_group: see there.
// Cancellation           If the caller is asked to stop, so are the functions.
// May park               yes.
// Happens-before         call -> f; f's end -> return.
// When it dies           Nothing is left behind.
// Errors                 what f throws; cancelled; std::bad_alloc.
// Cost                   a fiber for each function.
// Source of the idea     cobalt's join and race; Promise.race.
#pragma once

#include <thrum/task_group.h>

#include <concepts>
#include <exception>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace thrum {

namespace joiner {

// The first to end, in whatever way.
template <class T> class first_end {
  using kept = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

public:
  bool on_success() noexcept { return keep(std::monostate{}); }
  template <class U> bool on_success(U& value) noexcept { return keep(std::move(value)); }
  bool on_failure(const std::exception_ptr& error) noexcept {
    if (!value_ && error_ == nullptr) error_ = error;
    return true;
  }
  T result(const std::vector<std::exception_ptr>&) {
    if (error_ != nullptr) std::rethrow_exception(error_);
    if (!value_) throw cancelled(cancel_reason::user); // each gave up by itself
    if constexpr (!std::is_void_v<T>) return std::move(*value_);
  }

private:
  template <class U> bool keep(U&& value) noexcept {
    if (!value_ && error_ == nullptr) value_.emplace(std::forward<U>(value));
    return true;
  }
  std::optional<kept> value_;
  std::exception_ptr error_;
};

} // namespace joiner

namespace detail {

template <class F> using result_or_monostate =
    std::conditional_t<std::is_void_v<std::invoke_result_t<std::decay_t<F>&&>>, std::monostate,
                       std::invoke_result_t<std::decay_t<F>&&>>;

template <class T> decltype(auto) take_result(subtask<T>& t) {
  if constexpr (std::is_void_v<T>)
    return std::monostate{};
  else
    return std::forward<T>(t.get());
}

template <class... F> struct common_result {
  using type = std::common_type_t<std::invoke_result_t<std::decay_t<F>&&>...>;
};

} // namespace detail

template <std::invocable... F> auto join_all(F&&... f) -> std::tuple<detail::result_or_monostate<F>...> {
  task_group<> group;
  std::tuple tasks{group.spawn(std::forward<F>(f))...};
  group.join();
  return std::apply(
      [](auto&... t) { return std::tuple<detail::result_or_monostate<F>...>(detail::take_result(t)...); },
      tasks);
}

template <std::invocable... F>
  requires(sizeof...(F) > 0)
auto race(F&&... f) -> typename detail::common_result<F...>::type {
  task_group<joiner::first_end<typename detail::common_result<F...>::type>> group;
  (static_cast<void>(group.spawn(std::forward<F>(f))), ...);
  return group.join();
}

} // namespace thrum
