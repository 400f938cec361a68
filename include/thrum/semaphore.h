// counting_semaphore: a number of permits. Who finds none waits until somebody releases one.
//
//   thrum::counting_semaphore<> slots(10);     // at most ten downloads at a time
//   slots.acquire();
//   work(1);
//   slots.release();
//
// Has the members of std::counting_semaphore. binary_semaphore has one permit at most; whoever likes may release it. So it is the
// lock that a coroutine may keep over a co_await (a mutex belongs to the fiber that has locked it, and a coroutine changes fibers):
// co_await s.async_acquire() (operation.h). acquire(s) is a case of a select (select.h).
//
// What the caller owes   The permits never exceed max(): releasing more panics. Nobody waits when it is destroyed.
// What is guaranteed     First come, first served: a permit goes to who waits longest and is never taken by a newcomer. A
//                        wait that fails (timeout, cancelled) has taken no permit. try_acquire does not fail spuriously.
// May park               acquire(), try_acquire_for(), try_acquire_until(); a select with it.
// Happens-before         release -> the acquire that takes its permit.
// When it dies           Who has acquired may destroy it at once, while release() is still returning.
// Errors                 cancelled, from waits. The forms with a deadline say false when it has passed.
// Cost                   acquire and release: one atomic compare-exchange each while there are permits. 48 bytes; a
//                        constant initialiser. A release behind a select that found no permit takes a lock.
// Source of the idea     std::counting_semaphore; strict order from Go's x/sync/semaphore.
#pragma once

#include <thrum/detail/atomic.h>
#include <thrum/detail/deadline.h>
#include <thrum/detail/select_case.h>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace thrum {

class acquire_operation; // operation.h

namespace detail {

struct semaphore_access;

// The part that does not depend on the maximum (src/sync/semaphore.cc).
class semaphore_core {
public:
  constexpr semaphore_core(std::ptrdiff_t permits, std::ptrdiff_t max) noexcept : permits_(permits) {
    if (permits < 0 || permits > max) panic_initial();
  }
  ~semaphore_core() {
    if (__builtin_expect(permits_.load(std::memory_order_relaxed) == waiting, false))
      check_destroyed(); // relaxed: misuse
  }
  semaphore_core(const semaphore_core&) = delete;
  semaphore_core& operator=(const semaphore_core&) = delete;

  bool try_acquire() noexcept {
    std::ptrdiff_t now = permits_.load(std::memory_order_relaxed); // relaxed: the compare-exchange decides
    while (now > 0)
      if (permits_.compare_exchange_weak(now, now - 1, std::memory_order_acq_rel, // P1, P2
                                         std::memory_order_relaxed))              // relaxed: tried again
        return true;
    return false;
  }

  void release(std::ptrdiff_t n, std::ptrdiff_t max) noexcept {
    std::ptrdiff_t now = permits_.load(std::memory_order_relaxed); // relaxed: the compare-exchange decides
    if (__builtin_expect(now < 0 || n < 0 || n > max - now, false) ||
        !permits_.compare_exchange_strong(now, now + n, std::memory_order_release, // P1; gone from here on
                                          std::memory_order_relaxed)) // relaxed: release_slow looks again
      release_slow(n, max);
  }

  void acquire() {
    if (!try_acquire()) acquire_slow(no_deadline);
  }
  bool acquire_slow(deadline_t deadline); // false: the deadline passed

private:
  friend struct semaphore_access;

  static constexpr std::ptrdiff_t waiting = -1; // no permits, and release() is to look closer
  static constexpr std::ptrdiff_t coming = -2;  // no permits yet; who makes some is about to write them here

  bool take_guarded() noexcept;
  bool leave_waiting(std::ptrdiff_t now) noexcept;
  void release_slow(std::ptrdiff_t n, std::ptrdiff_t max) noexcept;
  [[noreturn]] static void panic_initial() noexcept;
  void check_destroyed() noexcept;

  atomic<std::ptrdiff_t> permits_;                    // >= 0, `waiting` or `coming`
  atomic<std::uint32_t> readiness_{has_permit_ready}; // a select::hint: there may be a permit
  alignas(detail::room_alignment) unsigned char state_[detail::room_for(32)] = {}; // sync::semaphore_state
};

struct semaphore_access { // for select.h and operation.h, and src/sync/semaphore.cc
  template <class Semaphore> static semaphore_core& core(Semaphore& s) noexcept { return s.core_; }
  static const void* hint(const semaphore_core& s) noexcept { return &s.readiness_; }
  static bool take_guarded(semaphore_core& s) noexcept { return s.take_guarded(); }
  static void leave_waiting(semaphore_core& s) noexcept { s.leave_waiting(0); }
  static unsigned char* state(semaphore_core& s) noexcept { return s.state_; }
};

} // namespace detail

template <std::ptrdiff_t LeastMaxValue = PTRDIFF_MAX> class counting_semaphore {
  static_assert(LeastMaxValue >= 0, "thrum: a semaphore has at least room for no permit");

public:
  static constexpr std::ptrdiff_t(max)() noexcept { return LeastMaxValue; }

  constexpr explicit counting_semaphore(std::ptrdiff_t permits) noexcept : core_(permits, LeastMaxValue) {}

  // Takes a permit; waits for one if there is none. Throws `cancelled`.
  void acquire() { core_.acquire(); }
  // acquire() for coroutines: co_await s.async_acquire(). operation.h is to be included.
  acquire_operation async_acquire() noexcept;
  // Takes a permit if there is one.
  [[nodiscard]] bool try_acquire() noexcept { return core_.try_acquire(); }
  template <class Rep, class Period>
  [[nodiscard]] bool try_acquire_for(const std::chrono::duration<Rep, Period>& timeout) {
    return core_.try_acquire() || core_.acquire_slow(detail::deadline_after(timeout));
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool try_acquire_until(const std::chrono::time_point<Clock, Duration>& deadline) {
    return core_.try_acquire() || core_.acquire_slow(detail::to_deadline(deadline));
  }
  // Gives n permits back, to the longest waiting first. Never parks.
  void release(std::ptrdiff_t n = 1) noexcept { core_.release(n, LeastMaxValue); }

private:
  friend struct detail::semaphore_access;
  detail::semaphore_core core_;
};

using binary_semaphore = counting_semaphore<1>;

} // namespace thrum
