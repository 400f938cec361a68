// lock: the guard of a primitive (a channel, a mutex's queue, a join): held for some tens of nanoseconds, never across a
// park by mistake, only on purpose: who parks releases the guard after leaving its stack.
//
// Biased locks
//
// An uncontended lock costs one atomic read-modify-write, 5 to 8 ns, and two of them are more than half of what an item
// costs on its way through a channel. But most primitives are used by one thread for long stretches: fibers that talk to
// each other gather on one processor. So a lock that the same thread took many times in a row is *biased* to that thread,
// which from then on enters with plain loads and stores. Any other thread that wants in revokes the bias first, with an
// asymmetric fence (base/atomic.h).
//
//   owner of the bias                     another thread
//   -----------------                     --------------
//   inside = 1                            take word_ (keeps other revokers out)
//   light fence                  // L1    bias = none
//   bias still mine? yes: entered         heavy fence                  // L1
//        no: inside = 0, take word_       wait until inside == 0       // L2
//   ... section ...                       ... section ...
//   inside = 0                   // L2
//
// By the fence, either the owner sees that its bias is gone or the revoker sees the owner inside.
//
// States of bias_: 0; candidate (a thread that took the lock lately; only counts); thread | grant | biased.
//
// Invariants
//   B1  bias_ changes only under word_. Only the thread it names makes itself the owner.
//   B2  each grant has an `inside` flag of its own, used by one thread ever. A thread that was descheduled between
//       reading the bias and raising its flag may raise and lower it long after the revocation; it disturbs nobody.
//   B3  so there are at most `grants` grants in the life of a lock. Each needs eight times the streak of the one before, so
//       revocations (0.3 to 14 us) stay rare against the operations that they made cheaper.
//
// Orderings
//   L1  light fence (owner) <-> heavy fence (revoker): the Dekker argument above.
//   L2  inside: owner's release store -> revoker's acquire load: the revoker sees the owner's section. That includes the 0 of an
//       owner that finds its bias gone: the revoker may read it instead of the 0 that ended the section before.
//   L3  word_: release store -> acquire exchange: sections under word_ are ordered; the section that granted the bias held
//       word_, so the owner has seen everything before it.
// Under the thread sanitizer no bias is granted: it does not know membarrier.
//
// Progress   a thread waits for the holder, and at revocation for the owner to leave its section.
// Rejected   a permanent bias to the first thread (as old JVMs did): producer and consumer on two processors are common.
// Checked    lock_explore.cc: two owners of grants and a third thread, both fences.
#pragma once

#include "base/atomic.h"
#include "base/sanitizer.h"
#include "base/spin_lock.h"
#include "wait/thread_context.h"

#include <cstdint>

namespace thrum::wait {

class lock {
public:
  // What release() clears. Who parks hands it to the scheduler instead.
  using held = base::atomic<std::uint8_t>*;

  lock() = default;
  lock(const lock&) = delete;
  lock& operator=(const lock&) = delete;

  // `me` is the calling thread's context.
  [[gnu::always_inline]] held acquire(const thread_context& me) noexcept {
    const std::uintptr_t bias =
        bias_.load(std::memory_order_relaxed); // relaxed: checked again behind the fence
    if ((bias & ~grant_mask) == (identity(me) | biased)) {
      held inside = &inside_[(bias & grant_mask) >> grant_shift];
      inside->store(1, std::memory_order_relaxed); // relaxed: the fence orders it
      base::light_fence();                         // L1
      if (__builtin_expect(bias_.load(std::memory_order_relaxed) == bias, true)) return inside; // relaxed: L1
      inside->store(0, std::memory_order_release); // L2: nothing was done inside, but in the section before
    }
    return acquire_word(me);
  }

  // For a lock that is taken a few times in its life: does not count, so it gives nobody a bias.
  [[gnu::always_inline]] held acquire_seldom(const thread_context& me) noexcept {
    if (__builtin_expect(word_.exchange(1, std::memory_order_acquire) != 0, false)) wait_for_word(me); // L3
    const std::uintptr_t bias = bias_.load(std::memory_order_relaxed); // relaxed: guarded by word_
    if (__builtin_expect((bias & biased) != 0, false)) revoke(bias);
    return &word_;
  }

  static void release(held what) noexcept { what->store(0, std::memory_order_release); } // L2, L3

  // For who has seen, by another way, that the object is finished and wants to free it: returns when the last holder has
  // left. Takes nothing.
  void wait_until_free() const noexcept {
    for (unsigned turn = 0; busy(); ++turn) base::back_off(turn);
  }

  // For tests: who owns the bias, or 0.
  std::uintptr_t bias_for_test() const noexcept {
    const std::uintptr_t bias = bias_.load(std::memory_order_relaxed); // relaxed: a snapshot
    return (bias & biased) ? bias & ~(grant_mask | biased) : 0;
  }

private:
  static constexpr std::uintptr_t biased = 1;
  static constexpr unsigned grant_shift = 1;
  static constexpr unsigned grants = 4;
  static constexpr std::uintptr_t grant_mask = (grants - 1) << grant_shift;
#if defined(THRUM_EXPLORE)
  static constexpr std::uint16_t first_streak = 1; // small models must reach the bias
  static constexpr unsigned streak_growth = 0;
#else
  // A revocation costs as much as about 1,000 saved read-modify-writes (10 us against 8 ns, two CPUs, November 2026).
  static constexpr std::uint16_t first_streak = 100;
  static constexpr unsigned streak_growth = 3;
#endif

  static std::uintptr_t identity(const thread_context& me) noexcept {
    return reinterpret_cast<std::uintptr_t>(&me);
  }

  [[gnu::noinline]] held acquire_word(const thread_context& context) noexcept {
    if (__builtin_expect(context.is_simulated, false)) return acquire_meddled(context);
    if (__builtin_expect(word_.exchange(1, std::memory_order_acquire) != 0, false)) // L3
      wait_for_word(context);
    const std::uintptr_t me = identity(context);
    const std::uintptr_t bias = bias_.load(std::memory_order_relaxed); // relaxed: guarded by word_
    if (bias & biased) {
      revoke(bias);
    } else if (bias != me) {
      bias_.store(me, std::memory_order_relaxed); // relaxed: guarded by word_; a new candidate
      streak_ = 0;
    } else if (++streak_ >= (first_streak << (streak_growth * granted_)) && granted_ < grants &&
               bias_pays()) {
      bias_.store(me | biased | std::uintptr_t{granted_} << grant_shift,
                  std::memory_order_relaxed); // relaxed: B1
      ++granted_;
      streak_ = 0;
    }
    return &word_;
  }

  // In a simulation: never biased, so every acquire comes by here.
  [[gnu::cold, gnu::noinline]] held acquire_meddled(const thread_context& me) noexcept {
    meddle(me, meddling::about_to_act);
    if (word_.exchange(1, std::memory_order_acquire) != 0) wait_for_word(me); // L3
    const std::uintptr_t bias = bias_.load(std::memory_order_relaxed);        // relaxed: guarded by word_
    if ((bias & biased) != 0) revoke(bias);
    return &word_;
  }

  [[gnu::noinline]] void wait_for_word(const thread_context& me) noexcept {
    if (me.is_simulated) { // whoever has it waits for this very thread
      do meddle(me, meddling::guard_is_taken);
      while (word_.exchange(1, std::memory_order_acquire) != 0); // L3
      return;
    }
    ++me.collisions;
    unsigned turn = 0;
    do {
      while (word_.load(std::memory_order_relaxed) != 0)
        base::back_off(turn++); // relaxed: the exchange decides
    } while (word_.exchange(1, std::memory_order_acquire) != 0); // L3
  }

  [[gnu::noinline]] void revoke(std::uintptr_t bias) noexcept {
    bias_.store(0, std::memory_order_relaxed); // relaxed: the fence orders it
    base::heavy_fence();                       // L1
    const auto& inside = inside_[(bias & grant_mask) >> grant_shift];
    for (unsigned turn = 0; inside.load(std::memory_order_acquire) != 0; ++turn) base::back_off(turn); // L2
    streak_ = 0;
  }

  bool busy() const noexcept {
    if (word_.load(std::memory_order_acquire) != 0) return true; // L3
    for (const auto& inside : inside_)
      if (inside.load(std::memory_order_acquire) != 0) return true; // L2
    return false;
  }

  static bool bias_pays() noexcept {
#if defined(THRUM_EXPLORE)
    return true;
#else
    return !THRUM_TSAN &&
           base::asymmetric_fences.load(std::memory_order_relaxed); // relaxed: either answer is correct
#endif
  }

  base::atomic<std::uintptr_t> bias_{0};
  base::atomic<std::uint8_t> word_{0};
  base::atomic<std::uint8_t> inside_[grants] = {};
  base::guarded<std::uint8_t> granted_ = 0; // guarded by word_
  base::guarded<std::uint16_t> streak_ = 0; // guarded by word_
};

} // namespace thrum::wait
