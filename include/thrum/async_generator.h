// async_generator<T>: a sequence whose values have to be waited for: co_yield and co_await in one coroutine.
//
//   thrum::async_generator<int> ticks(std::chrono::milliseconds gap, int count) {
//     for (int i = 0; i < count; ++i) {
//       co_await thrum::async_sleep_for(gap);
//       co_yield i;
//     }
//   }
//   thrum::task<int> sum_of(thrum::async_generator<int> numbers) {
//     int sum = 0;
//     while (std::optional<int> n = co_await numbers.next()) sum += *n;
//     co_return sum;
//   }
//   void in_a_fiber() {
//     for (int n : ticks(1ms, 10)) work(n); // waits for each
//   }
//
// The body runs when a value is asked for, to its next co_yield, as a part of the coroutine that asks: its waits are that one's, and
// so are its stop requests. A chan with a fiber that sends is the other way to have it: that runs ahead.
//
// What the caller owes   One at a time asks. What the body refers to outlives the generator.
// What is guaranteed     Nothing runs before next(). After the end, and after an exception, next() gives nothing.
// May park               range-for, and await(next()), in a fiber or on a thread.
// Happens-before         as for a call.
// When it dies           The body ends where it stands, at a co_yield. Not while next() is awaited.
// Errors                 next() throws what the body throws; `cancelled` (task.h). std::bad_alloc from the call that makes it.
// Cost                   a value 15 ns, if nothing has to be waited for.
// Source of the idea     Python's and JavaScript's async generators; cppcoro's.
#pragma once

#include <thrum/detail/coroutine.h>
#include <thrum/task.h>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <iterator>
#include <optional>
#include <type_traits>
#include <utility>

namespace thrum {

template <class T>
class [[nodiscard("an async_generator computes nothing until next() is awaited")]] async_generator {
  static_assert(
      std::is_object_v<T> && std::is_move_constructible_v<T>,
      "thrum: an async_generator yields objects that can be moved; yield pointers instead of references");

public:
  using value_type = T;
  class promise_type;
  class next_operation;
  class iterator;

  async_generator(async_generator&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  async_generator& operator=(async_generator other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~async_generator() {
    if (frame_) frame_.destroy();
  }

  // The next value; empty: there is none any more.
  next_operation next() noexcept { return next_operation(frame_); }

  // For fibers and threads: waits for each.
  [[nodiscard]] iterator begin() { return iterator(*this); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

private:
  using handle = std::coroutine_handle<promise_type>;
  explicit async_generator(handle frame) noexcept : frame_(frame) {}

  handle frame_; // null: moved from
};

template <class T> class async_generator<T>::promise_type : public detail::coroutine_promise {
  struct yielding {
    bool await_ready() const noexcept { return false; }
    void await_suspend(handle h) const noexcept { h.promise().give_back(); }
    void await_resume() const noexcept {}
  };

public:
  async_generator get_return_object() noexcept { return async_generator(handle::from_promise(*this)); }
  std::suspend_always initial_suspend() const noexcept { return {}; }
  yielding final_suspend() const noexcept { return {}; }
  void return_void() const noexcept {}
  void unhandled_exception() noexcept { error_ = std::current_exception(); }
  template <class U = T>
    requires std::is_constructible_v<T, U&&>
  yielding yield_value(U&& value) {
    value_.emplace(std::forward<U>(value));
    return {};
  }

private:
  friend next_operation;
  void give_back() const noexcept { flow->turn->next = continuation; }

  std::optional<T> value_;
  std::exception_ptr error_;
};

template <class T>
class [[nodiscard("an operation does nothing until it is awaited")]] async_generator<T>::next_operation {
public:
  bool await_ready() const noexcept {
    if (!frame_) detail::panic_empty_coroutine();
    return frame_.done();
  }
  template <class P> void await_suspend(std::coroutine_handle<P> h) const noexcept {
    detail::coroutine_flow& flow = detail::flow_of(h);
    frame_.promise().flow = &flow;
    frame_.promise().continuation = h;
    flow.turn->next = frame_;
  }
  std::optional<T> await_resume() const {
    promise_type& asked = frame_.promise();
    if (asked.error_) std::rethrow_exception(std::exchange(asked.error_, nullptr));
    return std::exchange(asked.value_, std::nullopt);
  }

private:
  friend async_generator;
  explicit next_operation(handle frame) noexcept : frame_(frame) {}
  handle frame_;
};

template <class T> class async_generator<T>::iterator {
public:
  using value_type = T;
  using difference_type = std::ptrdiff_t;
  using iterator_concept = std::input_iterator_tag;

  explicit iterator(async_generator& of) : of_(&of), value_(await(of.next())) {}
  iterator(iterator&&) noexcept = default;
  iterator& operator=(iterator&&) noexcept = default;
  T& operator*() const noexcept { return *value_; }
  iterator& operator++() {
    value_ = await(of_->next());
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept {
    return !i.value_.has_value();
  }

private:
  async_generator* of_;
  mutable std::optional<T> value_;
};

} // namespace thrum
