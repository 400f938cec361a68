// condition_variable: waits until somebody says that something has changed. For fibers and threads alike, with any lock.
//
//   thrum::mutex m;
//   thrum::condition_variable changed;
//   std::deque<int> queue;
//   thrum::fiber<> taker = thrum::spawn([&] {
//     std::unique_lock hold(m);
//     changed.wait(hold, [&] { return !queue.empty(); });
//     work(queue.front());
//   });
//   { std::unique_lock hold(m); queue.push_back(1); }
//   changed.notify_one();
//   taker.join();
//
// Has the members of std::condition_variable_any but for stop tokens: a stop request of the fiber ends its waits by itself.
// `Lock` is any type with lock() and unlock(): std::unique_lock of whatever, a mutex, a type of your own, whose functions may
// wait and wake as they like, but not throw.
//
// What the caller owes   The lock is held when a wait is called. Who waits checks the condition under it, in a loop (or gives
//                        a predicate); who changes the condition does so under the lock, and then notifies, with or without it.
//                        Nobody but those who were notified is inside a wait when it is destroyed: that panics.
// What is guaranteed     notify_one lets go who waits longest, notify_all everybody who waits by then. Nobody who comes later can
//                        take a notification, and none is lost: one that meets a waiter whose deadline has just passed, or who
//                        was just asked to stop, goes to the next. A wait has the lock again when it returns or throws. No wait
//                        returns without a notification before its deadline.
// May park               the waits. notify_one and notify_all never do.
// Happens-before         notify -> the return of the wait that it ended; and whatever the lock orders.
// When it dies           Once everybody was notified, it may be destroyed, while they are still on their way out of their waits.
// Errors                 cancelled, from waits, also at once if the fiber was asked before (a predicate that holds does not
//                        wait); the lock is held then, too: taking it again does not listen to stop requests.
// Cost                   notifying nobody: a load. A wait and its notification: a lock of the queue each, and two switches. 40
//                        bytes; a constant initialiser.
// Source of the idea     std::condition_variable_any; order from Go's sync.Cond.
#pragma once

#include <thrum/detail/atomic.h>
#include <thrum/detail/deadline.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>

namespace thrum {

using std::cv_status;

class condition_variable {
public:
  constexpr condition_variable() noexcept = default;
  ~condition_variable() {
    if (queue_.load(std::memory_order_relaxed) != never_used) wait_until_left(); // relaxed: see notify_one
  }
  condition_variable(const condition_variable&) = delete;
  condition_variable& operator=(const condition_variable&) = delete;

  void notify_one() noexcept {
    if (queue_.load(std::memory_order_relaxed) == occupied) notify_slow(false); // relaxed: D3
  }
  void notify_all() noexcept {
    if (queue_.load(std::memory_order_relaxed) == occupied) notify_slow(true); // relaxed: D3
  }

  // Releases the lock, waits to be notified, takes the lock again. Throws `cancelled`.
  template <class Lock> void wait(Lock& lock) { wait_slow(erase(lock), detail::no_deadline); }
  template <class Lock, class Predicate> void wait(Lock& lock, Predicate holds) {
    while (!holds()) wait(lock);
  }

  // The same until the deadline at most. With a predicate: what it says in the end.
  template <class Lock, class Clock, class Duration>
  cv_status wait_until(Lock& lock, const std::chrono::time_point<Clock, Duration>& deadline) {
    return wait_slow(erase(lock), detail::to_deadline(deadline));
  }
  template <class Lock, class Clock, class Duration, class Predicate>
  bool wait_until(Lock& lock, const std::chrono::time_point<Clock, Duration>& deadline, Predicate holds) {
    return wait_for_predicate(lock, detail::to_deadline(deadline), holds);
  }
  template <class Lock, class Rep, class Period>
  cv_status wait_for(Lock& lock, const std::chrono::duration<Rep, Period>& timeout) {
    return wait_slow(erase(lock), detail::deadline_after(timeout));
  }
  template <class Lock, class Rep, class Period, class Predicate>
  bool wait_for(Lock& lock, const std::chrono::duration<Rep, Period>& timeout, Predicate holds) {
    return wait_for_predicate(lock, detail::deadline_after(timeout), holds);
  }

private:
  // The caller's lock, without its type.
  struct any_lock {
    void* object;
    void (*lock)(void*) noexcept;
    void (*unlock)(void*) noexcept;
  };
  template <class Lock> static any_lock erase(Lock& lock) noexcept {
    return {&lock, [](void* l) noexcept { static_cast<Lock*>(l)->lock(); },
            [](void* l) noexcept { static_cast<Lock*>(l)->unlock(); }};
  }

  template <class Lock, class Predicate>
  bool wait_for_predicate(Lock& lock, detail::deadline_t deadline, Predicate& holds) {
    while (!holds())
      if (wait_slow(erase(lock), deadline) == cv_status::timeout) return holds();
    return true;
  }

  enum : std::uint32_t { never_used, empty, occupied };

  cv_status wait_slow(const any_lock& lock, detail::deadline_t deadline); // src/sync/condition_variable.cc
  void notify_slow(bool all) noexcept;
  void wait_until_left() noexcept;

  detail::atomic<std::uint32_t> queue_{never_used};
  alignas(detail::room_alignment) unsigned char state_[detail::room_for(32)] = {}; // sync::condition_state
};

} // namespace thrum
