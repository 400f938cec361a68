// generator<T>: a sequence that is computed as it is asked for. A coroutine without waits: std::generator's shape.
//
//   thrum::generator<int> fibonacci() {
//     for (int a = 0, b = 1;; b += std::exchange(a, b)) co_yield a;
//   }
//   int first_above(int limit) {
//     for (int n : fibonacci())
//       if (n > limit) return n;
//     return 0;
//   }
//
// The body runs when begin() or ++ asks for the next value, in the caller, and stops at its next co_yield. It is plain code: it may
// lock, receive, sleep; the caller waits then. What it is not allowed to do is co_await: async_generator.h has that.
//
// generator<T>           hands out a T&&: of what was yielded itself if that is an rvalue, of a copy if it is an lvalue
// generator<T&>          hands out a reference to what was yielded; generator<const T&> as well, without a copy
// generator<R, V>        hands out an R, for sequences of proxies; V is the value_type
// co_yield elements_of(g) yields all of another generator of the same type, at the same cost for each value however deep
//
// What the caller owes   What the body refers to outlives the generator; parameters by value are in it. One caller at a time, which need
//                        not be the same fiber or thread each time. begin() is called once.
// What is guaranteed     Nothing runs before begin(). An exception that leaves the body comes out of begin() or ++, and the
//                        sequence has ended then.
// May park               begin() and ++, if the body does.
// Happens-before         as for any call.
// When it dies           The body ends where it stands: its variables are destroyed.
// Errors                 std::bad_alloc from the call that makes it; what the body throws.
// Cost                   a value 4 to 5 ns; making one and ending it, 20 ns.
// Source of the idea     std::generator (C++23); Python's generators, and yield from.
#pragma once

#include <thrum/detail/pooled_frame.h>

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <iterator>
#include <memory>
#include <ranges>
#include <type_traits>
#include <utility>

namespace thrum {

// co_yield elements_of(g): all values of another generator.
template <class G> struct elements_of {
  explicit elements_of(G&& g) noexcept : sequence(std::forward<G>(g)) {}
  G&& sequence;
};
template <class G> elements_of(G&&) -> elements_of<G>;

template <class Ref, class Value = void>
class [[nodiscard("a generator computes nothing until it is iterated over")]] generator
    : public std::ranges::view_interface<generator<Ref, Value>> {
public:
  using value_type = std::conditional_t<std::is_void_v<Value>, std::remove_cvref_t<Ref>, Value>;
  using reference = std::conditional_t<std::is_void_v<Value>, Ref&&, Ref>;

private:
  // What co_yield takes, which is kept as a pointer while the caller looks at it.
  using yielded = std::conditional_t<std::is_reference_v<reference>, reference, const reference&>;

public:
  class promise_type;
  class iterator;

  generator(generator&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  generator& operator=(generator other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~generator() {
    if (frame_) frame_.destroy();
  }

  // Runs the body to its first co_yield.
  [[nodiscard]] iterator begin() {
    frame_.promise().advance();
    return iterator(frame_);
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

private:
  using handle = std::coroutine_handle<promise_type>;
  explicit generator(handle frame) noexcept : frame_(frame) {}

  handle frame_; // null: moved from
};

template <class Ref, class Value> class generator<Ref, Value>::iterator {
public:
  using value_type = generator::value_type;
  using difference_type = std::ptrdiff_t;
  using iterator_concept = std::input_iterator_tag;

  iterator(iterator&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  iterator& operator=(iterator&& other) noexcept {
    frame_ = std::exchange(other.frame_, nullptr);
    return *this;
  }
  reference operator*() const noexcept(std::is_reference_v<reference>) {
    return static_cast<reference>(*frame_.promise().value());
  }
  iterator& operator++() {
    frame_.promise().advance();
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept { return i.frame_.done(); }

private:
  friend generator;
  explicit iterator(handle frame) noexcept : frame_(frame) {}
  handle frame_;
};

// Nested generators form a stack, whose top alone runs. Whoever runs it is the loop in advance(): no coroutine resumes another,
// so a deep nest needs no deep stack.
template <class Ref, class Value> class generator<Ref, Value>::promise_type : public detail::pooled_frame {
  using pointer = std::add_pointer_t<yielded>;

  // An lvalue that is yielded where an rvalue is handed out is copied; the copy lives in the awaiter.
  struct copied {
    std::remove_cvref_t<yielded> value;
    promise_type& mine;
    bool await_ready() const noexcept { return false; }
    void await_suspend(handle) noexcept { mine.outermost_->value_ = std::addressof(value); }
    void await_resume() const noexcept {}
  };

  struct nested {
    generator inner;
    bool await_ready() const noexcept { return !inner.frame_; }
    void await_suspend(handle outer) noexcept {
      promise_type& mine = inner.frame_.promise();
      mine.outermost_ = outer.promise().outermost_;
      mine.outer_ = outer;
      mine.outermost_->top_ = inner.frame_;
      mine.outermost_->value_ = nullptr;
    }
    void await_resume() {
      if (inner.frame_ && inner.frame_.promise().error_)
        std::rethrow_exception(std::move(inner.frame_.promise().error_));
    }
  };

  struct last {
    bool await_ready() const noexcept { return false; }
    void await_suspend(handle ended) const noexcept {
      promise_type& mine = ended.promise();
      mine.outermost_->value_ = nullptr;
      if (mine.outer_) mine.outermost_->top_ = mine.outer_;
    }
    void await_resume() const noexcept {}
  };

public:
  generator get_return_object() noexcept {
    top_ = handle::from_promise(*this);
    return generator(top_);
  }
  std::suspend_always initial_suspend() const noexcept { return {}; }
  last final_suspend() const noexcept { return {}; }
  void return_void() const noexcept {}
  void unhandled_exception() noexcept { error_ = std::current_exception(); }

  std::suspend_always yield_value(yielded value) noexcept {
    outermost_->value_ = std::addressof(value);
    return {};
  }
  copied yield_value(const std::remove_reference_t<yielded>& value)
    requires std::is_rvalue_reference_v<yielded> &&
             std::constructible_from<std::remove_cvref_t<yielded>, const std::remove_reference_t<yielded>&>
  {
    return {value, *this};
  }
  template <class G>
    requires std::same_as<std::remove_cvref_t<G>, generator>
  nested yield_value(elements_of<G> all) noexcept {
    return {std::move(all.sequence)};
  }

  template <class Awaitable> void await_transform(Awaitable&&) = delete; // a generator has nobody to wait for

private:
  friend generator;
  friend iterator;

  // Requires: it is the outermost, and has not ended.
  void advance() {
    value_ = nullptr;
    const handle self = handle::from_promise(*this);
    do top_.resume();
    while (value_ == nullptr && !self.done());
    if (error_) std::rethrow_exception(std::move(error_));
  }
  pointer value() const noexcept { return value_; }

  pointer value_ = nullptr; // of the outermost: what is to be looked at; null: nothing yet
  handle top_;              // of the outermost: which one runs
  handle outer_;            // null: of the outermost
  promise_type* outermost_ = this;
  std::exception_ptr error_;
};

} // namespace thrum

template <class Ref, class Value>
inline constexpr bool std::ranges::enable_view<thrum::generator<Ref, Value>> = true;
