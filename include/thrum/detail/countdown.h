// Serves latch.h, wait_group.h and task_group.h: a count that lets everybody go when it is zero (src/sync/countdown.cc).
#pragma once

#include <thrum/detail/atomic.h>
#include <thrum/detail/deadline.h>

#include <cstddef>
#include <cstdint>

namespace thrum::detail {

class countdown {
public:
  // Whose count it is: for reports and panics.
  enum class user : std::uint8_t { latch, wait_group, task_group };
  static constexpr std::int64_t largest = INT64_MAX / 4;

  constexpr explicit countdown(std::int64_t count) noexcept : word_(count * one) {}
  countdown(const countdown&) = delete;
  countdown& operator=(const countdown&) = delete;

  // The transition to zero lets the waiters go. Panics if the count is less than n.
  void down(std::int64_t n, user who) noexcept {
    std::int64_t now = word_.load(std::memory_order_relaxed); // relaxed: the compare-exchange decides
    const std::int64_t left = static_cast<std::uint64_t>(n) > largest ? -1 : now - n * one;
    if (__builtin_expect(left < 0 || left == waiting, false) ||
        !word_.compare_exchange_strong(now, left, std::memory_order_release, // N1; perhaps gone from here on
                                       std::memory_order_relaxed))           // relaxed: down_slow looks again
      down_slow(n, who);
  }
  void up(std::int64_t n) noexcept;

  std::int64_t count() const noexcept {
    return word_.load(std::memory_order_relaxed) / one; // relaxed: a snapshot
  }

  // True: the count is zero, and nobody who brought it there touches the object any more.
  bool is_zero() const noexcept;
  // Waits for that, or until the deadline, or a stop request.
  enum class waking : std::uint8_t { zero, timeout, stopped };
  waking wait_or_stop(deadline_t deadline, user who) noexcept;
  // Waits for that; false: the deadline passed. Throws `cancelled`.
  bool wait(deadline_t deadline, user who);
  // Waits for that without listening to stop requests.
  void wait_shielded(user who) noexcept;

private:
  static constexpr std::int64_t waiting = 1; // somebody is queued
  static constexpr std::int64_t one = 2;     // of the count

  void down_slow(std::int64_t n, user who) noexcept;

  atomic<std::int64_t> word_; // count * one, and `waiting`
  alignas(detail::room_alignment) unsigned char state_[detail::room_for(32)] = {}; // sync::countdown_state
};

} // namespace thrum::detail
