// How the monitor sleeps when nobody is busy, and who wakes it: workers that become busy, threads that end, and whoever wants a dump,
// which may be a signal handler.
//
// Orderings
//   O1  the monitor lies down (monitor_asleep) and then, behind a full fence, looks at idle_count; who takes an idle processor changes
//       idle_count and then reads monitor_asleep, both seq_cst: one of them sees the other. The same between who asks for a dump
//       (wanted, then monitor_asleep) and the monitor (monitor_asleep, then wanted: acquire, so that the dump shows what was done
//       before); and a thread that ends (retired, a fence, then monitor_asleep) and the monitor, which joins it.
//   O3  bells, ringing: who rings counts itself and then reads a bell; a monitor that ends takes its bell away and then waits until
//       nobody rings. Both seq_cst: so no bell leads to a runtime that is gone. (Who is done looks at none any more: release is
//       enough.) A bell that hangs leads to a runtime that is complete.
#pragma once

#include "base/spin_lock.h"
#include "env/env.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace thrum::sched {

// `asleep` is runtime_core::monitor_asleep. A word to sleep on: 1 while the monitor sleeps, or is about to.
inline void lie_down(base::atomic<std::uint32_t>& asleep) noexcept {
  asleep.store(1, std::memory_order_relaxed);    // relaxed: the fence
  base::thread_fence(std::memory_order_seq_cst); // O1
}

// One load if it is awake.
inline void arouse(base::atomic<std::uint32_t>& asleep, env::world& world) noexcept {
  if (__builtin_expect(asleep.load(std::memory_order_seq_cst) == 0, true)) return; // O1
  asleep.store(0, std::memory_order_relaxed);                                      // relaxed: a flag
  world.wake_word(&asleep, 1);
}

// The bells of the monitors, in an array that a signal handler may walk. A monitor for which there is no room is not rung for.
template <class Owner, std::size_t Most> class bells {
public:
  void hang(Owner& mine) noexcept {
    for (auto& bell : bells_) {
      Owner* nobody = nullptr;
      if (bell.compare_exchange_strong(nobody, &mine, std::memory_order_release, // O3
                                       std::memory_order_relaxed))               // relaxed: another's
        return;
    }
  }

  // Afterwards nobody rings there, or will.
  void take_away(Owner& mine) noexcept {
    for (auto& bell : bells_) {
      Owner* expected = &mine;
      if (bell.compare_exchange_strong(expected, nullptr, std::memory_order_seq_cst, // O3
                                       std::memory_order_relaxed))                   // relaxed: another's
        break;
    }
    for (unsigned turn = 0; ringing_.load(std::memory_order_seq_cst) != 0; ++turn) base::back_off(turn); // O3
  }

  // Says that a dump is wanted, and calls ring(owner) for each. Async-signal-safe if that is. False: there was nobody.
  template <class Ring> bool ask_for_a_dump(Ring ring) noexcept {
    wanted_.store(true, std::memory_order_seq_cst);   // O1
    ringing_.fetch_add(1, std::memory_order_seq_cst); // O3
    bool any = false;
    for (auto& bell : bells_)
      if (Owner* owner = bell.load(std::memory_order_seq_cst)) { // O3
        ring(*owner);
        any = true;
      }
    ringing_.fetch_sub(1, std::memory_order_release); // O3: what was done with the owners is over
    return any;
  }

  bool is_dump_wanted() const noexcept {
    return wanted_.load(
        std::memory_order_relaxed); // relaxed: the exchange decides, or a fence lies before it
  }
  // The caller is to write it.
  bool take_request() noexcept {
    return is_dump_wanted() && wanted_.exchange(false, std::memory_order_acquire); // O1
  }

private:
  std::array<base::atomic<Owner*>, Most> bells_{};
  base::atomic<std::uint32_t> ringing_{0};
  base::atomic<bool> wanted_{false};
};

} // namespace thrum::sched
