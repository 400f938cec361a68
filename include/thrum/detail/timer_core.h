// Serves timer.h: a timer without the type of its function (src/sync/timer.cc).
#pragma once

#include <thrum/detail/deadline.h>
#include <thrum/detail/task.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <new>
#include <source_location>
#include <type_traits>
#include <utility>

namespace thrum::detail {

struct timer_core;

// How the core handles a function that it keeps.
struct timer_function {
  std::size_t size;
  bool periodic; // the object begins with a periodic_timer
  void (*call)(void* f);
  void (*destroy)(void* f) noexcept;
};

struct periodic_timer {
  std::int64_t period; // > 0; written while the timer is not set
};

template <class F> inline constexpr timer_function timer_function_of{
    .size = sizeof(F),
    .periodic = std::is_base_of_v<periodic_timer, F>,
    .call = [](void* f) { static_cast<void>(std::invoke(*std::launder(static_cast<F*>(f)))); },
    .destroy = [](void* f) noexcept { std::launder(static_cast<F*>(f))->~F(); },
};

// A timer that is not set, with room for its function. Throws std::bad_alloc.
timer_core* allocate_timer(const timer_function& function, const attrs& a, std::source_location site);
void* room_of(timer_core* t) noexcept;
void free_unmade_timer(timer_core* t) noexcept; // its function could not be made

void set_timer(timer_core* t,
               deadline_t deadline) noexcept; // requires: it is not set, and nobody else knows it
bool stop_timer(timer_core* t) noexcept;
bool reset_timer(timer_core* t, deadline_t deadline,
                 std::int64_t period) noexcept; // period: for periodic ones
void drop_timer(timer_core* t) noexcept;        // stops it, and gives it up
[[noreturn]] void panic_empty_timer() noexcept;
[[noreturn]] void panic_ticker_period() noexcept;

template <class F> timer_core* make_timer(F&& f, const attrs& a, std::source_location site) {
  using function = std::decay_t<F>;
  static_assert(std::is_invocable_v<function&>,
                "thrum: a timer's function is called as f(), and perhaps more than once");
  static_assert(alignof(function) <= 8, "thrum: a timer's function may be aligned to 8 bytes at most");
  timer_core* t = allocate_timer(timer_function_of<function>, a, site);
  try {
    ::new (room_of(t)) function(std::forward<F>(f));
  } catch (...) {
    free_unmade_timer(t);
    throw;
  }
  return t;
}

} // namespace thrum::detail
