// chan<T>: values from one fiber (or thread) to another, in order.
//
//   thrum::chan<int> jobs(16);                 // room for 16 values; chan<int> c; has none: a rendezvous
//   thrum::go([=] { for (int job : jobs) work(job); });
//   jobs.send(1);                              // waits while the channel is full
//   jobs.close();                              // receivers get what is left, then the end
//
// A chan is a handle: copies refer to the same channel, as in Go. sender<T> and receiver<T> are handles for one direction.
// Unbuffered (capacity 0): send returns after a receiver has taken the value. Waiters are served strictly in order of arrival.
//
// T is moved, never copied; move-only types are welcome. Moving a T must not throw and must not wait: the channel is locked
// meanwhile.
//
// What the caller owes   Whoever closes knows that nobody sends any more; sending on a closed channel throws. Closing a nil channel
//                        panics. A handle is not destroyed, moved or assigned to while the same handle is in use by another
//                        fiber (give each its own copy).
// What is guaranteed     A value is received exactly once. A send that fails (closed, would_block, timeout, cancelled) leaves its
//                        value untouched, and a receive that fails has taken none. Closing twice is harmless: the first counts.
// Closed with a reason   close(exception_ptr): receivers get what is left, and then that exception instead of the end: from recv(),
//                        range-for, async_recv() and a select that has chosen to receive; each of them, each time. The forms that
//                        return a chan_status say closed, and close_reason() why. Senders throw channel_closed, as ever.
// Ready, stop, deadline  What is ready is done, also if a stop was requested or the deadline has passed. What would have to wait
//                        throws `cancelled` if a stop was requested, and else reports a deadline that has passed.
// May park               send, recv, their _until and _for forms, range-for. The try_ forms never do.
// Happens-before         a send -> the return of its receive; unbuffered: the receive -> the return of the send; the k-th receive
//                        -> the return of send number k + capacity; close -> a receive that reports the end.
// When it dies           with its last handle; values left inside are destroyed.
// Errors                 channel_closed from send; the reason of close(); chan_status (chan_status.h) from the other forms;
//                        std::bad_alloc from making one, and from sending on an unbounded one; cancelled from waits (error.h).
// Cost                   buffered, both ends on one processor: about 15 ns an item; a rendezvous 25 to 40 ns a transfer,
//                        switch included. A channel is 176 bytes and its buffer; a handle is a counted pointer.
// Source of the idea     Go; capacity 0 and select from Hoare's CSP.
//
// A default-made chan is a rendezvous. A *nil* channel, chan<T>(nullptr) or one that was moved from, is never ready: sends and
// receives wait for ever, the try_ forms say would_block, and a select skips it. That switches a case of a select off.
#pragma once

#include <thrum/chan_status.h>
#include <thrum/detail/chan_core.h>
#include <thrum/detail/expected.h>
#include <thrum/error.h>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <iterator>
#include <optional>
#include <type_traits>
#include <utility>

namespace thrum {

template <class T> class sender;
template <class T> class receiver;
template <class T> class recv_operation; // operation.h
template <class T> class send_operation; // operation.h

namespace detail {

struct chan_access;

// A counted reference to a core.
class chan_ref {
public:
  explicit chan_ref(chan_core* c) noexcept : core_(c) {}
  chan_ref(const chan_ref& other) noexcept : core_(other.core_) { chan_add_ref(core_); }
  chan_ref(chan_ref&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
  chan_ref& operator=(chan_ref other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~chan_ref() { chan_drop_ref(core_); }
  friend bool operator==(const chan_ref&, const chan_ref&) = default; // the same channel

protected:
  friend struct chan_access;
  chan_core* core_;
};

struct chan_access {
  static chan_core* core(const chan_ref& r) noexcept { return r.core_; }
};

template <class T> struct chan_element {
  static_assert(std::is_same_v<T, std::remove_cv_t<T>> && !std::is_reference_v<T>,
                "thrum: chan<T> needs a plain object type: no reference, no const");
  static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>,
                "thrum: chan<T> moves values while the channel is locked, so moving a T must not throw; send "
                "a std::unique_ptr<T>");
};

} // namespace detail

// What sending and receiving handles have in common.
template <class T> class chan_base : public detail::chan_ref {
public:
  using value_type = T;
  using detail::chan_ref::chan_ref;

  [[nodiscard]] std::size_t size() const noexcept { return detail::chan_size(core_); } // a snapshot
  [[nodiscard]] std::size_t capacity() const noexcept {
    return detail::chan_capacity(core_);
  } // SIZE_MAX: unbounded
  [[nodiscard]] bool is_closed() const noexcept { return detail::chan_is_closed(core_); }
  // What close() was given; null: nothing, or it is open.
  [[nodiscard]] std::exception_ptr close_reason() const noexcept { return detail::chan_close_reason(core_); }
  [[nodiscard]] explicit operator bool() const noexcept { return core_ != nullptr; } // false: a nil channel
};

namespace detail {

template <class T, class Self> struct sending {
  // Waits until the value is taken or has room. Throws channel_closed. The value is moved from only if it was sent.
  void send(T&& value) const {
    if (chan_send(core(), std::addressof(value), no_deadline) == chan_status::closed) throw_channel_closed();
  }
  // Sends a copy.
  void send(const T& value) const
    requires std::copy_constructible<T>
  {
    send(T(value));
  }
  // Takes the value if that is possible now: ok, would_block or closed. The value is moved from only if ok.
  chan_status try_send(T& value) const { return chan_try_send(core(), std::addressof(value)); }
  chan_status try_send(T&& value) const { return chan_try_send(core(), std::addressof(value)); }
  // ok, timeout or closed. The value is moved from only if ok.
  template <class Clock, class Duration>
  chan_status send_until(T& value, const std::chrono::time_point<Clock, Duration>& deadline) const {
    return chan_send(core(), std::addressof(value), to_deadline(deadline));
  }
  template <class Clock, class Duration>
  chan_status send_until(T&& value, const std::chrono::time_point<Clock, Duration>& deadline) const {
    return send_until(value, deadline);
  }
  template <class Rep, class Period>
  chan_status send_for(T& value, const std::chrono::duration<Rep, Period>& timeout) const {
    return chan_send(core(), std::addressof(value), deadline_after(timeout));
  }
  template <class Rep, class Period>
  chan_status send_for(T&& value, const std::chrono::duration<Rep, Period>& timeout) const {
    return send_for(value, timeout);
  }
  // send() for coroutines: co_await c.async_send(value). operation.h is to be included.
  send_operation<T> async_send(T value) const;
  // No more values: receivers drain what is left and then see the end; waiting senders throw channel_closed.
  void close() const noexcept { chan_close(core(), nullptr); }
  // The same, and receivers throw the reason where they would see the end: it was not one. Null: close().
  void close(std::exception_ptr reason) const noexcept { chan_close(core(), std::move(reason)); }

private:
  chan_core* core() const noexcept { return chan_access::core(static_cast<const Self&>(*this)); }
};

template <class T, class Self> struct receiving {
  // The next value; empty: closed and drained. Throws the reason of close(), if there is one, instead of being empty.
  [[nodiscard]] std::optional<T> recv() const {
    std::optional<T> value;
    chan_recv_or_throw(core(), &value);
    return value;
  }
  // The next value if there is one now; else would_block or closed.
  [[nodiscard]] std::expected<T, chan_status> try_recv() const {
    std::optional<T> value;
    return unwrap(chan_try_recv(core(), &value), value);
  }
  // The next value, or timeout or closed.
  template <class Clock, class Duration> [[nodiscard]] std::expected<T, chan_status> recv_until(
      const std::chrono::time_point<Clock, Duration>& deadline) const {
    std::optional<T> value;
    return unwrap(chan_recv(core(), &value, to_deadline(deadline)), value);
  }
  template <class Rep, class Period> [[nodiscard]] std::expected<T, chan_status> recv_for(
      const std::chrono::duration<Rep, Period>& timeout) const {
    std::optional<T> value;
    return unwrap(chan_recv(core(), &value, deadline_after(timeout)), value);
  }

  // recv() for coroutines: co_await c.async_recv(). operation.h is to be included.
  recv_operation<T> async_recv() const noexcept;

  // for (T value : channel) until it is closed and drained. An input range: each value is received once, by ++ or by begin().
  class iterator {
  public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    explicit iterator(const Self& from) : from_(&from), value_(from.recv()) {}
    iterator(iterator&&) noexcept = default;
    iterator& operator=(iterator&&) noexcept = default;
    T& operator*() const noexcept { return *value_; }
    iterator& operator++() {
      value_ = from_->recv();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept {
      return !i.value_.has_value();
    }

  private:
    const Self* from_;
    mutable std::optional<T> value_;
  };
  [[nodiscard]] iterator begin() const { return iterator(static_cast<const Self&>(*this)); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

private:
  chan_core* core() const noexcept { return chan_access::core(static_cast<const Self&>(*this)); }
  static std::expected<T, chan_status> unwrap(chan_status status, std::optional<T>& value) {
    if (status == chan_status::ok) return std::move(*value);
    return std::unexpected(status);
  }
};

} // namespace detail

template <class T>
class chan : public chan_base<T>, public detail::sending<T, chan<T>>, public detail::receiving<T, chan<T>> {
public:
  // Throws std::bad_alloc, or std::length_error if the capacity is absurd.
  chan() : chan(std::size_t{0}) {} // not explicit: an aggregate may leave a member to it
  explicit chan(std::size_t capacity)
      : chan(from_core(), detail::make_chan(detail::bounded(capacity), detail::element_ops_of<T>)) {}
  // A nil channel. (A template, so that chan<T>(0) is a capacity.)
  template <std::same_as<std::nullptr_t> Null> explicit chan(Null) noexcept : chan(from_core(), nullptr) {}
  // send never waits; the memory is the only limit.
  [[nodiscard]] static chan unbounded() {
    return chan(from_core(), detail::make_chan(detail::unbounded_capacity, detail::element_ops_of<T>));
  }

private:
  struct from_core {};
  chan(from_core, detail::chan_core* core) noexcept : chan_base<T>(core) {}

  [[no_unique_address]] detail::chan_element<T> checked_;
};

// The sending direction of a channel.
template <class T> class sender : public chan_base<T>, public detail::sending<T, sender<T>> {
public:
  sender(const chan<T>& c) noexcept : chan_base<T>(c) {}
};

// The receiving direction of a channel.
template <class T> class receiver : public chan_base<T>, public detail::receiving<T, receiver<T>> {
public:
  receiver(const chan<T>& c) noexcept : chan_base<T>(c) {}
};

} // namespace thrum
