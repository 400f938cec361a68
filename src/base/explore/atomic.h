// The explorer's side of the seam in base/atomic.h: the same names as an ordinary build, with the same
// meaning, but every access is a step that the explorer orders and every load returns one of the values the
// memory model allows.
//
// Only the operations the runtime uses are here, and only with explicit orders: code that forgets an order
// does not compile under the explorer. Outside an exploration an atomic is a plain variable of one thread.
#pragma once

#include "base/explore/access.h"

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <type_traits>

namespace thrum::base::explore {

template <class T> class atomic {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(std::uint64_t),
                "the explorer models values of up to eight bytes");

public:
  using value_type = T;
  static constexpr bool is_always_lock_free = true;

  constexpr atomic() noexcept : atomic(T{}) {}
  constexpr atomic(T initial) noexcept { // implicit, as in std::atomic
    if consteval {
      where_.initial = constant_bits(initial);
    } else {
      where_.initial = bits(initial);
      access_construct(where_);
    }
  }
  ~atomic() { access_destroy(where_); }
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;

  T load(std::memory_order order, site at = site::current()) const {
    return value(access_load(where_, order, at));
  }
  void store(T desired, std::memory_order order, site at = site::current()) {
    access_store(where_, bits(desired), order, at);
  }
  T exchange(T desired, std::memory_order order, site at = site::current()) {
    static constexpr rmw_operation operation{"exchange",
                                             [](std::uint64_t, std::uint64_t x) noexcept { return x; }};
    return value(access_rmw(where_, operation, bits(desired), order, at));
  }

  bool compare_exchange_strong(T& expected, T desired, std::memory_order success, std::memory_order failure,
                               site at = site::current()) {
    return compare_exchange(expected, desired, success, failure, false, at);
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order success, std::memory_order failure,
                             site at = site::current()) {
    return compare_exchange(expected, desired, success, failure, true, at);
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order order, site at = site::current()) {
    return compare_exchange(expected, desired, order, failure_order(order), false, at);
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order order, site at = site::current()) {
    return compare_exchange(expected, desired, order, failure_order(order), true, at);
  }

  // For models of locks (wait/explore/stand_in/): waits until the value is zero, then replaces it by `desired`, all in one
  // step. Waiting costs no steps, and for ever is a deadlock.
  void take(T desired, std::memory_order order, site at = site::current()) {
    access_take(where_, bits(desired), order, at);
  }

  T fetch_add(T argument, std::memory_order order, site at = site::current())
    requires std::integral<T>
  {
    static constexpr rmw_operation operation{
        "fetch_add", [](std::uint64_t a, std::uint64_t b) noexcept { return truncated(a + b); }};
    return value(access_rmw(where_, operation, bits(argument), order, at));
  }
  T fetch_sub(T argument, std::memory_order order, site at = site::current())
    requires std::integral<T>
  {
    static constexpr rmw_operation operation{
        "fetch_sub", [](std::uint64_t a, std::uint64_t b) noexcept { return truncated(a - b); }};
    return value(access_rmw(where_, operation, bits(argument), order, at));
  }
  T fetch_and(T argument, std::memory_order order, site at = site::current())
    requires std::integral<T>
  {
    static constexpr rmw_operation operation{"fetch_and",
                                             [](std::uint64_t a, std::uint64_t b) noexcept { return a & b; }};
    return value(access_rmw(where_, operation, bits(argument), order, at));
  }
  T fetch_or(T argument, std::memory_order order, site at = site::current())
    requires std::integral<T>
  {
    static constexpr rmw_operation operation{"fetch_or",
                                             [](std::uint64_t a, std::uint64_t b) noexcept { return a | b; }};
    return value(access_rmw(where_, operation, bits(argument), order, at));
  }
  T fetch_xor(T argument, std::memory_order order, site at = site::current())
    requires std::integral<T>
  {
    static constexpr rmw_operation operation{"fetch_xor",
                                             [](std::uint64_t a, std::uint64_t b) noexcept { return a ^ b; }};
    return value(access_rmw(where_, operation, bits(argument), order, at));
  }

private:
  static std::uint64_t bits(T from) noexcept {
    std::uint64_t all = 0;
    std::memcpy(&all, &from, sizeof from);
    return all;
  }
  // At compile time memcpy is not available; what is initialised there is a number, a flag, an enumerator or
  // null. Anything else reaches abort(), which is an error at compile time.
  static constexpr std::uint64_t constant_bits(T from) noexcept {
    if constexpr (std::is_pointer_v<T> || std::is_null_pointer_v<T>)
      return from == nullptr ? 0 : (std::abort(), 0);
    else if constexpr (std::is_enum_v<T>)
      return truncated(static_cast<std::uint64_t>(static_cast<std::underlying_type_t<T>>(from)));
    else if constexpr (std::is_integral_v<T>)
      return truncated(static_cast<std::uint64_t>(from));
    else
      return std::abort(), 0;
  }
  static constexpr std::uint64_t truncated(std::uint64_t all) noexcept {
    return sizeof(T) == 8 ? all : all & ((std::uint64_t{1} << (sizeof(T) * 8 % 64)) - 1);
  }
  static T value(std::uint64_t all) noexcept {
    T result;
    std::memcpy(&result, &all, sizeof result);
    return result;
  }
  static constexpr std::memory_order failure_order(
      std::memory_order order) noexcept { // as [atomics.types.operations]
    if (order == std::memory_order_acq_rel) return std::memory_order_acquire;
    if (order == std::memory_order_release) return std::memory_order_relaxed;
    return order;
  }
  bool compare_exchange(T& expected, T desired, std::memory_order success, std::memory_order failure,
                        bool weak, site at) {
    std::uint64_t found = bits(expected);
    const bool done = access_compare_exchange(where_, found, bits(desired), success, failure, weak, at);
    if (!done) expected = value(found);
    return done;
  }

  mutable location where_; // a load is an event too
};

void thread_fence(std::memory_order order, site at = site::current());
// The two halves of the asymmetric fence; options::fences says how they are modelled.
void light_fence(site at = site::current());
void heavy_fence(site at = site::current());
// One turn of a loop that waits for another thread; see engine.h, Waiting.
void relax(site at = site::current());

} // namespace thrum::base::explore
