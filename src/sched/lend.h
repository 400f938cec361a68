// Lending: the stack of a parked fiber is lent for some microseconds to who takes away the pages that it does not need any more
// (deep.cc).
//
// The problem: a fiber that waits may be made ready and run at any instant, and then the pages below its frames are in use again. Who
// takes them away must be alone with the stack. But a switch may not become slower for it: no flag to look at, no atomic operation.
//
// The way taken: who picks a runnable from a queue asks what it is anyway: a fiber, a task, or something special (special.cc). So the
// lender makes the fiber something else, `lent_fiber`, and then asks whether it still waits. If it does, whoever makes it go on from
// now on sees that it is lent, in the slow path, and waits until it is given back. If not, it was too late, and gives it back at once.
//
//   the lender                                who makes the fiber go on
//   ----------                                -------------------------
//   what: fiber -> lent_fiber                 decided: pending -> decided (wait/waiter.h)
//   heavy fence               // G1           light half              // G1
//   decided pending, and still lent?          what == lent_fiber?
//     -> the stack is the lender's               -> wait until it is not
//   what: lent_fiber -> fiber // G2           the stack is the fiber's
//
// Ways rejected: to claim the wait itself, which a waker would then find decided (it is the hottest word that there is); a flag in the
// control block; MADV_FREE without asking (what the fiber writes just before it would be lost).
//
// Invariants
//   G0  the lender is one thread, and lends one fiber at a time. `what` is changed by the fiber itself while it runs (to special_fiber,
//       and back: special.cc, strand.cc); by the lender only from fiber to lent_fiber and back, by compare-exchange, so it never
//       undoes the other. A control block that is made anew in the same place is a `fiber`, so a lender that finds its mark still there
//       has not marked another fiber, one that ended.
//
// Orderings
//   G1  the two fences above. The light half is for the compiler alone, so nothing is lent where the heavy half is no barrier for
//       other threads (can_lend). It may be passed on: who picks the fiber has it from who decided, through a queue.
//   G2  given back: release -> acquire of who goes on with the fiber: the lender has left the stack.
#pragma once

#include "base/spin_lock.h"
#include "wait/agent.h"

#include <thrum/detail/task.h>

namespace thrum::sched {

using runnable_kind = detail::runnable::kind;

// `What` and `Decided` are the words of a fiber; of others in models.
template <class What> void give_back(What& what) noexcept {
  auto expected = runnable_kind::lent_fiber;
  what.compare_exchange_strong(expected, runnable_kind::fiber, std::memory_order_release, // G2
                               std::memory_order_relaxed); // relaxed: it was not ours, or is no longer
}

// True: the stack is the caller's until give_back().
template <class What, class Decided> bool lend(What& what, const Decided& decided) noexcept {
  auto expected = runnable_kind::fiber;
  if (!what.compare_exchange_strong(expected, runnable_kind::lent_fiber,
                                    std::memory_order_relaxed,  // relaxed: the fence
                                    std::memory_order_relaxed)) // relaxed: it is special
    return false;
  base::heavy_fence();                                                       // G1
  if (wait::decision::is_pending(decided.load(std::memory_order_acquire)) && // P1 (stop.cc)
      what.load(std::memory_order_relaxed) == runnable_kind::lent_fiber) // relaxed: behind the acquire above
    return true;
  give_back(what);
  return false;
}

// What somebody has picked who will go on with it.
template <class What> [[gnu::always_inline]] inline runnable_kind kind_of(const What& what) noexcept {
#if defined(THRUM_EXPLORE)
  base::light_fence(); // G1
#else
  std::atomic_signal_fence(std::memory_order_seq_cst);
#endif
  return what.load(std::memory_order_acquire); // G2
}

// Until it is not lent any more. Microseconds, and hardly ever.
template <class What> void wait_until_given_back(const What& what) noexcept {
  for (unsigned turn = 0; what.load(std::memory_order_acquire) == runnable_kind::lent_fiber; ++turn) // G2
    base::back_off(turn);
}

// Are fences asymmetric here?
inline bool can_lend() noexcept {
#if defined(THRUM_EXPLORE)
  return true;
#else
  return base::asymmetric_fences.load(std::memory_order_relaxed); // relaxed: it becomes true once
#endif
}

} // namespace thrum::sched
