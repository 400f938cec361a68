// region_counts: which regions of RCU are open, so that somebody can wait until all that are open now have been closed.
//
// The problem: a reader of RCU may park within its region and go on on another thread, so "every thread has passed through a switch
// once" says nothing here, and neither does a list of threads that read. And regions are opened and closed far more often than
// anybody waits for them; they must not write to a cache line that other processors write to.
//
// Ways rejected: one count (its line goes from processor to processor); an epoch in each fiber (who waits would look at a million
// fibers); quiescent states noted at each switch of fibers (every switch would pay, and a parked reader could not be told from a
// parked bystander).
//
// The way taken is that of sleepable RCU in Linux. Each thread counts in a place of its own: how many regions were opened
// here, and how many were closed here. It may be another thread that closes one; so a place alone says nothing, and only the sums
// over all places do. And everything is there twice, for two phases: a region is opened in the present phase and
// closed in the same one. While somebody waits for the old phase, new regions are counted in the other; so the old one
// becomes empty, however many readers come.
//
//   a reader                                 who waits, a *period*
//   --------                                 ---------------------
//   phase = word & 1                         word: one period more        // R2
//   opened[phase] += 1                       heavy fence                  // R1
//   light fence                  // R1       wait until the other phase is empty: stragglers, who had read `word` long ago
//   load word                    // R2       word: the other phase is the present one now
//   ... reads ...                            wait until the one before is empty
//   closed[phase] += 1           // R3
//   light fence                  // R4       To wait:  awaited = phase
//   awaited == phase? tell                             heavy fence        // R4
//                                                      still not empty? sleep until told
//
// Empty means: first the sum of all `closed`, then that of all `opened`, and they are equal. Whoever sees a close sees the
// opening that belongs to it (R3), so no close is counted without its opening; if the sums are equal, each opening that was counted has
// its close counted, too.
//
// Invariants
//   I1  A period ends only when each region has been closed that was opened before the period began (before its heavy fence, by
//       R1): whichever phase that region is in, that phase was seen empty after the fence.
//   I2  A region that was opened later sees everything that was done before the period began (R1, R2). So it cannot
//       find what had been taken out before.
//   I3  A slot below own_slots is written by one thread at a time, so its counts need no read-modify-write. Who has the slot next has
//       seen what was written there: slots change hands under a lock (wait/guest.cc).
//   I4  Counts only grow, in 64 bits.
//   I5  begin() and go_on() are called by one at a time, under a guard.
//
// Orderings
//   R1  light fence (reader) <-> heavy fence (period): either the sums have the opening, or the reader sees what was done before the
//       period. The end of the own slots (wait/guest.cc) is written before a slot is used, and read after the heavy fence.
//   R2  word_: release store of begin() or of the change of phases -> acquire load behind the light fence: a reader who is too late
//       to be waited for sees that the period has begun, and all before it.
//   R3  closed: release store or addition -> acquire load of the sum: what was done in a region, and its opening, are seen.
//   R4  light fence (reader) <-> heavy fence (period): either the sums have the close, or the reader sees that it is awaited.
//
// Progress   opening and closing take a fixed number of steps. A period takes as long as the longest region that was open when it
//            began, or was opened by a straggler.
// Source     SRCU, McKenney 2006 and later; the pair of fences as userspace RCU has it.
// Checked    region_counts_explore.cc.
#pragma once

#include "base/atomic.h"
#include "base/cache_line.h"
#include "base/check.h"
#include "wait/thread_context.h"

#include <cstdint>

namespace thrum::sync {

class region_counts {
public:
  constexpr region_counts() = default;

  // ---- readers. `slot` is that of the calling thread.
  // Opens a region. The answer is for its leave().
  [[gnu::always_inline]] std::uint32_t enter(std::uint32_t slot) noexcept {
    const auto phase =
        static_cast<std::uint32_t>(word_.load(std::memory_order_relaxed) & 1); // relaxed: either is right
    auto& opened = places_[slot].opened[phase];
    if (__builtin_expect(slot < wait::own_slots, true))
      opened.store(opened.load(std::memory_order_relaxed) + 1, // relaxed: its own (I3)
                   std::memory_order_relaxed);                 // relaxed: R1
    else
      opened.fetch_add(1, std::memory_order_relaxed);         // relaxed: R1
    base::light_fence();                                      // R1
    static_cast<void>(word_.load(std::memory_order_acquire)); // R2
    return phase;
  }

  // Closes it; perhaps on another thread. True: somebody may wait for this, and is to be told (go_on).
  [[nodiscard]] [[gnu::always_inline]] bool leave(std::uint32_t slot, std::uint32_t phase) noexcept {
    auto& closed = places_[slot].closed[phase];
    if (__builtin_expect(slot < wait::own_slots, true))
      closed.store(closed.load(std::memory_order_relaxed) + 1, // relaxed: its own (I3)
                   std::memory_order_release);                 // R3
    else
      closed.fetch_add(1, std::memory_order_release);                       // R3
    base::light_fence();                                                    // R4
    return awaited_.load(std::memory_order_relaxed) == first_phase + phase; // relaxed: R4
  }

  // ---- who waits; under a guard (I5)
  // Begins a period. Requires: none is under way.
  void begin() noexcept {
    THRUM_DCHECK(stage_ == stage::none);
    const std::uint64_t now = word_.load(std::memory_order_relaxed); // relaxed: guarded
    word_.store(now + 2, std::memory_order_release);                 // R2
    stage_ = stage::stragglers;
    base::heavy_fence(); // R1
  }

  // True: the period is over. Otherwise it is to be called again when leave() has said so.
  [[nodiscard]] bool go_on() noexcept {
    if (stage_ == stage::none) return false;
    const std::uint64_t now = word_.load(std::memory_order_relaxed); // relaxed: guarded
    if (stage_ == stage::stragglers) {
      const auto other = static_cast<std::uint32_t>(~now & 1);
      if (!has_emptied(other)) return false;
      word_.store(now ^ 1, std::memory_order_release); // R2
      stage_ = stage::readers;
      return go_on_with(other ^ 1);
    }
    return go_on_with(static_cast<std::uint32_t>(~now & 1));
  }

  // For misuse: a region is open.
  [[nodiscard]] bool is_any_open() const noexcept { return !is_empty(0) || !is_empty(1); }

private:
  static constexpr std::uint32_t first_phase = 1; // in awaited_, where 0 is nobody

  enum class stage : std::uint8_t { none, stragglers, readers };

  struct alignas(base::destructive_interference) place {
    base::atomic<std::uint64_t> opened[2];
    base::atomic<std::uint64_t> closed[2];
  };

  bool go_on_with(std::uint32_t before) noexcept {
    if (!has_emptied(before)) return false;
    stage_ = stage::none;
    return true;
  }

  // Empty; or else whoever closes the last region of this phase is going to say so.
  bool has_emptied(std::uint32_t phase) noexcept {
    if (!is_empty(phase)) {
      if (awaited_.load(std::memory_order_relaxed) == first_phase + phase) return false; // relaxed: guarded
      awaited_.store(first_phase + phase, std::memory_order_relaxed);                    // relaxed: R4
      base::heavy_fence();                                                               // R4
      if (!is_empty(phase)) return false;
    }
    awaited_.store(0, std::memory_order_relaxed); // relaxed: a reader who comes in vain does no harm
    return true;
  }

  bool is_empty(std::uint32_t phase) const noexcept {
    std::uint64_t closed = 0;
    for (std::uint32_t i = 0, end = end_of_slots(); i < end; ++i)
      closed += places_[i].closed[phase].load(std::memory_order_acquire); // R3
    for (std::uint32_t i = wait::own_slots; i < wait::all_slots; ++i)
      closed += places_[i].closed[phase].load(std::memory_order_acquire); // R3
    std::uint64_t opened = 0;
    for (std::uint32_t i = 0, end = end_of_slots(); i < end;
         ++i) // again: where those were opened whose close was seen
      opened += places_[i].opened[phase].load(std::memory_order_relaxed); // relaxed: R1, R3
    for (std::uint32_t i = wait::own_slots; i < wait::all_slots; ++i)
      opened += places_[i].opened[phase].load(std::memory_order_relaxed); // relaxed: R1, R3
    return opened == closed;
  }

  static std::uint32_t end_of_slots() noexcept {
#if defined(THRUM_EXPLORE)
    return wait::own_slots;
#else
    return wait::registry::end_of_own_slots();
#endif
  }

  // Read by all, written by periods.
  alignas(base::destructive_interference) base::atomic<std::uint64_t> word_{0}; // 2 * periods begun + phase
  base::atomic<std::uint32_t> awaited_{0};
  stage stage_ = stage::none; // guarded
  place places_[wait::all_slots];
};

} // namespace thrum::sync
