// timer: calls a function in a fiber of its own when the time has come. ticker: a channel that gets the time again and again.
//
//   thrum::timer t(30s, [] { report("too late"); }); // Go's AfterFunc
//   t.reset(30s);                                    // from now, again
//   if (t.stop()) work(1);                           // it will not be called
//
//   thrum::ticker every(1s);                         // a receiver: range-for, recv(), a case of a select
//   while (auto now = every.recv()) tick();
//
// The function is moved into the timer when that is made. When the time has come, a fiber is started that calls it. The timer
// object and that fiber share the function; who leaves last destroys it. So a timer may be destroyed at any time, also by its
// own function, and does not wait for a call that has begun.
//
// What the caller owes   The function owns what it uses, or what it refers to outlives the call, not only the timer. A handle
//                        is not moved or destroyed while it is in use elsewhere; stop() and reset() may be called by anybody.
//                        Setting a timer that has no function, and a ticker's period of zero or less, panics.
// What is guaranteed     Never early. Each setting leads to one call at most. stop() and reset() that return true have prevented
//                        the call of the setting before. Calls of one timer's function never overlap: if the timer comes due
//                        again during a call, the next one begins when that has returned. Durations and other clocks: as for
//                        sleeps (this_fiber.h); zero or less is due at once.
// Which runtime          that of the fiber which set the timer last; on a plain thread, the default runtime. A timer that is set
//                        when its runtime ends is not called any more, and a ticker does not tick: set it anew elsewhere.
// May park               A timer: nothing. A ticker: recv(); and stop(), reset(), move assignment and the destructor, for the
//                        moment that a tick takes; they do not listen to stop requests.
// Happens-before         making it, reset -> the call that follows; the end of a call -> the next call.
// When it dies           at any time. The destructor stops it. That of a ticker also closes the channel.
// Errors                 std::bad_alloc from making it, and what moving the function throws. What leaves the function goes where it
//                        goes with thrum::go(). cancelled from a ticker's recv().
// Cost                   making and stopping a timer: about 50 ns, half of it the clock. It is one pooled object of 128 bytes with a
//                        function of 8 bytes, of 256 up to 136 bytes; more comes from the heap.
// Source of the idea     Go's time.AfterFunc and time.Ticker, with its rule since 1.23: no stale tick after stop() or reset().
#pragma once

#include <thrum/chan.h>
#include <thrum/detail/deadline.h>
#include <thrum/detail/timer_core.h>
#include <thrum/mutex.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <source_location>
#include <utility>

namespace thrum {

class timer {
public:
  timer() noexcept = default; // has no function; stop() is false

  template <class Rep, class Period, class F>
  timer(const std::chrono::duration<Rep, Period>& after, F&& f,
        std::source_location site = std::source_location::current())
      : timer(attrs{}, after, std::forward<F>(f), site) {}
  template <class Clock, class Duration, class F>
  timer(const std::chrono::time_point<Clock, Duration>& at, F&& f,
        std::source_location site = std::source_location::current())
      : timer(attrs{}, at, std::forward<F>(f), site) {}
  // How the fiber is to be made.
  template <class Rep, class Period, class F>
  timer(const attrs& a, const std::chrono::duration<Rep, Period>& after, F&& f,
        std::source_location site = std::source_location::current())
      : core_(detail::make_timer(std::forward<F>(f), a, site)) {
    detail::set_timer(core_, detail::deadline_after(after));
  }
  template <class Clock, class Duration, class F>
  timer(const attrs& a, const std::chrono::time_point<Clock, Duration>& at, F&& f,
        std::source_location site = std::source_location::current())
      : core_(detail::make_timer(std::forward<F>(f), a, site)) {
    detail::set_timer(core_, detail::to_deadline(at));
  }

  timer(timer&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
  timer& operator=(timer&& other) noexcept {
    timer taken(std::move(other));
    std::swap(core_, taken.core_);
    return *this;
  }
  ~timer() {
    if (core_ != nullptr) detail::drop_timer(core_);
  }

  // True: the function will not be called for the present setting. False: it was or is being called, or the timer was not set.
  bool stop() noexcept { return core_ != nullptr && detail::stop_timer(core_); }

  // Sets it anew, whether it is set or not. True: the setting before will not lead to a call, as with stop().
  template <class Rep, class Period> bool reset(const std::chrono::duration<Rep, Period>& after) noexcept {
    return detail::reset_timer(core(), detail::deadline_after(after), 0);
  }
  template <class Clock, class Duration>
  bool reset(const std::chrono::time_point<Clock, Duration>& at) noexcept {
    return detail::reset_timer(core(), detail::to_deadline(at), 0);
  }

private:
  friend class ticker;
  explicit timer(detail::timer_core* core) noexcept : core_(core) {}
  detail::timer_core* core() const noexcept {
    if (core_ == nullptr) detail::panic_empty_timer();
    return core_;
  }

  detail::timer_core* core_ = nullptr;
};

// The receiving end of a channel with room for one time: if the last tick was not received yet, the next is dropped. Ticks
// stand a whole number of periods apart, however late they are received.
class ticker : public receiver<std::chrono::steady_clock::time_point> {
public:
  using time_point = std::chrono::steady_clock::time_point;

  // The first tick comes one period from now. A period of zero or less panics. Throws std::bad_alloc.
  template <class Rep, class Period>
  explicit ticker(const std::chrono::duration<Rep, Period>& period,
                  std::source_location site = std::source_location::current())
      : ticker(std::make_shared<shared>(), site) {
    set(in_nanoseconds(period));
  }

  ticker(ticker&&) noexcept = default; // leaves a nil channel
  ticker& operator=(ticker&& other) noexcept {
    if (this != &other) {
      finish();
      receiver::operator=(std::move(other));
      shared_ = std::move(other.shared_);
      timer_ = std::move(other.timer_);
    }
    return *this;
  }
  ~ticker() { finish(); }

  // No more ticks, until reset(). One that was not received is dropped.
  void stop() noexcept { clear(); }
  // Ticks begin again, one period from now. One that was not received is dropped.
  template <class Rep, class Period> void reset(const std::chrono::duration<Rep, Period>& period) noexcept {
    set(in_nanoseconds(period));
  }

private:
  using nanoseconds = std::chrono::nanoseconds;

  // What the ticker and the fiber that sends its ticks share.
  struct shared {
    chan<time_point> ticks{1};
    mutex
        guard; // of the next three; held while a tick is sent, so that none is on its way when stop() returns
    bool is_set = false;
    time_point next; // the first tick that was not sent
    nanoseconds period{};

    void tick() {
      const std::lock_guard hold(guard);
      const time_point now{nanoseconds(detail::steady_now())};
      if (!is_set || now < next) return; // of a setting that is over
      const time_point last = next + (now - next) / period * period;
      next = last + period;
      ticks.try_send(time_point(last));
    }
  };
  struct send_tick : detail::periodic_timer {
    explicit send_tick(std::shared_ptr<shared> s) noexcept : periodic_timer{0}, to(std::move(s)) {}
    std::shared_ptr<shared> to;
    void operator()() const { to->tick(); }
  };

  template <class Rep, class Period>
  static nanoseconds in_nanoseconds(const std::chrono::duration<Rep, Period>& period) noexcept {
    if (period <= period.zero()) detail::panic_ticker_period();
    return std::chrono::ceil<nanoseconds>(period);
  }

  ticker(std::shared_ptr<shared> s, std::source_location site)
      : receiver(s->ticks),
        shared_(std::move(s)),
        timer_(detail::make_timer(send_tick(shared_), attrs{}, site)) {}

  void set(nanoseconds period) noexcept {
    if (shared_ == nullptr) detail::panic_empty_timer();
    const std::lock_guard hold(shared_->guard);
    const detail::deadline_t first = detail::deadline_after(period);
    shared_->is_set = true;
    shared_->next = time_point(nanoseconds(first));
    shared_->period = period;
    detail::reset_timer(timer_.core_, first, period.count());
    static_cast<void>(shared_->ticks.try_recv());
  }
  void clear() noexcept {
    if (shared_ == nullptr) return;
    const std::lock_guard hold(shared_->guard);
    shared_->is_set = false;
    timer_.stop();
    static_cast<void>(shared_->ticks.try_recv());
  }
  void finish() noexcept {
    clear();
    if (shared_ != nullptr) shared_->ticks.close();
  }

  std::shared_ptr<shared> shared_;
  timer timer_;
};

} // namespace thrum
