// mailbox_flag: who may use the memory beside it, which one writes and one reads, in two processes.
//
// The reader watches for a while. Only while it does, the writer may leave something, and the flag is raised then; otherwise the writer
// takes another way. So nothing is ever left where nobody looks: a reader that ceases to watch learns in the same step whether something
// came before. Neither waits for the other, and neither can keep the other from going on, even if its process dies at any point.
//
//   idle ──watch()──> watched ──raise()──> raised ──lower()──> idle
//     ^───cease()────────┘
//
// raise() is the writer's; all others are the reader's.
//
// Invariants
//   The memory is the writer's from the moment it has seen `watched` until it raises the flag: nobody else can raise it, and the reader
//   does not look before it is raised. (If the reader ceases and watches again meanwhile, that changes nothing.)
//   The memory is the reader's from the moment it has seen `raised` until it lowers the flag.
//
// Orderings
//   M1  watch's release store -> is_watched's acquire load: the writer's bytes come after the reader has read those before.
//   M2  raise's release -> is_raised's and cease's acquire: the reader sees what was written.
#pragma once

#include "base/atomic.h"

#include <cstdint>

namespace thrum::pool {

class mailbox_flag {
public:
  // ---- the writer's
  bool is_watched() const noexcept { return word_.load(std::memory_order_acquire) == watched; } // M1
  // Requires: is_watched() said so since the last time. False: the reader has ceased to watch, and what was written does not count.
  bool raise() noexcept {
    std::uint32_t seen = watched;
    return word_.compare_exchange_strong(seen, raised, std::memory_order_release, // M2
                                         std::memory_order_relaxed);              // relaxed: not raised
  }

  // ---- the reader's
  void watch() noexcept { word_.store(watched, std::memory_order_release); }                  // M1
  bool is_raised() const noexcept { return word_.load(std::memory_order_acquire) == raised; } // M2
  // Requires: it watches. False: the flag was raised before.
  bool cease() noexcept {
    std::uint32_t seen = watched;
    return word_.compare_exchange_strong(seen, idle,
                                         std::memory_order_relaxed,  // relaxed: tells the writer nothing
                                         std::memory_order_acquire); // M2
  }
  void lower() noexcept { word_.store(idle, std::memory_order_relaxed); } // relaxed: watch() tells the writer

private:
  static constexpr std::uint32_t idle = 0, watched = 1, raised = 2;
  base::atomic<std::uint32_t> word_{idle};
};

} // namespace thrum::pool
