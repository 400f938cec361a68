// operation: a wait as an object. A coroutine awaits it, a fiber or a thread waits for it, and both are the same wait.
//
//   thrum::task<int> sum(thrum::receiver<int> numbers) {
//     int total = 0;
//     while (std::optional<int> n = co_await numbers.async_recv()) total += *n;
//     co_await thrum::async_sleep_for(1ms);
//     co_return total;
//   }
//
// c.async_recv()               what recv() returns
// c.async_send(value)          the operation holds the value until it is sent
// s.async_acquire()            of a semaphore: a permit was taken
// f.async_join()               of a spawned fiber or coroutine: what join() returns
// async_sleep_for(duration)    and async_sleep_until(time): as those of this_fiber
// async_select(cases...)       the index of the case that was done; cases as for select(), in select.h, so that whatever has a case there
//                              can be awaited. async_select_ordered() prefers the first
//
// co_await suspends the coroutine and nothing else. op.wait() and await(op) (task.h) wait like the verb without async_.
// A coroutine may also call that verb itself: then the fiber that runs it at the moment waits, and goes on with it.
//
// What the caller owes   What an operation refers to (channel, handle, what cases refer to) outlives it. Each is awaited or waited for
//                        once, by one coroutine of thrum, fiber or thread, and is not moved meanwhile.
// What is guaranteed     Nothing happens before it is awaited. It is done, or has no effect at all, as its verb (error.h). What is
//                        ready is done without suspension.
// May park               making one: no. wait(): as the verb.
// Happens-before         that of the verb; where the coroutine suspended comes before where it goes on, on whatever thread.
// When it dies           The coroutine cannot end while it waits: it is asked to stop, and goes on with `cancelled`.
// Errors                 what the verb throws; `cancelled` if the coroutine was asked to stop (task.h), or the fiber that waits for it.
// Cost                   what is ready: 10 ns. To wait and to be woken, 60 to 110 ns. No allocation: the waiter lies in the frame of the coroutine.
// Source of the idea     Concurrent ML's events; Asio's async_ names; std::execution's senders.
#pragma once

#include <thrum/chan.h>
#include <thrum/detail/coroutine.h>
#include <thrum/detail/one_case_wait.h>
#include <thrum/select.h>
#include <thrum/semaphore.h>
#include <thrum/spawn.h>
#include <thrum/this_fiber.h>

#include <array>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>

namespace thrum {

template <class T> class [[nodiscard("an operation does nothing until it is awaited")]] recv_operation
    : public detail::one_case_wait<recv_operation<T>> {
public:
  explicit recv_operation(detail::chan_core* from) noexcept : from_(from) {}

  // Blocks the calling fiber or thread.
  std::optional<T> wait() {
    detail::chan_recv_or_throw(from_, &value_);
    return std::move(value_);
  }

  bool await_ready() {
    const chan_status now = detail::chan_try_recv(from_, &value_);
    if (now == chan_status::closed) detail::chan_rethrow_reason(from_);
    return now != chan_status::would_block;
  }
  std::optional<T> await_resume() {
    this->finish();
    return std::move(value_);
  }

private:
  friend detail::one_case_wait<recv_operation>;
  void fill(detail::select_case& c) noexcept {
    c.object = from_;
    c.readiness = from_;
    c.ready_bit = detail::chan_recv_ready;
    c.when_closed = detail::select_case::at_close::recv_asks_why;
    c.prepare = &detail::prepare_recv;
    c.value = &value_;
  }

  detail::chan_core* from_;
  std::optional<T> value_;
};

template <class T> class [[nodiscard("an operation does nothing until it is awaited")]] send_operation
    : public detail::one_case_wait<send_operation<T>> {
public:
  template <class U> send_operation(detail::chan_core* to, U&& value)
      : to_(to), value_(std::forward<U>(value)) {}

  // Blocks the calling fiber or thread.
  void wait() {
    if (detail::chan_send(to_, &value_, detail::no_deadline) == chan_status::closed)
      detail::throw_channel_closed();
  }

  bool await_ready() {
    const chan_status now = detail::chan_try_send(to_, &value_);
    if (now == chan_status::closed) detail::throw_channel_closed();
    return now == chan_status::ok;
  }
  void await_resume() { this->finish(); }

private:
  friend detail::one_case_wait<send_operation>;
  void fill(detail::select_case& c) noexcept {
    c.object = to_;
    c.readiness = to_;
    c.ready_bit = detail::chan_send_ready;
    c.when_closed = detail::select_case::at_close::send_fails;
    c.prepare = &detail::prepare_send;
    c.value = &value_;
  }

  detail::chan_core* to_;
  T value_;
};

class [[nodiscard("an operation does nothing until it is awaited")]] acquire_operation
    : public detail::one_case_wait<acquire_operation> {
public:
  explicit acquire_operation(detail::semaphore_core& from) noexcept : from_(from) {}

  // Blocks the calling fiber or thread.
  void wait() { from_.acquire(); }

  bool await_ready() noexcept { return from_.try_acquire(); }
  void await_resume() { this->finish(); }

private:
  friend detail::one_case_wait<acquire_operation>;
  void fill(detail::select_case& c) noexcept { detail::fill_acquire(c, from_); }

  detail::semaphore_core& from_;
};

template <class T> class [[nodiscard("an operation does nothing until it is awaited")]] join_operation
    : public detail::one_case_wait<join_operation<T>> {
public:
  explicit join_operation(fiber<T>& f) noexcept : joined_(f) {}

  // Blocks the calling fiber or thread.
  T wait() { return joined_.join(); }

  bool await_ready() const noexcept { return joined_.ended(); }
  T await_resume() {
    this->finish();
    return joined_.join(); // has ended; or it is an empty handle, and this panics
  }

private:
  friend detail::one_case_wait<join_operation>;
  void fill(detail::select_case& c) noexcept {
    detail::joinable_task* t = detail::handle_access::task(joined_);
    c.object = t;
    c.readiness = detail::ended_hint(t);
    c.ready_bit = detail::has_ended_ready;
    c.prepare = &detail::prepare_ended;
  }

  fiber<T>& joined_;
};

class [[nodiscard("an operation does nothing until it is awaited")]] sleep_operation {
public:
  explicit sleep_operation(detail::deadline_t until) noexcept : until_(until) {}
  sleep_operation(const sleep_operation&) = delete;
  sleep_operation& operator=(const sleep_operation&) = delete;

  // Blocks the calling fiber or thread.
  void wait() {
    if (!await_ready()) this_fiber::detail::sleep_until(until_).act();
  }

  bool await_ready() const noexcept { return until_ <= detail::steady_now(); }
  template <class P> bool await_suspend(std::coroutine_handle<P> h) {
    detail::coroutine_flow& flow = detail::flow_of(h);
    flow_ = &flow;
    return detail::begin_sleep(flow, h, until_, timer_);
  }
  void await_resume() {
    if (flow_ != nullptr) detail::finish_sleep(*flow_, timer_);
  }

private:
  detail::deadline_t until_;
  detail::coroutine_flow* flow_ = nullptr;
  detail::coroutine_timer timer_;
};

template <bool Ordered, select_case... Cases>
class [[nodiscard("an operation does nothing until it is awaited")]] select_operation {
  static_assert(!(std::is_same_v<Cases, detail::lock_case> || ...),
                "thrum: a mutex belongs to the fiber that locks it, and a coroutine changes fibers; use a "
                "binary_semaphore and acquire()");

public:
  explicit select_operation(Cases... cases) : cases_(std::move(cases)...) {}
  select_operation(const select_operation&) = delete;
  select_operation& operator=(const select_operation&) = delete;

  // Blocks the calling fiber or thread.
  std::size_t wait() {
    list();
    return detail::select_cases(all_.data(), sizeof...(Cases), Ordered);
  }

  bool await_ready() const noexcept { return false; }
  template <class P> bool await_suspend(std::coroutine_handle<P> h) {
    list();
    detail::coroutine_flow& flow = detail::flow_of(h);
    flow_ = &flow; // not later: it may have gone on
    if (detail::begin_wait(flow, h, all_.data(), sizeof...(Cases), Ordered, &timer_, chosen_)) return true;
    flow_ = nullptr;
    return false;
  }
  std::size_t await_resume() {
    if (flow_ != nullptr) chosen_ = detail::finish_wait(*flow_, all_.data(), sizeof...(Cases), &timer_);
    detail::throw_if_closed(*all_[chosen_]);
    return chosen_;
  }

private:
  void list() {
    std::apply([&](auto&... c) { all_ = {c.get()..., nullptr}; }, cases_);
  }

  std::tuple<Cases...> cases_;
  std::array<detail::select_case*, sizeof...(Cases) + 1> all_{};
  detail::coroutine_flow* flow_ = nullptr; // it has suspended
  std::size_t chosen_ = detail::nothing_chosen;
  detail::coroutine_timer timer_;
};

template <class Rep, class Period>
[[nodiscard]] sleep_operation async_sleep_for(const std::chrono::duration<Rep, Period>& duration) {
  return sleep_operation(duration > duration.zero() ? detail::deadline_after(duration) : 0);
}
template <class Clock, class Duration>
[[nodiscard]] sleep_operation async_sleep_until(const std::chrono::time_point<Clock, Duration>& time) {
  return sleep_operation(detail::to_deadline(time));
}

template <select_case... Cases> [[nodiscard]] select_operation<false, Cases...> async_select(Cases... cases) {
  return select_operation<false, Cases...>(std::move(cases)...);
}
template <select_case... Cases>
[[nodiscard]] select_operation<true, Cases...> async_select_ordered(Cases... cases) {
  return select_operation<true, Cases...>(std::move(cases)...);
}

namespace detail {

template <class T, class Self> recv_operation<T> receiving<T, Self>::async_recv() const noexcept {
  return recv_operation<T>(core());
}
template <class T, class Self> send_operation<T> sending<T, Self>::async_send(T value) const {
  return send_operation<T>(core(), std::move(value));
}

} // namespace detail

template <std::ptrdiff_t LeastMaxValue>
acquire_operation counting_semaphore<LeastMaxValue>::async_acquire() noexcept {
  return acquire_operation(core_);
}

template <class T> join_operation<T> fiber<T>::async_join() noexcept { return join_operation<T>(*this); }

} // namespace thrum
