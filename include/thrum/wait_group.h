// wait_group: waits until a changing number of things is done.
//
//   thrum::wait_group all;
//   for (int i = 0; i < 10; ++i) all.go([i] { work(i); }); // go(): add(), a fiber, and done() at its end
//   all.wait();
//
// What the caller owes   add() comes before the wait() that is to count it: a group that is zero lets everybody pass.
//                        done() is called once for each that was added; once more panics.
// What is guaranteed     Everybody who waits is let go when the count is zero. Then the group can be used again at once.
// May park               wait(), wait_for(), wait_until(), and the destructor.
// Happens-before         every done() -> the return of the wait; go(f) -> f.
// When it dies           The destructor waits for zero, without listening to stop requests: what was started refers to the
//                        group. So declare it behind what its fibers use. Who returned from a wait may destroy it at once.
// Errors                 cancelled, from waits. std::bad_alloc from go(), with nothing started and nothing added.
// Exceptions             One that leaves the f of go(f) goes to options.on_unhandled, as with thrum::go(), and only then is
//                        the fiber done: a program that dies of it reports it before wait() lets main return.
// Cost                   add, done: one atomic operation, unless the last done finds somebody waiting. 40 bytes; a constant
//                        initialiser.
// Source of the idea     Go's sync.WaitGroup.
#pragma once

#include <thrum/detail/countdown.h>
#include <thrum/detail/local.h>
#include <thrum/detail/task.h>
#include <thrum/detail/unhandled.h>
#include <thrum/error.h>

#include <chrono>
#include <cstddef>
#include <exception>
#include <source_location>
#include <type_traits>
#include <utility>

namespace thrum {

class wait_group {
public:
  constexpr wait_group() noexcept : count_(0) {}
  ~wait_group() {
    if (!count_.is_zero()) count_.wait_shielded(group);
  }
  wait_group(const wait_group&) = delete;
  wait_group& operator=(const wait_group&) = delete;

  // A negative n counts down, as in Go. Never parks, as done().
  void add(std::ptrdiff_t n = 1) noexcept { count_.up(n); }
  void done() noexcept { count_.down(1, group); }

  // Waits until the count is zero. Throws `cancelled`.
  void wait() { count_.wait(detail::no_deadline, group); }
  // Waits until the deadline at most. True: the count was zero.
  template <class Rep, class Period>
  [[nodiscard]] bool wait_for(const std::chrono::duration<Rep, Period>& timeout) {
    return count_.wait(detail::deadline_after(timeout), group);
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool wait_until(const std::chrono::time_point<Clock, Duration>& deadline) {
    return count_.wait(detail::to_deadline(deadline), group);
  }

  // Starts a fiber that runs f and counts for this group until it has ended and f is destroyed. From a plain thread, on the
  // default runtime.
  template <class F> void go(F&& f, std::source_location site = std::source_location::current()) {
    start(attrs{}, std::forward<F>(f), site);
  }
  template <class F>
  void go(const attrs& a, F&& f, std::source_location site = std::source_location::current()) {
    start(a, std::forward<F>(f), site);
  }

private:
  static constexpr detail::countdown::user group = detail::countdown::user::wait_group;

  template <class F> struct member;
  template <class F> void start(const attrs& a, F&& f, std::source_location site);

  detail::countdown count_;
};

// ---------------------------------------------------------------------------------------------------------------------------

// What the fiber of go() runs. It ends the life of f, and of the fiber's own values, before the group is told. (No std::optional:
// g++ 12 warns in programs that use it.)
template <class F> struct wait_group::member {
  template <class G> member(wait_group& g, std::in_place_t, G&& callable)
      : group(&g), f(std::forward<G>(callable)) {}
  member(member&& other) noexcept(std::is_nothrow_move_constructible_v<F>)
      : group(other.group), f(std::move(other.f)) {}
  member& operator=(member&&) = delete;
  ~member() {
    if (alive) f.~F();
  }

  void operator()() && {
    try {
      std::move(f)();            // as an rvalue: f may be callable once only
    } catch (const cancelled&) { // asked to stop, and did
    } catch (...) {
      if (!detail::give_to_handler(std::current_exception())) throw;
    }
    f.~F();
    alive = false;
    detail::end_belongings();
    group->done(); // the last touch
  }

  wait_group* group;
  union {
    F f;
  };
  bool alive = true;
};

template <class F> void wait_group::start(const attrs& a, F&& f, std::source_location site) {
  using callable = std::decay_t<F>;
  add();
  try {
    detail::launch_detached(member<callable>(*this, std::in_place, std::forward<F>(f)), a, site, nullptr);
  } catch (...) {
    done();
    throw;
  }
}

} // namespace thrum
