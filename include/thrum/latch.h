// latch: a count that goes down once. Who waits is let go when it is zero.
//
//   thrum::latch ready(3);
//   for (int i = 0; i < 3; ++i) thrum::go([&, i] { work(i); ready.count_down(); });
//   ready.wait();
//
// Has the members of std::latch. For a count that goes up and down again: wait_group.
//
// What the caller owes   The count never goes below zero: that panics.
// What is guaranteed     Once it is zero it stays zero, and no wait parks any more.
// May park               wait() and arrive_and_wait().
// Happens-before         every count_down -> the return of wait(), and of a try_wait() that is true.
// When it dies           Who returned from wait(), or saw try_wait() true, may destroy it at once, while the last
//                        count_down() is still returning; but not while others are inside wait().
// Errors                 cancelled, from waits. What arrive_and_wait() has counted stays counted.
// Cost                   count_down: one atomic compare-exchange, unless it is the last and somebody waits. 40 bytes; a
//                        constant initialiser.
// Source of the idea     std::latch; Java's CountDownLatch.
#pragma once

#include <thrum/detail/countdown.h>

#include <cstddef>

namespace thrum {

class latch {
public:
  static constexpr std::ptrdiff_t(max)() noexcept { return detail::countdown::largest; }

  constexpr explicit latch(std::ptrdiff_t expected) noexcept : count_(expected) {
    if (expected < 0 || expected > (max)()) panic_initial();
  }

  // Never parks.
  void count_down(std::ptrdiff_t n = 1) noexcept { count_.down(n, detail::countdown::user::latch); }
  [[nodiscard]] bool try_wait() const noexcept { return count_.is_zero(); }
  // Throws `cancelled`.
  void wait() const { count_.wait(detail::no_deadline, detail::countdown::user::latch); }
  void arrive_and_wait(std::ptrdiff_t n = 1) {
    count_down(n);
    wait();
  }

private:
  [[noreturn]] static void panic_initial() noexcept;

  mutable detail::countdown count_; // waiting is const, as in the standard, but it queues
};

} // namespace thrum
