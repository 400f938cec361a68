// atomic<T>: a std::atomic<T> whose wait parks the fiber, where the standard's would block the thread.
//
//   thrum::atomic<int> stage{0};
//   thrum::fiber<> follower = thrum::spawn([&] {
//     stage.wait(0); // until it is something else
//     work(stage.load());
//   });
//   stage.store(7, std::memory_order_release);
//   stage.notify_all();
//   follower.join();
//
// Everything else is inherited: load, store, exchange, compare_exchange, fetch_add and the operators are the standard's, of the
// same size. Fibers and threads wait side by side. A wait through a reference to the base, std::atomic<T>&, is the standard's:
// it blocks the thread, and hears no notification of ours, nor we of its.
//
// What the caller owes   Whoever changes the value notifies afterwards. Those who wait for the end of different values are told with
//                        notify_all: notify_one may reach one who goes back to sleep. The atomic lives until the waits have
//                        returned. The order of a wait is one that a load may have; others panic.
// What is guaranteed     A wait returns only when it has read a value whose bytes differ from `old`, or says that its deadline has
//                        passed. No notification is lost: one that follows a change in the same thread, or after it, finds
//                        every wait that has not seen that change. notify_one lets go who waits longest; one that meets a
//                        waiter whose deadline has just passed, or who was just asked to stop, goes to the next. A value that
//                        changes and changes back may go unseen, as with the standard's.
// May park               the waits. notify_one and notify_all never do.
// Happens-before         what the orders say: a release store -> the return of the wait with acquire that reads it. A
//                        notification orders nothing by itself.
// When it dies           notify_one and notify_all do not touch the atomic: who was let go may destroy it meanwhile.
// Errors                 cancelled, from waits, also at once if the fiber was asked before and the value is still `old`.
// Cost                   a wait that need not: a call and a load. Notifying nobody: a fence and a load, whoever waits elsewhere. A wait
//                        and its notification: a short lock each, which strangers may share (256 of them, chosen by
//                        address; in each, the way to an address grows with the logarithm of their number), and two switches.
// Source of the idea     std::atomic::wait; queues by address as in Linux's futexes, WebKit's ParkingLot and Go's semaphores.
#pragma once

#include <thrum/detail/deadline.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <type_traits>

namespace thrum {

namespace detail {

// What a wait is for: bytes at an address that are not those of `old` any more.
struct awaited {
  const void* address;
  const void* old;
  std::memory_order order;
  bool (*differs)(const awaited& what, std::memory_order order) noexcept;
};

bool wait_at(const awaited& what, deadline_t deadline); // src/sync/atomic.cc; false: the deadline passed
void notify_at(const void* address, bool all) noexcept;

} // namespace detail

template <class T> class atomic : public std::atomic<T> {
  static_assert(std::has_unique_object_representations_v<T> || std::is_same_v<T, float> ||
                    std::is_same_v<T, double>,
                "thrum: a wait compares bytes, and this type has some that mean nothing (padding)");

public:
  using std::atomic<T>::atomic;
  using std::atomic<T>::operator=;

  // Waits until the value is not `old`. Throws `cancelled`.
  void wait(T old, std::memory_order order = std::memory_order_seq_cst) const {
    static_cast<void>(wait_slow(old, order, detail::no_deadline));
  }
  // The same until the deadline at most. False: it has passed, and the value is still, or again, `old`.
  template <class Clock, class Duration>
  [[nodiscard]] bool wait_until(T old, const std::chrono::time_point<Clock, Duration>& deadline,
                                std::memory_order order = std::memory_order_seq_cst) const {
    return wait_slow(old, order, detail::to_deadline(deadline));
  }
  template <class Rep, class Period>
  [[nodiscard]] bool wait_for(T old, const std::chrono::duration<Rep, Period>& timeout,
                              std::memory_order order = std::memory_order_seq_cst) const {
    return wait_slow(old, order, detail::deadline_after(timeout));
  }
  // Lets those look again who wait: the one who waits longest, or all. Never parks.
  void notify_one() noexcept { detail::notify_at(this, false); }
  void notify_all() noexcept { detail::notify_at(this, true); }

private:
  static bool differs(const detail::awaited& what, std::memory_order order) noexcept {
    const T now = static_cast<const atomic*>(what.address)->load(std::memory_order(order));
    return std::memcmp(&now, what.old, sizeof now) != 0;
  }
  bool wait_slow(const T& old, std::memory_order order, detail::deadline_t deadline) const {
    const detail::awaited what{this, &old, order, differs};
    return detail::wait_at(what, deadline);
  }
};

} // namespace thrum
