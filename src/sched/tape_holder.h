// tape_holder: where the tape lies that is recorded on, if there is one; against those who write on it while it is taken away.
//
// Orderings (recorder.h tells K1 in terms of recording)
//   K1  busy and the tape: who writes sets `busy` and then, behind a light fence, reads `current_`; who takes the tape away clears
//       `current_` and then, behind a heavy fence, waits until nobody is busy. So either the writer finds no tape, or it has written
//       (release store of busy -> acquire load) when the wait ends.
//   K2  current_: release of who puts a tape there -> acquire of who writes: it sees a complete tape.
#pragma once

#include "base/spin_lock.h"

namespace thrum::sched::record {

template <class Tape> class tape_holder {
public:
  // False: another one is there.
  bool put(Tape& t) noexcept {
    Tape* nobody = nullptr;
    return current_.compare_exchange_strong(nobody, &t, std::memory_order_release, // K2
                                            std::memory_order_relaxed);            // relaxed: another's
  }

  // Calls write(tape) if there is one. `busy` is the writer's own.
  template <class Write> void with_tape(base::atomic<bool>& busy, Write write) noexcept {
    busy.store(true, std::memory_order_relaxed); // relaxed: the fence
    base::light_fence();                         // K1
    if (Tape* t = now()) write(*t);
    busy.store(false, std::memory_order_release); // K1
  }

  // To take it away: clear(), let_all_see(), and wait_for() each who may write: afterwards it writes no more on that tape.
  void clear() noexcept { current_.store(nullptr, std::memory_order_relaxed); } // relaxed: the fence
  static void let_all_see() noexcept { base::heavy_fence(); }                   // K1
  static void wait_for(const base::atomic<bool>& busy) noexcept {
    for (unsigned turn = 0; busy.load(std::memory_order_acquire); ++turn) base::back_off(turn); // K1
  }

  // For those who have a lock in common with who clears.
  Tape* now() const noexcept { return current_.load(std::memory_order_acquire); } // K2
  bool any() const noexcept {
    return current_.load(std::memory_order_relaxed) != nullptr; // relaxed: a hint
  }

private:
  base::atomic<Tape*> current_{nullptr};
};

} // namespace thrum::sched::record
