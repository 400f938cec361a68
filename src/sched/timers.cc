// Each processor has a wheel; any worker may fire what is due on it, so timers do not wait for a processor whose holder
// computes. The guard of a wheel is biased like that of a channel: a processor sets and cancels its own timers with plain
// stores.
#include "sched/timers.h"

#include "sched/scheduler.h"

#include <algorithm>

namespace thrum::sched {

namespace {

// Orderings
//   M1  `earliest` is written under the guard. Readers without it use it to decide whether to take the guard or how long to
//       sleep; who goes to sleep on it has I3 of idle.cc.
void publish_earliest(processor& p) noexcept {
  const env::nanoseconds earliest = p.timers.earliest();
  if (p.earliest.load(std::memory_order_relaxed) != earliest)   // relaxed: M1
    p.earliest.store(earliest, std::memory_order_relaxed);      // relaxed: M1
}

} // namespace

wait::lock::held set_timer(worker& w, timer_entry& e) noexcept {
  processor& p = *w.proc;
  const wait::lock::held guard = p.timer_guard.acquire(w);
  e.home = &p;
  p.timers.insert(e);
  publish_earliest(p);
  return guard;
}

bool cancel_timer(const wait::thread_context& me, timer_entry& e) noexcept {
  processor& p = *e.home;
  const wait::lock::held guard = p.timer_guard.acquire(me);
  const bool pending = e.linked;
  if (pending) {
    p.timers.erase(e);
    publish_earliest(p);
  }
  wait::lock::release(guard);
  return pending;
}

bool fire_timers(worker& w, processor& p, env::nanoseconds now) noexcept {
  constexpr std::size_t batch = 64; // under the guard at a time
  bool any = false;
  for (;;) {
    const wait::lock::held guard = p.timer_guard.acquire(w);
    const std::size_t n =
        p.timers.advance(now, batch, [&](timer::entry& e) { static_cast<timer_entry&>(e).fire(w, static_cast<timer_entry&>(e)); });
    publish_earliest(p);
    wait::lock::release(guard);
    any |= n != 0;
    if (n < batch) return any;
  }
}

env::nanoseconds earliest_timer(const runtime_core& core) noexcept {
  env::nanoseconds earliest = env::forever;
  for (unsigned i = 0; i < core.processor_count; ++i)
    earliest = std::min(earliest, core.processors[i]->earliest.load(std::memory_order_relaxed)); // relaxed: M1
  return earliest;
}

} // namespace thrum::sched
