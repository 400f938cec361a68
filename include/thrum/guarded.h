// guarded: a value that can be reached only with its lock held. What is shared and what guards it cannot be confused, and nobody
// forgets to lock, or to unlock on one of the ways out.
//
//   thrum::guarded<std::map<std::string, int>> ages;
//   ages.lock()->emplace("Ada", 36);                                            // for one expression
//   const std::size_t n = ages.with([](auto& m) { m.erase("Ada"); return m.size(); });
//
//   thrum::guarded<long, thrum::shared_mutex> rate;                             // readers beside each other
//   const long now = *rate.lock_shared();
//
//   thrum::guarded<std::deque<int>> queue;                                      // with a condition
//   thrum::condition_variable changed;
//   auto items = queue.lock();
//   changed.wait(items, [&] { return items->size() < 10; });
//
//   thrum::guarded<int> mine(100), yours(0);
//   auto [from, to] = thrum::lock_all(mine, yours);                             // in an order that cannot deadlock
//   *from -= 10;
//   *to += 10;
//
// What the caller owes   Not to keep a pointer or a reference to the value beyond the lock. with() refuses to return a reference;
//                        more a compiler cannot see. What the mutex asks for: not to lock again what one holds.
// What is guaranteed     The value is touched only by who holds the lock: exclusively by lock() and with(), and by the const
//                        forms if the mutex cannot be shared; lock_shared(), and the const forms if it can, let readers in
//                        beside each other. Every way out unlocks, an exception, too.
// May park               lock(), lock_shared(), with(), lock_all(): as the mutex does. A lock may be held across waits.
// Happens-before         unlock -> the next lock.
// When it dies           Nobody may use it then: the mutex panics if it is held.
// Errors                 None of its own; what the function throws passes.
// Cost                   That of the mutex; the value lies beside it.
// Source of the idea     Rust's Mutex<T>; folly::Synchronized.
#pragma once

#include <thrum/mutex.h>
#include <thrum/shared_mutex.h>

#include <mutex>
#include <shared_mutex>
#include <tuple>
#include <type_traits>
#include <utility>

namespace thrum {

namespace detail {
template <class Mutex>
concept shareable = requires(Mutex& m) {
  m.lock_shared();
  m.unlock_shared();
};
} // namespace detail

// A lock held, and the value under it, as a pointer. Movable, so that a function may return it.
template <class T, class Lock> class [[nodiscard]] locked {
public:
  locked(Lock lock, T& value) noexcept : lock_(std::move(lock)), value_(&value) {}

  T& operator*() const noexcept { return *value_; }
  T* operator->() const noexcept { return value_; }
  // For a condition variable, which waits with the lock released. The value is touched only while it is held.
  void unlock() { lock_.unlock(); }
  void lock() { lock_.lock(); }

private:
  Lock lock_;
  T* value_;
};

template <class T, class Mutex = mutex> class guarded {
  static_assert(!std::is_reference_v<T> && !std::is_const_v<T>, "thrum::guarded: holds a value that changes");

public:
  using exclusive = locked<T, std::unique_lock<Mutex>>;
  using reading =
      locked<const T,
             std::conditional_t<detail::shareable<Mutex>, std::shared_lock<Mutex>, std::unique_lock<Mutex>>>;

  guarded() = default;
  explicit guarded(T value) : value_(std::move(value)) {}
  template <class... Args> explicit guarded(std::in_place_t, Args&&... args)
      : value_(std::forward<Args>(args)...) {}
  guarded(const guarded&) = delete;
  guarded& operator=(const guarded&) = delete;

  exclusive lock() { return {std::unique_lock(mutex_), value_}; }
  reading lock() const { return read(); }
  reading lock_shared() const
    requires detail::shareable<Mutex>
  {
    return read();
  }

  // What f gives for the value.
  template <class F> auto with(F&& f) { return call(std::forward<F>(f), *lock()); }
  template <class F> auto with(F&& f) const { return call(std::forward<F>(f), *lock()); }

private:
  template <class F, class Value> static auto call(F&& f, Value& value) {
    static_assert(!std::is_reference_v<std::invoke_result_t<F, Value&>>,
                  "thrum::guarded: a reference that with() returned would outlive the lock; return a value, "
                  "or use lock()");
    return std::forward<F>(f)(value);
  }

  reading read() const {
    if constexpr (detail::shareable<Mutex>)
      return {std::shared_lock(mutex_), value_};
    else
      return {std::unique_lock(mutex_), value_};
  }

  template <class... Ts, class... Ms>
  friend std::tuple<locked<Ts, std::unique_lock<Ms>>...> lock_all(guarded<Ts, Ms>&... all);

  mutable Mutex mutex_;
  T value_{};
};

// Several at once, each exclusively, by std::lock: whoever else locks them, in whatever order, cannot deadlock with it.
template <class... Ts, class... Ms>
[[nodiscard]] std::tuple<locked<Ts, std::unique_lock<Ms>>...> lock_all(guarded<Ts, Ms>&... all) {
  static_assert(sizeof...(Ts) > 1, "thrum::lock_all: one is locked by its lock()");
  std::lock(all.mutex_...);
  return {locked<Ts, std::unique_lock<Ms>>(std::unique_lock(all.mutex_, std::adopt_lock), all.value_)...};
}

} // namespace thrum
