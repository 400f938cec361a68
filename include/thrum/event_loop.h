// event_loop: an executor that runs one callback at a time, in Node's order: timers, posts, immediates, close callbacks, and after each
// of them the queue of ticks and that of microtasks. asyncio's coroutines run on it, too, and fibers.
//
//   int serve_once() {
//     thrum::event_loop loop;
//     loop.set_timeout(10ms, [] { report("third"); });
//     loop.set_immediate([] { report("second"); });
//     loop.next_tick([] { report("first"); });
//     loop.run();                                           // returns when nothing is left to wait for
//     return loop.run([]() -> thrum::task<int> { co_return 1; }); // asyncio.run(main())
//   }
//
// A loop has no thread. run() starts a fiber of the loop's runtime, which is the loop, and waits for its end; a loop that has nothing to
// do is a parked fiber. So there may be any number of loops; what two of them do runs at the same time.
//
// A turn of the loop     1. posts      what execute() and futures brought from elsewhere; coroutines and fibers go on. If there is nothing to
//                                      do in the other steps either, the loop waits here, until the next timer is due at most
//                        2. immediates those that were set before the step began
//                        3. closing    what queue_close() was given
//                        4. timers     what is due: of one duration in the order of setting, and by the time when they are due
//                        Timers that are due already run once before the first turn. That is libuv's order since 1.45, and Node's
//                        since 20.
// After each callback    first all ticks, in order, then all microtasks, with those that they add; and again, until there are neither.
//
// execute(f)        may be called by anybody: f is a callback of the next turn's posts
// set_timeout       f once, not before the duration is over; less than 1 ms counts as 1 ms, as in Node. The handle clears it
// set_interval      f again and again: the next time is the period after the beginning of the last call
// set_immediate     f in the step `immediates` of this turn; from within that step: of the next
// next_tick         f as soon as the present callback has returned
// queue_microtask   f after the ticks. What future::then(loop, f) queues when its future settles on the loop is a microtask, too
// queue_close       f in the step `closing`
// spawn(f)          a fiber of the loop, with a handle; or, if f returns a task (task.h), a coroutine of the loop
// call_async(f)     a coroutine, as JavaScript calls an async function: f(), which makes a task, and the task up to its first wait run at
//                   once, within the call. What comes out of it is a future; if the task returns a future, that one's result
// keep()            while the token lives, run() does not return
//
// Fibers and coroutines  Of all that belongs to a loop, one thing runs at a time: a callback, a fiber, or a coroutine. A fiber or
//                        coroutine lets others run only where it waits, so between two waits it has everything that belongs to the
//                        loop to itself, without a lock. What it has read before a wait may be stale after it. A coroutine goes on
//                        as a microtask if it awaits a future that settles on the loop, and else in the posts of a turn.
//                        A callback may wait as well: then the fibers of the loop run meanwhile, but no other callback and no
//                        coroutine. on_slow() tells of it.
// Promises               On a loop, futures take exactly as many microtasks as promises. A continuation takes one, and so does
//                        co_await f.async_get(), also if f is ready. Two more: resolve(other), a continuation or coroutine that returns
//                        a future, finally(). One for each of the futures: all, all_settled, any, race. None:
//                        then_inline, or_timeout and or_value, which Node has not, and co_await of a task, which is a call.
// Lag                    lag() says how late the loop is with what is due. on_slow(5ms, f) names each callback that keeps it for
//                        longer, by the place where it was given, and says whether it computed, was blocked in the kernel, or
//                        waited. Fibers that compute on the loop show in lag() only.
// When run() returns     when nothing referenced is left: timers, immediates, posts, close callbacks, fibers and coroutines of
//                        spawn(), tokens of keep(). unref() of a handle: run() does not wait for that one. A future that has not
//                        settled keeps nothing. stop(): at the end of the present turn; what is left stays, and run() may be
//                        called again.
// Exceptions             An exception that leaves a callback goes to options.on_unhandled, and the loop goes on. Without a handler the loop
//                        ends, as a Node process does: run() rethrows it; what is left stays, and run() may be called again. So does
//                        what leaves a fiber or coroutine whose handle was given up. `cancelled` just ends the callback. A
//                        future that fails is told elsewhere (future.h).
// What the caller owes   Everything but execute(), post(), spawn(), keep(), stop(), lag() and lag_quantile() is called by what runs on the loop, or by its owner
//                        while run() is not running: anything else panics. Work does not run() or destroy its own loop (that panics).
//                        Nobody posts to a loop that is gone. A handle of spawn() is not joined or destroyed by a callback
//                        before it has ended: the loop would wait for itself.
// What is guaranteed     One callback at a time, which is checked. Timers are never early. Posts run in the order in which they came.
//                        What is bound (scoped.h) where a callback was given is bound where it runs.
// May park               run(), which listens to stop requests: it stops the loop, and throws `cancelled` when that has ended. The
//                        destructor. Nothing else.
// Happens-before         what gives a callback -> the callback; and everything that ran on the loop -> what runs there next.
// When it dies           The destructor drops what is left, uncalled, and waits until fibers that have begun, coroutines of spawn() and
//                        tokens have ended. A coroutine that goes on meanwhile is asked to stop, and does that on the runtime; one that
//                        waits for something that never comes keeps the destructor waiting: ask its handle to stop before.
// Errors                 std::bad_alloc, and what moving f throws. run(f) of a coroutine: `rejected`, if the loop was stopped before its end.
// Cost                   A tick 20 ns, a timer that is set and cleared 150 ns, a turn with one immediate or post 150 to 200 ns; a post from
//                        elsewhere 110 ns, and the wake-up of a fiber if the loop has nothing to do. 4 KiB on the heap, and to run
//                        one 3 us. See on_slow() for its own.
// Differences from Node  A task is a coroutine of Python's kind: it begins when it is awaited or started, and what awaits it goes on
//                        as after a call. call_async() makes an async function of it. Coroutines that wait keep the loop, as
//                        asyncio's main does. Durations have the clock's resolution, not a millisecond's; a very long one never
//                        ends, and does not become 1 ms.
// Source of the idea     Node and libuv; asyncio.
#pragma once

#include <thrum/attrs.h>
#include <thrum/detail/deadline.h>
#include <thrum/error.h>
#include <thrum/executor.h>
#include <thrum/future.h>
#include <thrum/runtime.h>
#include <thrum/spawn.h>
#include <thrum/task.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <source_location>
#include <type_traits>
#include <utility>

namespace thrum {

namespace loop {

class core;
struct timer_node;
struct immediate_node;

// Rounds up to whole nanoseconds; less than a millisecond is one, and what is too long to count never ends.
template <class Rep, class Period>
std::chrono::nanoseconds duration_of(const std::chrono::duration<Rep, Period>& d) noexcept {
  constexpr std::chrono::duration<double> longest{9.2e9};
  if (std::chrono::duration<double>(d) > longest) return std::chrono::nanoseconds::max();
  if (d < std::chrono::milliseconds(1)) return std::chrono::milliseconds(1);
  return std::chrono::ceil<std::chrono::nanoseconds>(d);
}

// What call_async() starts: f, the promise of its result, and what keeps the loop.
template <class F, class R, class Keeper> struct async_call {
  // *this lives until the coroutine has ended.
  thrum::task<> operator()() { return run(f, result); }

  static thrum::task<> run(F& f, promise<R>& result) {
    using T = typename detail::started_by<std::invoke_result_t<F&>>::result;
    std::exception_ptr failed;
    try {
      if constexpr (std::is_void_v<T>) {
        co_await f();
        result.set_value();
      } else if constexpr (detail::flattened<T>::is_future) {
        result.resolve(co_await f());
      } else {
        result.set_value(co_await f());
      }
    } catch (...) { failed = std::current_exception(); }
    if (failed != nullptr) result.set_exception(std::move(failed));
  }

  F f;
  promise<R> result;
  Keeper until_its_end;
};

// In that promise: hears of request_stop(), and leaves the coroutine alone when it has ended.
struct async_call_stop {
  explicit async_call_stop(fiber<> c) noexcept : coroutine(std::move(c)) {}
  async_call_stop(async_call_stop&&) noexcept = default;
  ~async_call_stop() {
    if (coroutine.joinable()) coroutine.detach();
  }
  void operator()() { coroutine.request_stop(); }
  fiber<> coroutine;
};

} // namespace loop

struct event_loop_options {
  // Shown in reports; must outlive the loop.
  const char* name = "event_loop";
  // For tests of order: the time of the loop stands still while callbacks run (but see advance()), and when there is nothing else to do
  // it jumps to the next timer. While tokens, fibers or coroutines keep the loop, it waits as long as it would.
  bool virtual_time = false;
  // Called with an exception that left a callback, on the loop. What it throws ends run().
  std::function<void(std::exception_ptr)> on_unhandled{};
};

// How late timers are called and posts are taken, since the loop was made or reset_lag(). Quantiles are at most 12 % too high.
struct loop_lag {
  std::uint64_t count = 0;
  std::chrono::nanoseconds p50{};
  std::chrono::nanoseconds p99{};
  std::chrono::nanoseconds max{};
};

// A callback that kept the loop for long.
struct slow_callback {
  const char* what =
      ""; // "timer", "immediate", "tick", "microtask", "post", "close callback", "first callback"
  std::source_location site{}; // where it was given
  std::chrono::nanoseconds took{};
  std::chrono::nanoseconds
      computed{};      // CPU time; what is missing was spent blocked in the kernel. If it has parked: zero
  bool parked = false; // it has waited in thrum: for a lock, a channel, a sleep
};

// What set_timeout() and set_interval() return. Copies are the same timer. Used where the loop's members may be; harmless
// when the loop is gone.
class loop_timer {
public:
  loop_timer() noexcept = default;
  explicit loop_timer(std::shared_ptr<loop::timer_node> n) noexcept : node_(std::move(n)) {}

  void clear() noexcept;   // it will not be called (again)
  void refresh() noexcept; // its time begins anew, also if it was called already; not if it was cleared
  void ref() noexcept;
  void unref() noexcept; // run() does not wait for it
  [[nodiscard]] bool has_ref() const noexcept;
  [[nodiscard]] bool active() const noexcept; // it is set

private:
  std::shared_ptr<loop::timer_node> node_;
};

// The same for set_immediate().
class loop_immediate {
public:
  loop_immediate() noexcept = default;
  explicit loop_immediate(std::shared_ptr<loop::immediate_node> n) noexcept : node_(std::move(n)) {}

  void clear() noexcept;
  void ref() noexcept;
  void unref() noexcept;
  [[nodiscard]] bool has_ref() const noexcept;

private:
  std::shared_ptr<loop::immediate_node> node_;
};

class event_loop final : public executor {
  using place = std::source_location;
  template <class F> using returned = std::invoke_result_t<std::decay_t<F>&>;
  template <class F> static constexpr bool makes_coroutine = detail::started_by<returned<F>>::is_coroutine;

public:
  // Its fiber runs on `where`.
  explicit event_loop(const event_loop_options& o = {}, runtime& where = runtime::current());
  ~event_loop();

  // Runs what there is, until nothing is left.
  void run();
  // f is the first callback, as the main script in Node. If it makes a coroutine, returns what that returns.
  template <class F> auto run(F&& f, place site = place::current()) ->
      typename detail::started_by<returned<F>>::result {
    if constexpr (makes_coroutine<F>) {
      auto main = spawn(std::forward<F>(f), site);
      try {
        run();
      } catch (...) {
        if (!main.ended()) main.detach(); // the loop, which does not run, would have to end it
        throw;
      }
      if (!main.ended()) {
        main.detach();
        refuse_unfinished();
      }
      return main.join();
    } else {
      static_assert(std::is_void_v<returned<F>>, "thrum: what event_loop::run() calls first returns nothing, "
                                                 "or a task");
      run_first(*detail::make_detached_task(std::forward<F>(f), attrs{}, site));
    }
  }
  // Ends run() with the present turn; if it does not run, the next run() calls its first callback and makes no turn. By anybody.
  void stop() noexcept;
  // Is there anything that run() would wait for?
  [[nodiscard]] bool alive() const noexcept;

  // ---- timers and immediates
  template <class Rep, class Period, class F>
  loop_timer set_timeout(const std::chrono::duration<Rep, Period>& after, F&& f,
                         place site = place::current()) {
    return loop_timer(add_timer(loop::duration_of(after), false, function(std::forward<F>(f)), site));
  }
  template <class Rep, class Period, class F>
  loop_timer set_interval(const std::chrono::duration<Rep, Period>& period, F&& f,
                          place site = place::current()) {
    return loop_timer(add_timer(loop::duration_of(period), true, function(std::forward<F>(f)), site));
  }
  template <class F> loop_immediate set_immediate(F&& f, place site = place::current()) {
    return loop_immediate(add_immediate(function(std::forward<F>(f)), site));
  }

  // ---- queues
  template <class F> void next_tick(F&& f, place site = place::current()) {
    add_tick(*detail::make_detached_task(std::forward<F>(f), attrs{}, site));
  }
  template <class F> void queue_microtask(F&& f, place site = place::current()) {
    add_microtask(*detail::make_detached_task(std::forward<F>(f), attrs{}, site));
  }
  template <class F> void queue_close(F&& f, place site = place::current()) {
    add_close(*detail::make_detached_task(std::forward<F>(f), attrs{}, site));
  }

  // ---- fibers and coroutines
  template <class F> auto spawn(F&& f, place site = place::current()) {
    return spawn(attrs{}, std::forward<F>(f), site);
  }
  template <class F> auto spawn(const attrs& a, F&& f, place site = place::current()) {
    return detail::spawn_posted(makes_coroutine<F> ? static_cast<executor&>(*this) : fibers(), a, site,
                                [f = std::decay_t<F>(std::forward<F>(f)),
                                 until_its_end = keep()]() mutable -> decltype(auto) { return f(); });
  }
  template <class T> fiber<T> spawn(task<T>&& t, place site = place::current()) {
    return spawn(attrs{}, detail::made_task<T>{std::move(t)}, site);
  }

  class keeper;
  // Called by what runs on the loop. request_stop() of the future asks the coroutine; dropping the future does not.
  template <class F> auto call_async(F&& f, place site = place::current()) {
    static_assert(makes_coroutine<F>, "thrum: call_async() calls what returns a task");
    using result =
        typename detail::flattened<typename detail::started_by<returned<F>>::result>::type; // of the future
    using call = loop::async_call<std::decay_t<F>, result, keeper>;
    check_async();
    promise<result> p(site);
    future<result> comes = p.get_future();
    auto* t = detail::started_by<thrum::task<>>::make_at(
        *this, call{std::forward<F>(f), std::move(p), keep()}, attrs{.name = "async call"}, site);
    try {
      t->started.f.result.on_stop(loop::async_call_stop(detail::make_handle<void>(t)));
    } catch (...) {
      t->free_refused();
      throw;
    }
    t->run(*t); // up to its first wait; it may be gone then
    return comes;
  }

  class keeper {
  public:
    keeper() noexcept = default; // keeps nothing
    keeper(keeper&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
    keeper& operator=(keeper&& other) noexcept {
      keeper taken(std::move(other));
      std::swap(of_, taken.of_);
      return *this;
    }
    ~keeper() {
      if (of_ != nullptr) of_->let_go();
    }

  private:
    friend class event_loop;
    explicit keeper(event_loop& l) noexcept : of_(&l) {}
    event_loop* of_ = nullptr;
  };
  // By anybody, as is the end of the token.
  [[nodiscard]] keeper keep() noexcept;

  // ---- time
  [[nodiscard]] std::chrono::nanoseconds now() const noexcept; // since the loop was made
  // Of a loop with virtual_time: it is that much later.
  void advance(std::chrono::nanoseconds by) noexcept;

  // ---- lag
  // By anybody. Not of a loop with virtual_time.
  [[nodiscard]] loop_lag lag() const noexcept;
  [[nodiscard]] std::chrono::nanoseconds lag_quantile(
      double q) const noexcept; // 0.999: one of a thousand is later
  void reset_lag() noexcept;
  // f(slow) is called on the loop after each callback that took `threshold` or longer; an empty f ends that. While there is one, each
  // callback costs four looks at clocks more, 300 ns.
  template <class Rep, class Period> void on_slow(const std::chrono::duration<Rep, Period>& threshold,
                                                  std::function<void(const slow_callback&)> f) {
    watch_slow(std::chrono::ceil<std::chrono::nanoseconds>(threshold), std::move(f));
  }

  // ---- executor
  void post(detail::task& t) override;
  void post_reaction(detail::task& t) override;
  [[nodiscard]] bool has_turns() const noexcept override { return true; }

private:
  using function = std::move_only_function<void()>;

  std::shared_ptr<loop::timer_node> add_timer(std::chrono::nanoseconds d, bool repeats, function f,
                                              place site);
  std::shared_ptr<loop::immediate_node> add_immediate(function f, place site);
  void add_tick(detail::task& t) noexcept;
  void add_microtask(detail::task& t) noexcept;
  void add_close(detail::task& t) noexcept;
  void run_first(detail::task& t);
  void check_async() const noexcept;
  void watch_slow(std::chrono::nanoseconds threshold, std::function<void(const slow_callback&)> f);
  executor& fibers() noexcept;
  void let_go() noexcept;
  [[noreturn]] static void refuse_unfinished();

  std::unique_ptr<loop::core> core_;
};

} // namespace thrum
