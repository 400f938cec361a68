// The search of a processor that has nothing of its own: timers, the global queue, the poller, and what other processors
// offer. Here a fiber is stolen: steal().
#include "sched/handoff.h"
#include "sched/scheduler.h"

namespace thrum::sched {

namespace {

using detail::runnable;

// Takes half of what some other processor offers (the older half), beginning with a random victim.
runnable* steal(worker& w) noexcept {
  runtime_core& core = w.runtime;
  processor& mine = *w.proc;
  const unsigned n = core.count_made();
  const auto first = static_cast<unsigned>(mine.random() % n);
  for (unsigned i = 0; i < n; ++i) {
    processor& victim = *core.processors[(first + i) % n];
    if (&victim == &mine) continue;
    if (runnable* r = mine.shared.steal_half(victim.shared)) return r;
  }
  return nullptr;
}

bool has_private_work(const processor& p) noexcept { return !p.ready.empty() || !p.fresh.empty(); }

} // namespace

bool fire_due_timers(worker& w, env::nanoseconds now, env::nanoseconds tolerance) noexcept {
  runtime_core& core = w.runtime;
  bool any = false;
  const unsigned n = core.count_made();
  for (unsigned i = 0; i < n; ++i) {
    processor& p = *core.processors[i];
    // A holder fires its own soon, or loses the processor (monitor.cc).
    const bool idle = p.holder.load(std::memory_order_relaxed) == nullptr; // relaxed: a hint
    const env::nanoseconds allowed = &p == w.proc || idle ? 0 : tolerance;
    // relaxed: a hint; the guard decides
    if (p.earliest.load(std::memory_order_relaxed) <= now - allowed) any |= fire_timers(w, p, now);
  }
  return any;
}

bool take_global(worker& w) noexcept {
  runtime_core& core = w.runtime;
  const unsigned size = core.global.size();
  if (size == 0) return false;
  constexpr unsigned most = 128;
  unsigned fair = size / core.parallelism() + 1;
  if (fair > most) fair = most;
  // Tasks go where the newest is taken first: in reverse, so that they begin in the order in which they came.
  runnable* tasks = nullptr;
  bool any = false;
  for (runnable *r = core.global.pop(fair), *next; r != nullptr; r = next) {
    next = r->link;
    any = true;
    if (r->is_task()) {
      r->link = tasks;
      tasks = r;
    } else {
      push_ready(w, static_cast<fiber&>(*r));
    }
  }
  for (runnable* next; tasks != nullptr; tasks = next) {
    next = tasks->link;
    auto& t = static_cast<detail::task&>(*tasks);
    if (!w.proc->fresh.push_back(&t)) core.global.push_front_level(t);
  }
  return any;
}

runnable* find_work(worker& w) noexcept {
  runtime_core& core = w.runtime;
  for (;;) {
    if (is_detached(w)) {
      leave_limbo(w);
      if (w.pinned != nullptr) return wait_for_pinned(w);
      if (processor* p = try_take_processor(core))
        hold(w, *p);
      else if (!sleep_until_needed(w))
        return nullptr;
      continue;
    }
    if (w.passes_on) {
      pass_on(w);
      if (!sleep_until_needed(w)) return nullptr;
      continue;
    }
    if (w.searching && has_private_work(*w.proc)) look_on_arrival(w);
    if (runnable* r = pick(w)) return r;
    if (core.stopping.load(std::memory_order_acquire)) return nullptr; // R1 (runtime.cc)
    if (earliest_timer(core) != env::forever && fire_due_timers(w, core.world.now(), 0)) continue;
    if (take_global(w)) continue;
    // With one processor there is nothing to look for elsewhere afterwards: the poller is asked once, where the worker sleeps.
    const bool sleeps_there =
        core.parallelism() == 1 && core.polling.load(std::memory_order_relaxed) == 0;      // relaxed: a hint
    if (!sleeps_there && core.watched.load(std::memory_order_relaxed) != 0 && poll_now(w)) // relaxed: a hint
      continue;
    // At most half of the busy workers search at a time; the others would only get in each other's way. One that was
    // always alone has nobody to take from.
    const unsigned busy = core.active.load(std::memory_order_relaxed) -    // relaxed: a hint
                          core.idle_count.load(std::memory_order_relaxed); // relaxed: a hint
    if (core.count_made() > 1 &&
        (w.searching || 2 * core.searching.load(std::memory_order_relaxed) < busy)) { // relaxed: a hint
      if (!w.searching) {
        w.searching = true;
        core.searching.fetch_add(1, std::memory_order_seq_cst); // I1 (idle.cc)
      }
      const env::nanoseconds give_up = core.world.now() + (core.parallelism() == 1 ? 0 : core.spin_limit);
      do {
        if (runnable* r = steal(w)) return r;
        if (!core.global.empty()) break;
        for (int i = 0; i < 20; ++i) base::relax();
      } while (core.world.now() < give_up);
      if (!core.global.empty()) continue;
    }
    if (!sleep_until_needed(w)) return nullptr;
  }
}

} // namespace thrum::sched
