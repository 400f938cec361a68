// waiter: one alternative that an agent waits for, queued on the primitive that can fulfil it. Lives in the frame of the
// waiting call; never allocated.
//
// A wait, from both sides
//
//   the agent                                     somebody who fulfils it
//   ---------                                     -----------------------
//   take the guards of all its sources            take the guard of one source
//   nothing ready: enqueue a waiter on each       pop the first waiter that claim() grants
//   leave the stack; decided = open               claim: decided open -> first + i
//   release the guards                            move the value, set `outcome`
//   ... sleep ...                                 release the guard; make the agent ready (happens-before its return)
//   read decided; withdraw the other waiters
//   from their sources, under their guards
//
// Invariants
//   W1  a waiter is linked, popped and withdrawn only under the guard of its source.
//   W2  the frame of a wait stays valid until its agent has taken the guard of every source but the decided one; so who
//       holds a guard may use every waiter linked there, also those whose wait is decided already.
//   W3  values move only after a successful claim: an alternative that loses keeps its value.
#pragma once

#include "base/intrusive_list.h"
#include "wait/agent.h"

namespace thrum::wait {

// How the fulfilling side left the operation.
enum class outcome : std::uint8_t { done, closed };

struct waiter : base::list_node<waiter> {
  // The order saves 8 bytes: the first two lie in the padding of the node.
  base::guarded<outcome> how = outcome::done; // written by the claimant before it makes the owner ready
  base::guarded<std::uint32_t> index = 0;     // which alternative of the wait
  base::guarded<claimable*> owner = nullptr;
  base::guarded<void*> slot = nullptr; // where the value comes from or goes to; set by the primitive
};

using waiter_list = base::intrusive_list<waiter>;

// Decides the wait of `who` for its alternative `index`. The caller holds the guard of that one's source. True: the caller must
// fulfil the operation and then make the agent ready, exactly once.
inline bool claim(claimable& who, std::uint32_t index) noexcept {
  auto& decided = who.decided;
  std::uint32_t now = decided.load(std::memory_order_relaxed); // relaxed: the compare-exchange decides
  return decision::is_pending(now) &&
         decided.compare_exchange_strong(
             now, decision::first + index,
             std::memory_order_relaxed,  // relaxed: the guard orders everything else
             std::memory_order_relaxed); // relaxed: lost, nothing is read
}

inline bool claim(waiter& w) noexcept { return claim(*w.owner, w.index); }

// Takes waiters off the front until one can be claimed; null if there is none.
inline waiter* pop_claimed(waiter_list& waiters) noexcept {
  while (waiter* w = waiters.pop_front())
    if (claim(*w)) return w;
  return nullptr;
}

} // namespace thrum::wait
