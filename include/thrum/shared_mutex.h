// shared_mutex: one writer or many readers, for fibers and threads alike.
//
//   thrum::shared_mutex m;
//   std::vector<picture> gallery;
//   { std::shared_lock hold(m); for (const picture& p : gallery) show(p); }
//   { std::unique_lock hold(m); gallery.push_back(draw()); }
//
// Meets the standard's SharedTimedLockable requirements: std::shared_lock, std::unique_lock, std::lock work. Either kind of
// lock may be held across waits.
//
// What the caller owes   Who locks unlocks. A writer that locks again, in either way, panics; so does unlocking what is not
//                        held, as far as can be seen (readers are counted, not known). A reader must not lock again, in either
//                        way: a writer may have come in between, and both would wait for ever.
// What is guaranteed     Nobody starves: a waiting writer stops new readers; readers that wait run before the next writer, all
//                        together; writers are served in order of arrival.
// Cancellation           as mutex: neither lock() nor lock_shared() listens to stop requests, nor the forms with a deadline.
// May park               the forms that lock, but not the plain try_ forms.
// Happens-before         unlock, unlock_shared -> the next lock; unlock -> the next lock_shared.
// When it dies           Destroying one that is held or waited for panics. Who has unlocked it, or knows that the last user has,
//                        may destroy it at once.
// Errors                 None: nothing throws.
// Cost                   lock_shared and unlock_shared, or lock and unlock, uncontended: two atomic operations, about 12 ns. It is
//                        handed over, not fought for: a contended lock costs a switch. 64 bytes; a constant initialiser.
// Source of the idea     std::shared_timed_mutex; phases from Brandenburg and Anderson and from Go's RWMutex.
#pragma once

#include <thrum/detail/atomic.h>
#include <thrum/detail/deadline.h>
#include <thrum/detail/self.h>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace thrum {

namespace sync {
struct holder_layout; // for reports
}

class shared_mutex {
public:
  constexpr shared_mutex() noexcept = default;
  ~shared_mutex() {
    if (__builtin_expect(word_.load(std::memory_order_relaxed) != 0, false))
      panic_destroyed(); // relaxed: misuse only
  }
  shared_mutex(const shared_mutex&) = delete;
  shared_mutex& operator=(const shared_mutex&) = delete;

  // ---- alone
  void lock() noexcept {
    const wait::thread_head* here = detail::locker();
    if (__builtin_expect(here == nullptr, false)) return lock_watched();
    if (!try_lock_by(here->current)) static_cast<void>(lock_slow(detail::no_deadline));
  }
  [[nodiscard]] bool try_lock() noexcept {
    const wait::thread_head* here = detail::locker();
    return __builtin_expect(here == nullptr, false) ? try_lock_watched() : try_lock_by(here->current);
  }
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_for(const std::chrono::duration<Rep, Period>& timeout) noexcept {
    return try_lock() || lock_late(detail::deadline_after(timeout));
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Duration>& deadline) noexcept {
    return try_lock() || lock_late(detail::to_deadline(deadline));
  }
  void unlock() noexcept {
    const wait::thread_head* here = detail::locker();
    if (__builtin_expect(here == nullptr, false)) return unlock_watched();
    unlock_by(here->current);
  }

  // ---- together with other readers
  void lock_shared() noexcept {
    if (__builtin_expect(detail::locker() == nullptr, false)) return lock_shared_watched();
    if (!join_readers()) static_cast<void>(lock_shared_slow(detail::no_deadline));
  }
  [[nodiscard]] bool try_lock_shared() noexcept {
    return __builtin_expect(detail::locker() == nullptr, false) ? try_lock_shared_watched() : join_readers();
  }
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_shared_for(const std::chrono::duration<Rep, Period>& timeout) noexcept {
    return try_lock_shared() || lock_shared_late(detail::deadline_after(timeout));
  }
  template <class Clock, class Duration> [[nodiscard]] bool try_lock_shared_until(
      const std::chrono::time_point<Clock, Duration>& deadline) noexcept {
    return try_lock_shared() || lock_shared_late(detail::to_deadline(deadline));
  }
  void unlock_shared() noexcept {
    if (__builtin_expect(detail::locker() == nullptr, false)) return unlock_shared_watched();
    leave_readers();
  }

private:
  friend struct sync::holder_layout;
  static constexpr std::uint32_t writer = 1;  // held alone
  static constexpr std::uint32_t waiting = 2; // somebody is queued
  static constexpr std::uint32_t reader = 4;  // one of those who hold it together

  // A thread that thrum has not met yet, or whose locks are watched (src/sync/lock_order.h).
  void lock_watched() noexcept;
  bool try_lock_watched() noexcept;
  void unlock_watched() noexcept;
  void lock_shared_watched() noexcept;
  bool try_lock_shared_watched() noexcept;
  void unlock_shared_watched() noexcept;

  // `me`, the calling agent: its address is never null and never another's at the same time.
  bool try_lock_by(wait::agent* me) noexcept {
    std::uint32_t nobody = 0;
    if (!word_.compare_exchange_strong(nobody, writer, std::memory_order_acquire, // R1
                                       std::memory_order_relaxed))                // relaxed: not taken
      return false;
    owner_.store(me, std::memory_order_relaxed); // relaxed: only we compare equal
    return true;
  }
  void unlock_by(const wait::agent* me) noexcept {
    if (__builtin_expect(owner_.load(std::memory_order_relaxed) != me, false))
      panic_not_owner();                              // relaxed: own write
    owner_.store(nullptr, std::memory_order_relaxed); // relaxed: see try_lock_by
    std::uint32_t mine = writer;
    if (__builtin_expect(!word_.compare_exchange_strong(mine, 0,
                                                        std::memory_order_release,  // R1; gone from here on
                                                        std::memory_order_relaxed), // relaxed: somebody waits
                         false))
      hand_over(writer);
  }
  bool join_readers() noexcept {
    std::uint32_t now = word_.load(std::memory_order_relaxed); // relaxed: the compare-exchange decides
    while ((now & (writer | waiting)) == 0)
      if (word_.compare_exchange_weak(now, now + reader, std::memory_order_acquire, // R1
                                      std::memory_order_relaxed))                   // relaxed: tried again
        return true;
    return false;
  }
  void leave_readers() noexcept {
    std::uint32_t now = word_.load(std::memory_order_relaxed); // relaxed: the compare-exchange decides
    for (;;) {
      if (__builtin_expect(now < reader, false)) panic_no_reader();
      if (__builtin_expect((now & waiting) != 0 && now < 2 * reader, false)) return hand_over(reader);
      if (word_.compare_exchange_weak(now, now - reader,
                                      std::memory_order_release,  // R1; perhaps gone from here on
                                      std::memory_order_relaxed)) // relaxed: tried again
        return;
    }
  }

  bool lock_slow(detail::deadline_t deadline) noexcept;
  bool lock_shared_slow(detail::deadline_t deadline) noexcept;
  bool lock_late(detail::deadline_t deadline) noexcept; // try_lock has failed
  bool lock_shared_late(detail::deadline_t deadline) noexcept;
  void hand_over(std::uint32_t mine) noexcept;
  [[noreturn]] void panic_not_owner() noexcept;
  [[noreturn]] static void panic_no_reader() noexcept;
  static void panic_destroyed() noexcept;

  detail::atomic<std::uint32_t> word_{0};       // src/sync/shared_mutex.cc
  detail::atomic<std::uint32_t> number_{0};     // while locks are watched; src/sync/lock_order.h
  detail::atomic<wait::agent*> owner_{nullptr}; // the writer
  alignas(detail::room_alignment) unsigned char state_[detail::room_for(48)] = {}; // sync::shared_mutex_state
};

// shared_mutex has all that the standard's timed form adds.
using shared_timed_mutex = shared_mutex;

} // namespace thrum
