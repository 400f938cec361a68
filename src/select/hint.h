// hint: what is ready at a source, for readers without its guard: the low two bits say what, the rest is a version that
// changes whenever they do. Written under the guard.
//
// Two readings of several hints that agree prove that at the moment between the readings every source was as read: versions
// only grow, so an unchanged word was unchanged all the time.
//
// Orderings
//   H1  update's release store -> load's acquire: who sees a source not ready any more also sees what the same thread had made
//       ready before. Without it, "A is drained after B was filled" could look as if neither was ever ready.
#pragma once

#include "base/atomic.h"

#include <cstdint>

namespace thrum::select {

inline constexpr std::uint32_t hint_mask = 3;

// The guard is held. For a hint that stands in a public header, as a mere word.
[[gnu::always_inline]] inline void update_hint(base::atomic<std::uint32_t>& word,
                                               std::uint32_t bits) noexcept {
  const std::uint32_t now =
      word.load(std::memory_order_relaxed); // relaxed: only the holder of the guard writes
  if ((now & hint_mask) != bits) word.store(((now | hint_mask) + 1) | bits, std::memory_order_release); // H1
}

class hint {
public:
  std::uint32_t load() const noexcept { return word_.load(std::memory_order_acquire); } // H1

  // The guard is held.
  [[gnu::always_inline]] void update(std::uint32_t bits) noexcept { update_hint(word_, bits); }

  static constexpr std::uint32_t mask = hint_mask;

private:
  base::atomic<std::uint32_t> word_{0}; // nothing else: detail/select_case.h reads it
};

} // namespace thrum::select
