// execution: what thrum waits for as senders, and where it runs things as schedulers, in the shape of std::execution (C++26, P2300).
//
//   auto next(thrum::receiver<int> numbers) { // a sender of std::optional<int>
//     return thrum::as_sender([numbers] { return numbers.async_recv(); });
//   }
//   auto here(thrum::runtime& rt) {
//     return thrum::scheduler_of(rt).schedule(); // a sender of nothing, that completes in a fiber of rt
//   }
//
// as_sender(f)            f returns an operation (operation.h), a task<T>, or anything else that a task can await. Each start calls f,
//                         and awaits what it returns, in a small coroutine of its own
// as_sender(f, rt)        the same on that runtime, instead of that of who starts it
// scheduler_of(executor)  of a runtime, a strand or a thread_pool (executor.h). Two are equal if their executors are the same
//
// They are for code that is written against std::execution: connect(sender, receiver), start(state), and the receiver is told once:
// set_value(what co_await gave), set_error(std::exception_ptr) with what it has thrown, or set_stopped() for `cancelled`. Within
// thrum a co_await says the same in fewer words.
//
// The words for it (sender_tag, set_value, get_env, get_stop_token, ...) are those of the standard library, if it has them
// (__cpp_lib_senders), else those of stdexec, if <stdexec/execution.hpp> can be included, else thrum's own, with the same names and
// meanings. They are in thrum::execution in any case, so a receiver can be written for all three.
//
// What the caller owes   The state of connect() lives until its receiver was told, and is not moved. What f refers to, too. The
//                        executor outlives what was scheduled on it. Moving a receiver does not throw, nor do its functions.
// What is guaranteed     Nothing happens before start(). The receiver is told once, on the executor, or by start() if it could not
//                        begin. It may destroy the state while it is told. A wait that is ended has had its effect, and the
//                        receiver gets its value, or it has none.
// Stop requests          The stop token in the receiver's environment ends the wait, as request_stop() of a spawned task would; so does
//                        the end of the runtime. Token types with a callback_type, and std::stop_token, are listened to.
//                        schedule() asks the token when its turn has come, not before.
// May park               what f does. start() does not.
// Happens-before         start() -> f; what the operation says; what was awaited -> the receiver's function.
// When it dies           A state that was not started just ends.
// Errors                 std::bad_alloc from start() is told to the receiver, as is what an executor refuses with.
// Cost                   as_sender: as spawning a task (task.h), 150 ns and 256 bytes or more from a pool. schedule(): as go(), and no
//                        allocation: the state is what is queued.
// Source of the idea     P2300, std::execution, and its senders for other event loops.
#pragma once

#include <thrum/error.h>
#include <thrum/executor.h>
#include <thrum/operation.h>
#include <thrum/runtime.h>
#include <thrum/spawn.h>
#include <thrum/task.h>

#include <concepts>
#include <exception>
#include <memory>
#include <optional>
#include <source_location>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>
#include <version>

#if defined(__cpp_lib_senders)
#include <execution>
#elif defined(__has_include) && __has_include(<stdexec/execution.hpp>)
#include <stdexec/execution.hpp>
#define THRUM_HAS_STDEXEC 1
#endif

namespace thrum {

namespace execution {

#if defined(__cpp_lib_senders)
using std::get_stop_token;
using std::get_stop_token_t;
using std::execution::completion_signatures;
using std::execution::get_completion_scheduler_t;
using std::execution::get_env;
using std::execution::operation_state_tag;
using std::execution::receiver_tag;
using std::execution::scheduler_tag;
using std::execution::sender_tag;
using std::execution::set_error;
using std::execution::set_error_t;
using std::execution::set_stopped;
using std::execution::set_stopped_t;
using std::execution::set_value;
using std::execution::set_value_t;
#elif defined(THRUM_HAS_STDEXEC)
using stdexec::completion_signatures;
using stdexec::get_completion_scheduler_t;
using stdexec::get_env;
using stdexec::get_stop_token;
using stdexec::get_stop_token_t;
using operation_state_tag =
    stdexec::operation_state_t; // so called in old and new ones, as are the next three
using receiver_tag = stdexec::receiver_t;
using scheduler_tag = stdexec::scheduler_t;
using sender_tag = stdexec::sender_t;
using stdexec::set_error;
using stdexec::set_error_t;
using stdexec::set_stopped;
using stdexec::set_stopped_t;
using stdexec::set_value;
using stdexec::set_value_t;
#else

// What a type is, as its member x_concept says.
struct sender_tag {};
struct receiver_tag {};
struct operation_state_tag {};
struct scheduler_tag {};

// The functions that a receiver may be told with.
template <class... Signatures> struct completion_signatures {};

struct set_value_t {
  template <class Receiver, class... Values>
  void operator()(Receiver&& r, Values&&... values) const noexcept {
    std::forward<Receiver>(r).set_value(std::forward<Values>(values)...);
  }
};
struct set_error_t {
  template <class Receiver, class Error> void operator()(Receiver&& r, Error&& error) const noexcept {
    std::forward<Receiver>(r).set_error(std::forward<Error>(error));
  }
};
struct set_stopped_t {
  template <class Receiver> void operator()(Receiver&& r) const noexcept {
    std::forward<Receiver>(r).set_stopped();
  }
};
inline constexpr set_value_t set_value{};
inline constexpr set_error_t set_error{};
inline constexpr set_stopped_t set_stopped{};

struct empty_env {};
struct get_env_t {
  template <class T> decltype(auto) operator()(const T& of) const noexcept {
    if constexpr (requires { of.get_env(); })
      return of.get_env();
    else
      return empty_env{};
  }
};
inline constexpr get_env_t get_env{};

struct never_stop_token {
  static constexpr bool stop_requested() noexcept { return false; }
  static constexpr bool stop_possible() noexcept { return false; }
  template <class F> struct callback_type {
    explicit callback_type(never_stop_token, F) noexcept {}
  };
};
struct get_stop_token_t {
  template <class Env> auto operator()(const Env& env) const noexcept {
    if constexpr (requires { env.query(*this); })
      return env.query(*this);
    else
      return never_stop_token{};
  }
};
inline constexpr get_stop_token_t get_stop_token{};

// Where a sender will tell its receiver, asked of its environment.
template <class Completion> struct get_completion_scheduler_t {
  template <class Env> auto operator()(const Env& env) const noexcept { return env.query(*this); }
};

#endif

} // namespace execution

namespace detail {

template <class Receiver> using stop_token_of = std::remove_cvref_t<decltype(execution::get_stop_token(
    execution::get_env(std::declval<const Receiver&>())))>;

template <class Token, class F> struct stop_callback_of {
  using type = typename Token::template callback_type<F>;
};
template <class F> struct stop_callback_of<std::stop_token, F> {
  using type = std::stop_callback<F>;
};

// What a receiver of a T may be told.
template <class T> struct told_with {
  using signatures =
      execution::completion_signatures<execution::set_value_t(T), execution::set_error_t(std::exception_ptr),
                                       execution::set_stopped_t()>;
};
template <> struct told_with<void> {
  using signatures =
      execution::completion_signatures<execution::set_value_t(), execution::set_error_t(std::exception_ptr),
                                       execution::set_stopped_t()>;
};

// A coroutine that awaits what f returns and tells the receiver. It has a handle for as long as it may be asked to stop; it gives the
// handle up itself, before it tells the receiver, who may end all this.
template <class T, class F, class Receiver> class awaiting_state {
public:
  using operation_state_concept = execution::operation_state_tag;

  awaiting_state(F f, Receiver r, runtime* where)
      : f_(std::move(f)), receiver_(std::move(r)), where_(where) {}
  awaiting_state(const awaiting_state&) = delete;
  awaiting_state& operator=(const awaiting_state&) = delete;

  void start() & noexcept {
    try {
      const auto begin = [this] { return await_and_tell(*this); };
      result_task<void>* const t = started_by<task_type>::make(begin, attrs{.name = "sender"},
                                                               std::source_location::current(), where_);
      handle_ = make_handle<void>(t);
      callback_.emplace(execution::get_stop_token(execution::get_env(receiver_)), ask{this});
      launch(*t, where_); // and perhaps all this is gone
    } catch (...) { execution::set_error(std::move(receiver_), std::current_exception()); }
  }

private:
  using task_type = thrum::task<void>;
  struct ask {
    awaiting_state* state;
    void operator()() const noexcept { state->handle_.request_stop(); }
  };

  // Nobody can ask any more, and nobody waits for the coroutine. The last that is done with this.
  Receiver leave() noexcept {
    callback_.reset();
    handle_.detach();
    return std::move(receiver_);
  }

  static task_type await_and_tell(awaiting_state& self) {
    std::exception_ptr error;
    bool was_stopped = false;
    std::conditional_t<std::is_void_v<T>, std::tuple<>, std::optional<std::tuple<T>>> result;
    try {
      if constexpr (std::is_void_v<T>)
        co_await self.f_();
      else
        result.emplace(co_await self.f_());
    } catch (const cancelled&) { was_stopped = true; } catch (...) {
      error = std::current_exception();
    }
    Receiver r = self.leave();
    if (was_stopped)
      execution::set_stopped(std::move(r));
    else if (error)
      execution::set_error(std::move(r), std::move(error));
    else if constexpr (std::is_void_v<T>)
      execution::set_value(std::move(r));
    else
      execution::set_value(std::move(r), std::get<0>(*std::move(result)));
  }

  F f_;
  Receiver receiver_;
  runtime* const where_;
  fiber<void> handle_;
  std::optional<typename stop_callback_of<stop_token_of<Receiver>, ask>::type> callback_;
};

template <class F> class awaiting_sender {
  using value = awaited_t<std::invoke_result_t<F&>>;

public:
  using sender_concept = execution::sender_tag;
  using completion_signatures = typename told_with<value>::signatures;

  awaiting_sender(F f, runtime* where) : f_(std::move(f)), where_(where) {}

  template <std::move_constructible Receiver>
  [[nodiscard]] awaiting_state<value, F, Receiver> connect(Receiver r) && {
    return {std::move(f_), std::move(r), where_};
  }
  template <std::move_constructible Receiver>
  [[nodiscard]] awaiting_state<value, F, Receiver> connect(Receiver r) const&
    requires std::copy_constructible<F>
  {
    return {f_, std::move(r), where_};
  }

private:
  F f_;
  runtime* where_;
};

// Queued itself.
template <class Receiver> class scheduled_state : task {
public:
  using operation_state_concept = execution::operation_state_tag;

  scheduled_state(executor& where, Receiver r) noexcept
      : task(&run_it, attrs{.name = "scheduled"}, std::source_location::current()),
        where_(where),
        receiver_(std::move(r)) {}
  scheduled_state(const scheduled_state&) = delete;
  scheduled_state& operator=(const scheduled_state&) = delete;

  void start() & noexcept {
    try {
      where_.post(*this); // and perhaps all this is gone
    } catch (...) { execution::set_error(std::move(receiver_), std::current_exception()); }
  }

private:
  static void run_it(task& t) {
    auto& self = static_cast<scheduled_state&>(t);
    const bool dropped = self.dropped;
    Receiver r = std::move(self.receiver_);
    if (dropped || execution::get_stop_token(execution::get_env(r)).stop_requested())
      execution::set_stopped(std::move(r));
    else
      execution::set_value(std::move(r));
  }

  executor& where_;
  Receiver receiver_;
};

} // namespace detail

class scheduler {
public:
  using scheduler_concept = execution::scheduler_tag;

  explicit scheduler(executor& where) noexcept : where_(std::addressof(where)) {}
  friend bool operator==(const scheduler&, const scheduler&) noexcept = default;

  class environment {
  public:
    explicit environment(executor& where) noexcept : where_(where) {}
    template <class Completion>
    scheduler query(execution::get_completion_scheduler_t<Completion>) const noexcept {
      return scheduler(where_);
    }

  private:
    executor& where_;
  };

  class sender {
  public:
    using sender_concept = execution::sender_tag;
    using completion_signatures = detail::told_with<void>::signatures;

    explicit sender(executor& where) noexcept : where_(std::addressof(where)) {}
    template <std::move_constructible Receiver>
    [[nodiscard]] detail::scheduled_state<Receiver> connect(Receiver r) const noexcept {
      return {*where_, std::move(r)};
    }
    [[nodiscard]] environment get_env() const noexcept { return environment(*where_); }

  private:
    executor* where_;
  };

  [[nodiscard]] sender schedule() const noexcept { return sender(*where_); }

private:
  executor* where_;
};

// Completes on the executor.
[[nodiscard]] inline scheduler scheduler_of(executor& where) noexcept { return scheduler(where); }

// What f() returns, awaited: on the runtime of who starts it; if that is work of an executor, there.
template <class F>
  requires std::invocable<std::decay_t<F>&>
[[nodiscard]] auto as_sender(F&& f) {
  return detail::awaiting_sender<std::decay_t<F>>(std::forward<F>(f), nullptr);
}
template <class F>
  requires std::invocable<std::decay_t<F>&>
[[nodiscard]] auto as_sender(F&& f, runtime& where) {
  return detail::awaiting_sender<std::decay_t<F>>(std::forward<F>(f), std::addressof(where));
}
// A task, which is awaited once: the sender is to be connected as an rvalue.
template <class T> [[nodiscard]] auto as_sender(task<T>&& t) {
  return as_sender(detail::made_task<T>{std::move(t)});
}
template <class T> [[nodiscard]] auto as_sender(task<T>&& t, runtime& where) {
  return as_sender(detail::made_task<T>{std::move(t)}, where);
}

} // namespace thrum
