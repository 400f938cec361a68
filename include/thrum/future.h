// future: a value that comes later, or the exception instead of it; promise: who gives it; async: a fiber that does.
//
//   thrum::future<int> answer = thrum::async([] { return compute(); });
//   thrum::future<std::string> text = std::move(answer)
//                                         .then([](int n) { return std::to_string(n); })
//                                         .rescue([](std::exception_ptr) { return std::string("none"); });
//   report(text.get());
//
//   thrum::promise<int> p;
//   thrum::future<int> later = p.get_future();
//   p.set_value(42);
//   work(later.get());
//
// For one result that somebody waits for, spawn() is simpler: its handle stops and joins. Futures are for results that are handed
// on, combined (future_all.h), and worked on where nobody waits.
//
// promise<T>       settles its future once: set_value(), set_exception(), or resolve(other), after which it becomes what the other
//                  becomes. The first one counts; the later ones return false. If it is destroyed before, the future fails
//                  with std::future_error, std::future_errc::broken_promise.
// future<T>        one consumer: get(), share() and the continuations use it up. T may be void, a reference, move-only.
// shared_future<T> a copyable one, for many: get() gives a const T&; continuations get a const T&, in the order in which they came.
//
// Continuations, each of which returns a new future:
//
// f.then(g)        g(value); a failure goes past it
// f.rescue(g)      g(exception_ptr) makes a value of a failure; a value goes past it. f.rescue<E>(g): only of an E, as g(const E&)
// f.finally(g)     g() in both cases, and then what there was before; but what g throws replaces it
// f.settle(g)      g(outcome<T>) in both cases: a std::expected<T, std::exception_ptr>
// f.then_inline(g) as then, but g runs in who settles f, or at once: for functions that are short and do not wait
//
// f.or_timeout(d)  fails with timed_out (error.h) if f has not settled within the duration d; f.or_value(d, v): becomes v then. Who
//                  makes the value of a future<T> is asked to stop, as nobody can get it any more
//
// If g returns a future, its result is the result (it is not a future of a future). What g throws makes the new future fail, with
// that very exception.
//
// Where g runs           In the executor (executor.h) that is given in front of g, else in that of the caller of then(). It is
//                        queued there when f settles, never called by then() or set_value() themselves; of one future, in the
//                        order of the calls. On a runtime, it is a fiber of its own, and may wait. It sees the scoped values
//                        (scoped.h) that were bound where then() was called. If the executor refuses or drops it, the new
//                        future fails with the executor's reason.
// get_outcome()    as get(), but an outcome<T>, too, so that a failure is a value
// async_get()      get() for coroutines (task.h): co_await f.async_get(). Of a future<T>, what `cancelled` ends leaves it as it was
//
// On an event_loop futures take as many microtasks as JavaScript's promises: its page says how many. Elsewhere what follows a future
// follows at once.
//
// What the caller owes   An executor outlives what is queued to it. A future, and a promise's get_future() and destructor, are used by
//                        one fiber or thread at a time; a shared_future has a copy for each. Using a handle that refers to
//                        nothing panics, but for valid(), ready() and request_stop(); so does a second get_future(). Two promises
//                        that are resolved with each other's futures never settle, and their memory is lost.
// What is guaranteed     Dropping a future stops nothing, and what was begun goes on. A failure that nobody has looked at when the last
//                        handle goes, with get() or a continuation, goes to options.on_unhandled of the runtime there, or is
//                        printed with the place where the future was made; `cancelled` is no failure. A function is destroyed
//                        before its result is seen.
// Stopping               request_stop() asks who makes the value: the fiber of an async() or a continuation (error.h) that a runtime
//                        runs, and before that what it waits for; a promise learns it by stop_requested() and on_stop().
// May park               get(), get_outcome(), wait(), wait_for(), wait_until(). They listen to stop requests, and leave the future as it was then.
// Happens-before         set_value, set_exception -> the return of get() and of a wait that says true, and the continuations.
// When it dies           All share the state, in any order. A promise may be destroyed by who was woken by its set_value().
// Errors                 get() rethrows what made the future fail, as it was. cancelled from waits. std::bad_alloc from making a
//                        promise, async and continuations, what moving g throws, and from async what the executor refuses
//                        with; nothing was changed then.
// Cost                   64 bytes and the value, from the pool of tasks; a continuation is one object of the same kind, and a task of its
//                        executor: on a runtime, a fiber. See versus/experiments/x27_futures.
// Source of the idea     std::future; Promises/A+ and JavaScript for continuations; Java's CompletableFuture for executors and timeouts.
#pragma once

#include <thrum/detail/future_base.h>
#include <thrum/detail/future_core.h>
#include <thrum/detail/future_timeout.h>
#include <thrum/detail/future_work.h>
#include <thrum/detail/one_case_wait.h>
#include <thrum/detail/outcome.h>
#include <thrum/executor.h>
#include <thrum/select.h>

#include <chrono>
#include <exception>
#include <source_location>
#include <type_traits>
#include <utility>

namespace thrum {

namespace detail {
template <class T> class get_operation;
template <class T> class shared_get_operation;
} // namespace detail

template <class T> class [[nodiscard]] future : public detail::future_base<T> {
  using base = detail::future_base<T>;
  template <class F> using function = std::decay_t<F>;
  using place = std::source_location;

public:
  using value_type = T;
  using base::base;
  future(future&&) noexcept = default;
  future& operator=(future&&) noexcept = default;

  // The value; or rethrows the exception. The future is used up.
  THRUM_NO_DANGLING T get() {
    base::wait(); // if it throws, the future is as it was
    const future mine = std::move(*this);
    auto& c = mine.settled_core();
    if constexpr (std::is_reference_v<T>)
      return static_cast<T>(*c.value);
    else if constexpr (!std::is_void_v<T>)
      return std::move(c.value);
  }

  // get(), but a failure is the error of an expected. (A reference is kept as std::reference_wrapper.)
  [[nodiscard]] outcome<T> get_outcome() {
    base::wait(); // as above
    const future mine = std::move(*this);
    return detail::outcome_of<T, true>(mine.result());
  }

  // get() for coroutines: co_await f.async_get().
  [[nodiscard]] detail::get_operation<T> async_get() noexcept { return detail::get_operation<T>(*this); }

  // The same as one that many may look at.
  shared_future<T> share() && {
    if (!base::valid()) detail::panic_no_future("share() of");
    base::core_.get()->open();
    return shared_future<T>(std::move(base::core_));
  }

  template <class F> auto then(F&& f, place site = place::current()) && {
    return detail::react<detail::then_how<T, true, function<F>>, function<F>>(
        std::move(*this), detail::workplace_here(), std::forward<F>(f), site);
  }
  template <class F> auto then(executor& where, F&& f, place site = place::current()) && {
    return detail::react<detail::then_how<T, true, function<F>>, function<F>>(
        std::move(*this), detail::workplace_in(where), std::forward<F>(f), site);
  }
  template <class F> auto then_inline(F&& f, place site = place::current()) && {
    return detail::react<detail::then_how<T, true, function<F>>, function<F>>(std::move(*this), {},
                                                                              std::forward<F>(f), site);
  }

  template <class F>
    requires std::invocable<F, std::exception_ptr>
  future rescue(F&& f, place site = place::current()) && {
    return std::move(*this).rescue(executor::current(), std::forward<F>(f), site);
  }
  template <class F>
    requires std::invocable<F, std::exception_ptr>
  future rescue(executor& where, F&& f, place site = place::current()) && {
    return detail::react<detail::rescue_how<T, true, function<F>>, function<F>>(
        std::move(*this), detail::workplace_in(where), std::forward<F>(f), site);
  }
  template <class E, class F>
    requires std::invocable<F, const E&>
  future rescue(F&& f, place site = place::current()) && {
    return std::move(*this).template rescue<E>(executor::current(), std::forward<F>(f), site);
  }
  template <class E, class F>
    requires std::invocable<F, const E&>
  future rescue(executor& where, F&& f, place site = place::current()) && {
    return detail::react<detail::rescue_one_how<T, true, E, function<F>>, function<F>>(
        std::move(*this), detail::workplace_in(where), std::forward<F>(f), site);
  }

  template <std::invocable F> future finally(F&& f, place site = place::current()) && {
    return std::move(*this).finally(executor::current(), std::forward<F>(f), site);
  }
  template <std::invocable F> future finally(executor& where, F&& f, place site = place::current()) && {
    if constexpr (detail::returns_future<F>)
      return std::move(*this).settle(where, detail::finally_and_wait<T>(std::forward<F>(f), where), site);
    else
      return detail::react<detail::finally_how<T, true, function<F>>, function<F>>(
          std::move(*this), detail::workplace_in(where), std::forward<F>(f), site);
  }

  template <class F> auto settle(F&& f, place site = place::current()) && {
    return std::move(*this).settle(executor::current(), std::forward<F>(f), site);
  }
  template <class F> auto settle(executor& where, F&& f, place site = place::current()) && {
    return detail::react<detail::settle_how<T, true, function<F>>, function<F>>(
        std::move(*this), detail::workplace_in(where), std::forward<F>(f), site);
  }

  template <class Rep, class Period>
  future or_timeout(const std::chrono::duration<Rep, Period>& d, place site = place::current()) && {
    if (base::ready()) return std::move(*this);
    return detail::with_timeout<T, true>(std::move(*this), detail::deadline_after(d),
                                         detail::fail_with_timed_out(), site);
  }
  template <class Rep, class Period, class U = T>
    requires std::constructible_from<detail::kept_result<T>, U>
  future or_value(const std::chrono::duration<Rep, Period>& d, U&& value, place site = place::current()) && {
    if (base::ready()) return std::move(*this);
    return detail::with_timeout<T, true>(std::move(*this), detail::deadline_after(d),
                                         detail::use_value<T>{detail::kept_result<T>(std::forward<U>(value))},
                                         site);
  }

private:
  friend struct detail::future_access;
  explicit future(detail::future_core* c) noexcept : base(detail::consumer_ref(c)) {}
};

template <class T> class [[nodiscard]] shared_future : public detail::future_base<T> {
  using base = detail::future_base<T>;
  template <class F> using function = std::decay_t<F>;
  using place = std::source_location;

public:
  using value_type = T;
  using base::base;
  shared_future(future<T>&& f) : shared_future(std::move(f).share()) {} // as in std

  // The value, which lives as long as the future; or rethrows the exception.
  std::add_lvalue_reference_t<std::add_const_t<T>> get() const {
    base::wait();
    auto& c = base::settled_core();
    if constexpr (std::is_reference_v<T>)
      return *c.value;
    else if constexpr (!std::is_void_v<T>)
      return c.value;
    else
      static_cast<void>(c);
  }
  // get() for coroutines, as above. The future outlives what is done with the value.
  [[nodiscard]] detail::shared_get_operation<T> async_get() const noexcept {
    return detail::shared_get_operation<T>(*this);
  }
  // get(), but a failure is the error of an expected. The value is a copy.
  [[nodiscard]] outcome<T> get_outcome() const
    requires(detail::can_pass<T, false>)
  {
    base::wait();
    return detail::outcome_of<T, false>(base::result());
  }

  template <class F> auto then(F&& f, place site = place::current()) const {
    return detail::react<detail::then_how<T, false, function<F>>, function<F>>(
        *this, detail::workplace_here(), std::forward<F>(f), site);
  }
  template <class F> auto then(executor& where, F&& f, place site = place::current()) const {
    return detail::react<detail::then_how<T, false, function<F>>, function<F>>(
        *this, detail::workplace_in(where), std::forward<F>(f), site);
  }
  template <class F> auto then_inline(F&& f, place site = place::current()) const {
    return detail::react<detail::then_how<T, false, function<F>>, function<F>>(*this, {}, std::forward<F>(f),
                                                                               site);
  }

  template <class F>
    requires std::invocable<F, std::exception_ptr>
  future<T> rescue(F&& f, place site = place::current()) const {
    return rescue(executor::current(), std::forward<F>(f), site);
  }
  template <class F>
    requires std::invocable<F, std::exception_ptr>
  future<T> rescue(executor& where, F&& f, place site = place::current()) const {
    return detail::react<detail::rescue_how<T, false, function<F>>, function<F>>(
        *this, detail::workplace_in(where), std::forward<F>(f), site);
  }
  template <class E, class F>
    requires std::invocable<F, const E&>
  future<T> rescue(F&& f, place site = place::current()) const {
    return this->template rescue<E>(executor::current(), std::forward<F>(f), site);
  }
  template <class E, class F>
    requires std::invocable<F, const E&>
  future<T> rescue(executor& where, F&& f, place site = place::current()) const {
    return detail::react<detail::rescue_one_how<T, false, E, function<F>>, function<F>>(
        *this, detail::workplace_in(where), std::forward<F>(f), site);
  }

  template <std::invocable F> future<T> finally(F&& f, place site = place::current()) const {
    return finally(executor::current(), std::forward<F>(f), site);
  }
  template <std::invocable F> future<T> finally(executor& where, F&& f, place site = place::current()) const {
    if constexpr (detail::returns_future<F>)
      return settle(where, detail::finally_and_wait<T>(std::forward<F>(f), where), site);
    else
      return detail::react<detail::finally_how<T, false, function<F>>, function<F>>(
          *this, detail::workplace_in(where), std::forward<F>(f), site);
  }

  template <class F> auto settle(F&& f, place site = place::current()) const {
    return settle(executor::current(), std::forward<F>(f), site);
  }
  template <class F> auto settle(executor& where, F&& f, place site = place::current()) const {
    return detail::react<detail::settle_how<T, false, function<F>>, function<F>>(
        *this, detail::workplace_in(where), std::forward<F>(f), site);
  }

  template <class Rep, class Period>
  future<T> or_timeout(const std::chrono::duration<Rep, Period>& d, place site = place::current()) const {
    return detail::with_timeout<T, false>(*this, detail::deadline_after(d), detail::fail_with_timed_out(),
                                          site);
  }
  template <class Rep, class Period, class U = T>
    requires std::constructible_from<detail::kept_result<T>, U>
  future<T> or_value(const std::chrono::duration<Rep, Period>& d, U&& value,
                     place site = place::current()) const {
    return detail::with_timeout<T, false>(
        *this, detail::deadline_after(d),
        detail::use_value<T>{detail::kept_result<T>(std::forward<U>(value))}, site);
  }

private:
  friend struct detail::future_access;
  friend class future<T>;
  explicit shared_future(detail::consumer_ref c) noexcept : base(std::move(c)) {}
};

template <class T> class promise {
  using stored = detail::kept_result<T>;

public:
  explicit promise(std::source_location site = std::source_location::current())
      : core_(detail::make_promise_core<T>(site)) {}
  promise(promise&& other) noexcept = default; // leaves one that refers to nothing
  promise& operator=(promise&& other) noexcept {
    promise taken(std::move(other));
    std::swap(core_, taken.core_);
    std::swap(given_, taken.given_);
    return *this;
  }
  ~promise() {
    if (core_) detail::break_promise(core());
  }

  future<T> get_future() {
    detail::result_core<T>& c = core();
    if (std::exchange(given_, true)) detail::panic_second_future();
    c.retain();
    return detail::future_access::make<T>(&c);
  }

  // Each of these settles the future, or, if that was decided before, returns false and leaves the argument alone. If making
  // the value throws, nothing was done.
  bool set_value()
    requires std::is_void_v<T>
  {
    return set_in_place();
  }
  template <class U = T>
    requires(!std::is_void_v<T> && !std::is_reference_v<T> && std::constructible_from<T, U>)
  bool set_value(U&& value) {
    return set_in_place(std::forward<U>(value));
  }
  template <class U>
    requires(std::is_reference_v<T> && std::convertible_to<U&, T>)
  bool set_value(U& value) {
    return set_in_place(std::addressof(static_cast<T>(value)));
  }
  bool set_exception(std::exception_ptr error) noexcept {
    if (error == nullptr) detail::panic_no_exception();
    if (!core().set(detail::future_core::is_claimed)) return false;
    settle(core().make_error(std::move(error)));
    return true;
  }
  // From now on, nothing else settles it but the other future. With its own future, it fails with a std::logic_error.
  bool resolve(future<T>&& other) { return take_over<true>(std::move(other)); }
  bool resolve(const shared_future<T>& other) { return take_over<false>(other); }

  // Somebody called request_stop() of the future.
  [[nodiscard]] bool stop_requested() const noexcept { return core().is(detail::future_core::is_asked); }
  // Calls f() in who calls request_stop(), or here, if somebody has. Once; not if the promise has settled before. f must not throw.
  template <std::invocable F> void on_stop(F&& f) {
    using hook = detail::stop_hook<std::decay_t<F>>;
    auto* h = detail::make_core<hook>(std::forward<F>(f));
    static_cast<void>(detail::add_node(core(), *h));
    if (stop_requested()) static_cast<void>(detail::stop_hooks(core()));
  }

private:
  detail::result_core<T>& core() const noexcept {
    if (!core_) detail::panic_no_future("use of");
    return *static_cast<detail::result_core<T>*>(core_.get());
  }
  template <class... A> bool set_in_place(A&&... value) {
    detail::result_core<T>& c = core();
    if (!c.set(detail::future_core::is_claimed)) return false;
    std::uint32_t bits;
    try {
      bits = c.make_value(std::forward<A>(value)...);
    } catch (...) {
      c.change(detail::future_core::is_claimed, false);
      throw;
    }
    settle(bits);
    return true;
  }
  void settle(std::uint32_t bits) noexcept {
    const detail::core_ref kept = core_; // who is woken may destroy *this
    detail::settle(*kept.get(), bits);
  }
  template <bool Moved, class Other> bool take_over(Other&& other) {
    detail::result_core<T>& c = core();
    if (!other.valid()) detail::panic_no_future("resolve() with");
    if (!c.set(detail::future_core::is_claimed)) return false;
    if (detail::future_access::core(other) == &c) {
      const detail::core_ref dropped(detail::future_access::take(std::forward<Other>(other)));
      settle(c.make_error(detail::own_future_error()));
      return true;
    }
    try {
      if (executor* const turns = detail::turns_here())
        detail::adopt_in_turns<T, Moved>(c, *turns, std::forward<Other>(other));
      else
        detail::adopt<T, Moved>(c, std::forward<Other>(other));
    } catch (...) {
      c.change(detail::future_core::is_claimed, false);
      throw;
    }
    return true;
  }

  detail::core_ref core_;
  bool given_ = false;
};

// Calls f() in a fiber of the caller's runtime (or in the executor to which the caller belongs, or in the given one).
template <std::invocable F> auto async(executor& where, const attrs& a, F&& f,
                                       std::source_location site = std::source_location::current()) {
  return detail::start(detail::workplace_in(where), a, std::forward<F>(f), site);
}
template <std::invocable F>
auto async(executor& where, F&& f, std::source_location site = std::source_location::current()) {
  return detail::start(detail::workplace_in(where), attrs{}, std::forward<F>(f), site);
}
template <std::invocable F>
auto async(const attrs& a, F&& f, std::source_location site = std::source_location::current()) {
  return detail::start(detail::workplace_here(), a, std::forward<F>(f), site);
}
template <std::invocable F> auto async(F&& f, std::source_location site = std::source_location::current()) {
  return detail::start(detail::workplace_here(), attrs{}, std::forward<F>(f), site);
}

// A future that is ready.
template <class T> future<std::decay_t<T>> make_ready_future(T&& value) {
  using result = std::decay_t<T>;
  return detail::future_access::make<result>(detail::make_settled_core<result>(
      [&](detail::result_core<result>& c) { return c.make_value(std::forward<T>(value)); }));
}
inline future<void> make_ready_future() {
  return detail::future_access::make<void>(
      detail::make_settled_core<void>([](detail::result_core<void>& c) { return c.make_value(); }));
}
template <class T> future<T> make_failed_future(std::exception_ptr error,
                                                std::source_location site = std::source_location::current()) {
  promise<T> p(site);
  p.set_exception(std::move(error));
  return p.get_future();
}

namespace detail {

// What async_get() gives. In an executor that has turns, what awaits takes one, and in the order in which it came among the
// continuations of the same future.
template <class T> class [[nodiscard("an operation does nothing until it is awaited")]] get_operation
    : public one_case_wait<get_operation<T>, true> {
public:
  explicit get_operation(future<T>& f) noexcept : of_(f) {}

  // Blocks the calling fiber or thread.
  T wait() { return of_.get(); }

  bool await_ready() const {
    if (!of_.valid()) panic_no_future("async_get() of");
    return of_.ready() && turns_here() == nullptr;
  }
  template <class P> bool await_suspend(std::coroutine_handle<P> h) {
    if (!of_.ready() && one_case_wait<get_operation, true>::await_suspend(h)) return true;
    return take_turn(flow_of(h), h);
  }
  T await_resume() {
    this->finish();
    return of_.get();
  }

private:
  friend one_case_wait<get_operation, true>;
  void fill(select_case& c) noexcept { fill_settled(c, future_access::core(of_)); }

  future<T>& of_;
};

template <class T> class [[nodiscard("an operation does nothing until it is awaited")]] shared_get_operation
    : public one_case_wait<shared_get_operation<T>, true> {
public:
  explicit shared_get_operation(const shared_future<T>& f) noexcept : of_(f) {}

  // Blocks the calling fiber or thread.
  decltype(auto) wait() { return of_.get(); }

  bool await_ready() const {
    if (!of_.valid()) panic_no_future("async_get() of");
    return of_.ready() && turns_here() == nullptr;
  }
  template <class P> bool await_suspend(std::coroutine_handle<P> h) {
    if (!of_.ready()) {
      // Others' continuations are nodes, which are told in the order in which they came: so this has one, too.
      if (turns_here() != nullptr)
        told_ =
            react<note_how<T>, no_function>(of_, workplace{}, no_function(), std::source_location::current());
      if (one_case_wait<shared_get_operation, true>::await_suspend(h)) return true;
    }
    return take_turn(flow_of(h), h);
  }
  decltype(auto) await_resume() {
    this->finish();
    return of_.get();
  }

private:
  friend one_case_wait<shared_get_operation, true>;
  void fill(select_case& c) noexcept {
    fill_settled(c, told_.valid() ? future_access::core(told_) : future_access::core(of_));
  }

  const shared_future<T>& of_;
  future<void> told_;
};

} // namespace detail

// A case of a select (select.h): the future is ready. Never ready for one that refers to nothing.
template <class T> [[nodiscard]] auto ready(const detail::future_base<T>& f) {
  detail::basic_case c;
  c.raw.what = detail::select_case::kind::source;
  detail::fill_settled(c.raw, detail::future_access::core(f));
  return c;
}

} // namespace thrum
