// guarded: the explorer's side of base::guarded<T>, a plain variable of explored code that something else orders (a guard, a
// hand-over). It behaves as a T, and each access is checked for data races and for use after the end of its life.
#pragma once

#include "base/explore/plain.h"

#include <type_traits>
#include <utility>

namespace thrum::base::explore {

template <class T> class guarded {
public:
  constexpr guarded() noexcept : guarded(T{}) {}
  constexpr guarded(T value) noexcept : value_(value) { // implicit, as a T is made from a T
    if !consteval { races_.write(here, "initialisation", false); }
  }
  guarded(const guarded& other) : guarded(other.get()) {}
  constexpr ~guarded() {
    if !consteval { races_.destroy(here, false); }
  }

  guarded& operator=(const guarded& other) {
    set(other.get());
    return *this;
  }
  guarded& operator=(T value) {
    set(value);
    return *this;
  }
  operator T() const { return get(); } // implicit, as above
  T operator->() const
    requires std::is_pointer_v<T>
  {
    return get();
  }
  T operator++()
    requires std::is_arithmetic_v<T>
  {
    set(static_cast<T>(get() + 1));
    return value_;
  }
  T operator--()
    requires std::is_arithmetic_v<T>
  {
    set(static_cast<T>(get() - 1));
    return value_;
  }

private:
  static constexpr site here = site::current();

  T get() const {
    races_.read(here, false);
    return value_;
  }
  void set(T value) {
    races_.write(here, "write", false);
    value_ = value;
  }

  mutable race_detector races_{};
  T value_;
};

} // namespace thrum::base::explore
