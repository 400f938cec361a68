// mutex: mutual exclusion for fibers and threads alike. A fiber that has to wait parks; a thread blocks. (And recursive_mutex.)
//
//   thrum::mutex m;
//   int shared = 0;
//   { std::lock_guard hold(m); ++shared; }
//   if (m.try_lock_for(100ms)) { ++shared; m.unlock(); }
//
// lock(m) is a case of a select (select.h): one of several locks, or a lock and something else.
//
// Meets the standard's TimedLockable requirements, so std::unique_lock, std::scoped_lock and std::lock work. It may be held
// across waits: a fiber that parks while it holds the mutex still owns it, on whatever thread it goes on.
//
// What the caller owes   The fiber (or thread) that locked it unlocks it. Unlocking another's mutex, and locking one's own again
//                        (use recursive_mutex), panics; try_lock() of one's own is false.
// What is guaranteed     Waiters are served in order of arrival, but who comes by while the mutex is free takes it. Whoever has been
//                        the first to wait for 0.2 ms is handed the mutex, so nobody starves: n that want it all the time take turns
//                        of about 0.2 ms. try_lock() does not fail spuriously.
// Cancellation           lock() does not listen to stop requests, nor do the forms with a deadline: destructors lock, too, and must
//                        not throw. A wait that does is a select with lock(m), or a semaphore with one permit.
// May park               lock(), try_lock_for(), try_lock_until(); a select with it.
// Happens-before         unlock -> the next lock.
// When it dies           Destroying one that is held panics, and nobody may wait for it then. Who has unlocked it, or knows that
//                        the last user has, may destroy it at once.
// Errors                 None: nothing throws.
// Cost                   lock and unlock uncontended: one atomic exchange, about 8 ns. 64 bytes; a constant initialiser. An unlock that
//                        meets somebody who waits, and each of the next thousand, takes a guard more.
// Source of the idea     std::mutex; barging with a starvation bound from Go, whose millisecond counts from when a waiter came.
#pragma once

#include <thrum/detail/atomic.h>
#include <thrum/detail/deadline.h>
#include <thrum/detail/select_case.h>
#include <thrum/detail/self.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stop_token>

namespace thrum::wait {
struct waiter;
} // namespace thrum::wait

namespace thrum {

namespace sync {
struct holder_layout; // for reports
}
namespace detail {
struct mutex_access; // for select.h
}

class mutex {
public:
  constexpr mutex() noexcept = default;
  ~mutex() {
    if (__builtin_expect(owner_.load(std::memory_order_relaxed) != nullptr, false))
      panic_destroyed(); // relaxed: misuse only
  }
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;

  void lock() noexcept {
    const wait::thread_head* here = detail::locker();
    if (__builtin_expect(here == nullptr, false)) return lock_watched();
    lock_by(here->current);
  }

  [[nodiscard]] bool try_lock() noexcept {
    const wait::thread_head* here = detail::locker();
    return __builtin_expect(here == nullptr, false) ? try_lock_watched() : try_lock_by(here->current);
  }

  template <class Clock, class Duration>
  [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Duration>& deadline) noexcept {
    return try_lock() || lock_late({.deadline = detail::to_deadline(deadline)});
  }
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_for(const std::chrono::duration<Rep, Period>& timeout) noexcept {
    return try_lock() || lock_late({.deadline = detail::deadline_after(timeout)});
  }

  void unlock() noexcept {
    wait::thread_head* here = detail::locker();
    if (__builtin_expect(here == nullptr, false)) return unlock_watched();
    unlock_by(here);
  }

private:
  friend struct sync::holder_layout;
  friend struct detail::mutex_access;

  // A thread that thrum has not met yet, or whose locks are watched (src/sync/lock_order.h).
  void lock_watched() noexcept;
  bool try_lock_watched() noexcept;
  void unlock_watched() noexcept;

  // `me`, the calling agent: its address is never null and never another's at the same time.
  void lock_by(wait::agent* me) noexcept {
    wait::agent* nobody = nullptr;
    if (__builtin_expect(
            !owner_.compare_exchange_strong(nobody, me, std::memory_order_acq_rel, // X1, X4
                                            std::memory_order_relaxed), // relaxed: lock_slow looks again
            false))
      lock_slow();
    static_cast<void>(begin(me));
  }
  bool try_lock_by(wait::agent* me) noexcept {
    wait::agent* nobody = nullptr;
    return owner_.compare_exchange_strong(nobody, me, std::memory_order_acq_rel, // X1, X4
                                          std::memory_order_relaxed) &&
           begin(me); // relaxed: not taken
  }
  void unlock_by(wait::thread_head* here) noexcept {
    if (__builtin_expect(holder_.load(std::memory_order_relaxed) != here->current, false))
      panic_not_owner();                                    // relaxed: equal only if we wrote it
    holder_.store(nullptr, std::memory_order_relaxed);      // relaxed: as above
    here->unlocking.store(this, std::memory_order_release); // X3: what this thread unlocked before
    detail::light_fence();                                  // X2
    if (__builtin_expect(contended_.load(std::memory_order_relaxed) != 0, false))
      return unlock_slow();                                    // relaxed: X2
    owner_.store(nullptr, std::memory_order_release);          // X1; the mutex may be gone from here on
    here->unlocking.store(nullptr, std::memory_order_release); // X3
  }

  bool begin(wait::agent* me) noexcept {
    holder_.store(me, std::memory_order_relaxed); // relaxed: only we compare equal
    return true;
  }

  friend class recursive_mutex;

  // Ends a wait from outside.
  struct ender {
    wait::waiter* waiter = nullptr; // guarded by mutex_state::guard, as is the next; null: it does not wait
    bool asked = false;
  };
  void end_wait(ender& which) noexcept;

  // How a lock waits that is not had at once.
  struct waiting {
    detail::deadline_t deadline = detail::no_deadline;
    ender* stop = nullptr; // ends the wait, too
    bool fair = false;     // nobody who comes later may be first
  };
  void lock_slow() noexcept;
  bool lock_slow(const waiting& how) noexcept;
  bool lock_late(const waiting& how) noexcept; // try_lock has failed
  bool lock_as(const waiting& how) noexcept;   // lock() that may give up
  void unlock_slow() noexcept;
  void make_contended() noexcept;
  // For a select: locks it for the caller, if it is free. The guard is held.
  bool take_guarded() noexcept;
  [[noreturn]] void panic_not_owner() noexcept;
  void panic_destroyed() noexcept;

  detail::atomic<wait::agent*> owner_{nullptr};
  // owner_ once more, for unlock to check: to read back what a locked instruction has just written takes as long as that itself.
  detail::atomic<wait::agent*> holder_{nullptr};
  detail::atomic<std::uint32_t> contended_{0}; // sticky; src/sync/mutex.cc
  detail::atomic<std::uint32_t> number_{0};    // while locks are watched; src/sync/lock_order.h
  detail::atomic<std::uint32_t> readiness_{detail::may_be_free_ready}; // a select::hint
  std::uint16_t quiet_unlocks_ = 0; // guarded by that of the state, as is the next
  bool hand_over_ = false;          // the first waiter has lost patience
  bool coming_ = false;             // the first waiter was woken, and has not looked yet
  alignas(detail::room_alignment) unsigned char state_[detail::room_for(32)] = {}; // sync::mutex_state
};

namespace detail {

struct mutex_access { // for select.h, and src/sync/mutex.cc
  static const void* hint(const mutex& m) noexcept { return &m.readiness_; }
  static bool is_held_by(const mutex& m, const wait::agent& a) noexcept {
    return m.owner_.load(std::memory_order_relaxed) == &a; // relaxed: only we write our own address
  }
  static bool take_guarded(mutex& m) noexcept { return m.take_guarded(); }
  static unsigned char* state(mutex& m) noexcept { return m.state_; }
  static atomic<std::uint32_t>& number(mutex& m) noexcept { return m.number_; }
};

} // namespace detail

// mutex has all that the standard's timed form adds.
using timed_mutex = mutex;

// recursive_mutex: a mutex that its holder may lock again; it is free when unlock() was called as often as lock().
//
//   thrum::recursive_mutex m;
//   std::lock_guard outer(m);
//   { std::lock_guard again(m); } // m is held still
//
//   bool tidy(thrum::recursive_mutex& m, const std::stop_token& token) {
//     if (!m.lock(token)) return false; // asked to stop before m was free
//     tidy_up();
//     m.unlock();
//     return true;
//   }
//
// lock(token)   waits until the mutex is had, which is true, or the token is asked to stop: false. What is free is taken, although the
//               token was asked before. The token's callback may run in any fiber or thread.
// hold_count()  how often the caller holds it; 0: not at all.
// recursive_mutex m(thrum::fair): who has waited longest is next, always, and is given the mutex by who unlocks it: nobody who comes
//               by takes it before. While nobody waits it costs the same; under contention, a switch for each change of the holder.
//
// Everything else is as with mutex. try_lock() of one's own succeeds. A condition_variable gives one hold back while it waits: who
// holds it more often keeps it.
// Cost: mutex, and a few loads and stores. Locking one's own again is no atomic exchange. 80 bytes; a constant initialiser.
// Source of the idea: Java's ReentrantLock, for the last three.
struct fair_t {
  explicit fair_t() = default;
};
inline constexpr fair_t fair{};

class recursive_mutex {
public:
  constexpr recursive_mutex() noexcept = default;
  constexpr explicit recursive_mutex(fair_t) noexcept : fair_(true) {}

  void lock() noexcept {
    if (again()) return;
    if (__builtin_expect(fair_, false))
      static_cast<void>(mutex_.lock_as({.fair = true}));
    else
      mutex_.lock();
    begin();
  }
  [[nodiscard]] bool lock(const std::stop_token& stop) noexcept {
    if (try_lock()) return true;
    mutex::ender wait;
    const std::stop_callback on_stop(stop, [&]() noexcept { mutex_.end_wait(wait); });
    return mutex_.lock_as({.stop = &wait, .fair = fair_}) && begin();
  }
  [[nodiscard]] bool try_lock() noexcept { return again() || (mutex_.try_lock() && begin()); }
  template <class Clock, class Duration>
  [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Duration>& deadline) noexcept {
    return try_lock() || lock_late(detail::to_deadline(deadline));
  }
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_for(const std::chrono::duration<Rep, Period>& timeout) noexcept {
    return try_lock() || lock_late(detail::deadline_after(timeout));
  }
  void unlock() noexcept {
    if (depth_ > 1 && again()) {
      depth_ -= 2; // again() counted one more
      return;
    }
    if (again()) {
      depth_ = 0;
      holder_.store(nullptr, std::memory_order_relaxed); // relaxed: only its own agent compares equal
    }
    mutex_.unlock(); // panics if it is not ours
  }

  // Of the caller.
  [[nodiscard]] std::size_t hold_count() const noexcept {
    return holder_.load(std::memory_order_relaxed) == self() ? depth_ : 0; // relaxed: see again()
  }

private:
  static wait::agent* self() noexcept;
  bool lock_late(detail::deadline_t deadline) noexcept {
    return mutex_.lock_late({.deadline = deadline, .fair = fair_}) && begin();
  }
  bool again() noexcept {
    if (holder_.load(std::memory_order_relaxed) != self()) return false; // relaxed: equal only if we wrote it
    ++depth_;
    return true;
  }
  bool begin() noexcept {
    holder_.store(self(), std::memory_order_relaxed); // relaxed: see again()
    depth_ = 1;
    return true;
  }

  mutex mutex_;
  detail::atomic<wait::agent*> holder_{nullptr};
  std::uint32_t depth_ = 0; // the holder's
  bool fair_ = false;       // constant
};
using recursive_timed_mutex = recursive_mutex;

} // namespace thrum
