// Giving work away: when does it pay to wake another CPU?
//
// Waking a thread costs the waker 5 to 12 us and the woken one as much again; a fiber that runs for 100 ns is done long
// before. Go wakes at every chance and keeps a spinning thread so that it is not always necessary; on two CPUs the spinner
// takes its CPU from the fibers themselves. Here the waker estimates how long its backlog would wait: its length times the
// mean time between dispatches, which every 61st dispatch measures anyway. Below `wake_cost` it keeps the work.
//
// A new processor believes that dispatches take long, so the first fibers of a program spread at once; a program of tiny
// fibers teaches it otherwise within 61 dispatches. A wrong guess is bounded from above: a holder that computes on while
// work waits loses its processor to the monitor (handoff.cc). And fibers that would fight for a guard are kept (company.h).
#include "sched/handoff.h"
#include "sched/scheduler.h"

namespace thrum::sched {

namespace {
// Both sides of a cross-CPU wake (measured: 9 us a futex round trip on Sapphire Rapids, 14 us on Zen 5; November 2026).
constexpr env::nanoseconds wake_cost = 20'000;
} // namespace

void share(worker& w) noexcept {
  processor& p = *w.proc;
  if (is_detached(w)) return; // it all goes to the global queue
  const std::uint32_t queued = p.ready.size() + p.fresh.size();
  const std::uint32_t backlog = queued + (p.next != nullptr ? 1 : 0);
  if (backlog * p.mean_run < wake_cost || !p.others.pays(p.mean_run)) return;
  // Offers the older half: what has waited longest, and what a depth-first order would reach last.
  std::uint32_t offer = queued == 0 ? 0 : (queued + 1) / 2;
  std::uint32_t offered = 0;
  while (offered < offer && !p.fresh.empty() && p.shared.try_push(p.fresh.peek(0))) {
    p.fresh.pop_front();
    ++offered;
  }
  while (offered < offer && !p.ready.empty() && p.shared.try_push(p.ready.peek(0))) {
    p.ready.pop_front();
    ++offered;
  }
  if (queued == 0 && p.next != nullptr && p.shared.try_push(p.next)) { // the only one, and it would wait long
    p.next = nullptr;
    ++offered;
  }
  if (offered != 0 || p.shared.size_hint() != 0) {
    base::thread_fence(std::memory_order_seq_cst); // I1 (idle.cc): the offer, then the look at who searches
    wake_another(w.runtime);
  }
}

} // namespace thrum::sched
