// signal_seat: where a handler leaves signals for whoever waits for them. The handler may interrupt anything, so it takes no
// lock and waits for nobody: it sets a bit, and rings (writes to an eventfd that the one who waits is woken by).
//
// Three may meet: handlers (several threads, several signals), one taker, and the end of the seat. What has to hold:
//
//   no signal is lost   Whoever sets a bit that was clear rings afterwards. Whoever takes a bit silences the bell, looks again,
//                       and rings itself if there is more: so it rings, or is about to, whenever a bit is set. A bit
//                       that was set already is a signal of the same number that nobody has taken: the two are one.
//   no bell too late    After stop() no handler touches the bell, so its descriptor may be closed: a number that is closed is
//                       given to another file at once. Handlers say that they are inside before they look whether they
//                       are wanted; stop() says that nobody is before it looks whether someone is inside. One of them sees.
//
// Orderings
//   G1  inside += 1, then wanted is read; wanted = 0, then inside is read: all of them sequentially consistent, so that not both
//       can miss the other's.
//   G2  the handler's release -> the taker's acquire on the bits: the taker sees what the handler's thread did before.
//   G3  the handler's release of inside -> stop()'s acquire: what the handler did with the bell is over.
//   G5  start()'s release -> the handler's acquire of wanted: it sees the bell.
// Between the bell and the look behind it the kernel orders: who silences a bell has been rung by someone whose bit is set.
#pragma once

#include "base/atomic.h"
#include "base/spin_lock.h"

#include <bit>
#include <cstdint>

namespace thrum::env {

// Of signals 1 to 64.
constexpr std::uint64_t signal_bit(int number) noexcept { return std::uint64_t{1} << (number - 1); }

struct signal_seat {
  base::atomic<std::uint64_t> wanted{0};  // what handlers leave here
  base::atomic<std::uint64_t> pending{0}; // what they have left
  base::atomic<std::uint32_t> inside{0};  // handlers that are at it
  base::guarded<int> bell = -1;           // constant while wanted is not 0, and until stop() has returned

  // Requires: stopped, nothing pending.
  void start(std::uint64_t numbers) noexcept { wanted.store(numbers, std::memory_order_release); } // G5

  // By a handler. Async-signal-safe if ring(bell) is.
  template <class Ring> void leave(int number, Ring ring) noexcept {
    const std::uint64_t bit = signal_bit(number);
    inside.fetch_add(1, std::memory_order_seq_cst);                      // G1
    if ((wanted.load(std::memory_order_seq_cst) & bit) != 0 &&           // G1, G5
        (pending.fetch_or(bit, std::memory_order_release) & bit) == 0) { // G2
      ring(int{bell});
    }
    inside.fetch_sub(1, std::memory_order_release); // G3
  }

  // By one at a time. The lowest number that is pending, or 0. silence(bell) makes it as if it had not rung.
  template <class Ring, class Silence> int take(Ring ring, Silence silence) noexcept {
    std::uint64_t bits = pending.load(std::memory_order_relaxed); // relaxed: the exchange below orders
    if (bits == 0) silence(int{bell});
    bits = pending.load(std::memory_order_relaxed); // relaxed: as above
    if (bits == 0) return 0;
    const int number = 1 + std::countr_zero(bits);
    pending.fetch_and(~signal_bit(number), std::memory_order_acquire); // G2
    silence(int{bell});
    if (pending.load(std::memory_order_relaxed) != 0) ring(int{bell}); // relaxed: the bell has ordered it
    return number;
  }

  // Handlers leave nothing any more when this returns. May be called again.
  void stop() noexcept {
    wanted.store(0, std::memory_order_seq_cst); // G1
    for (unsigned turn = 0; inside.load(std::memory_order_seq_cst) != 0; ++turn)
      base::back_off(turn); // G1, G3
  }
};

} // namespace thrum::env
