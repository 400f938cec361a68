// The order in which a processor runs what it has; processor.h explains the queues.
#include "sched/handoff.h"
#include "sched/scheduler.h"
#include "sched/simulation.h"

#include <algorithm>
#include <utility>

namespace thrum::sched {

namespace {

using detail::runnable;
using detail::task;

// Fibers that were parked for long have cold control blocks and stacks. Both are fetched while others still run: at 100,000
// fibers this makes a switch three to four times as fast. Of a stack the frames of the wait and of who called it: so many
// lines that a server's fiber, which waits in a read, goes on without a miss.
void prefetch_ahead(const processor& p) noexcept {
  if (const fiber* soon = p.ready.peek(3)) {
    __builtin_prefetch(soon);
    __builtin_prefetch(reinterpret_cast<const char*>(soon) + 64);
  }
  if (const fiber* sooner = p.ready.peek(1)) { // its control block has arrived by now
    const auto* frames = static_cast<const char*>(sooner->saved.sp);
    for (int line = 0; line < 6; ++line) __builtin_prefetch(frames + 64 * line);
  }
}

} // namespace

void look_beyond(worker& w) noexcept {
  runtime_core& core = w.runtime;
  if (__builtin_expect(core.simulated != nullptr, false)) return core.simulated->look(w);
  // The fiber that runs goes on without, until it waits (resize.cc). On the native stack find_work does it.
  if (__builtin_expect(core.has_too_many(), false) && w.current != nullptr) return give_up(w);
  processor& p = *w.proc;
  const env::nanoseconds now = core.world.now();
  const env::nanoseconds mean = (now - p.window_start) / (p.window - p.turns());
  p.mean_run =
      std::min(mean, p.last_mean); // the kernel may have taken the CPU away in one window, hardly in two
  p.last_mean = mean;
  p.window_start = now;
  p.window = static_cast<std::int32_t>(std::clamp<env::nanoseconds>(
      look_time / std::max<env::nanoseconds>(mean, 1), shortest_look_interval, look_interval));
  p.set_turns(p.window);
  p.looks.store(p.looks.load(std::memory_order_relaxed) + 1,
                std::memory_order_relaxed); // relaxed: as turns()
  p.others.look(std::exchange(w.collisions, 0),
                core.idle_count.load(std::memory_order_relaxed) + 1 < // relaxed: a hint
                    core.active.load(std::memory_order_relaxed));     // relaxed: a hint
  // Those of others, too: an idle processor does not fire its own. But those of a holder only after long: they are cheap only
  // for their owner (the guard of a wheel is biased), and in a crowd of timers two would fight for them.
  constexpr env::nanoseconds tolerance = 20'000'000;
  fire_due_timers(w, now, tolerance);
  // A poll costs as much as several short dispatches.
  if (core.watched.load(std::memory_order_relaxed) != 0 && // relaxed: a hint
      (--p.poll_countdown == 0 || p.window < others_first_each)) {
    constexpr unsigned looks_between_polls = 4;
    p.poll_countdown = looks_between_polls;
    poll_now(w);
  }
  if (core.idle_count.load(std::memory_order_relaxed) != 0) share(w); // relaxed: a hint
  // One that has waited long goes first: from the global queue, or what is offered to others, or the oldest task.
  if (p.window < others_first_each && static_cast<std::int32_t>(p.random() % others_first_each) >= p.window)
    return;
  if (p.due == nullptr) p.due = core.global.pop(1);
  if (p.due == nullptr) p.due = p.shared.pop();
  if (p.due == nullptr && !p.fresh.empty()) p.due = p.fresh.pop_front();
}

// Where every fiber blocks or computes for long, every dispatch is on another worker, and each begins to count anew (hold): nobody
// would ever come to look beyond: timers, descriptors and the global queue would wait until the private queues are empty, and an
// idle processor would be offered nothing.
// A hand-over costs more than this look. Chance takes the place of the count.
void look_on_arrival(worker& w) noexcept {
  processor& p = *w.proc;
  runtime_core& core = w.runtime;
  if (core.simulated != nullptr) return;
  constexpr env::nanoseconds tolerance = 20'000'000; // as above
  bool was_due = fire_due_timers(w, p.window_start, tolerance);
  if (!std::exchange(w.has_polled, false) &&
      core.watched.load(std::memory_order_relaxed) != 0) // relaxed: a hint
    was_due |= poll_now(w);
  if (core.idle_count.load(std::memory_order_relaxed) != 0) share(w); // relaxed: a hint
  if (p.due != nullptr) return;
  // As ever: those first that go on. So mostly, if something was due: for that the processor was taken from a hog, and the next
  // may be one, too, for a whole time slice.
  const std::uint64_t chance = p.random() % (was_due ? 16 : 4);
  if (chance < 2) p.due = core.global.pop(1);
  if (chance < 2 && p.due == nullptr) p.due = p.shared.pop();
  if (chance == 2 && !p.fresh.empty()) p.due = p.fresh.pop_front();
}

runnable* pick_queued(worker& w) noexcept {
  processor& p = *w.proc;
  if (fiber* f = p.next) { // the pair has had its share: behind the others
    p.next = nullptr;
    push_ready(w, *f);
  }
  p.next_left = next_budget;
  if (p.due != nullptr) { // always, in a simulation
    if (__builtin_expect(w.runtime.simulated != nullptr, false)) return w.runtime.simulated->choose(w);
    return std::exchange(p.due, nullptr);
  }
  // Fibers which only yield must not keep new ones from starting.
  if (!p.ready.empty() && (p.fresh.empty() || p.mixed_picks++ % others_first_each != 0)) {
    fiber* f = p.ready.pop_front();
    prefetch_ahead(p);
    return f;
  }
  if (!p.fresh.empty()) return p.fresh.pop_back();
  runnable* r = p.shared.pop();
  if (r == nullptr && w.runtime.debug.held_mutex) look_for_held_locks(w);
  return r;
}

void push_ready(worker& w, fiber& f) noexcept {
  if (!w.proc->ready.push_back(&f))
    w.runtime.global.push_front_level(f); // no memory to grow: one that never needs any
}

namespace {

[[gnu::noinline]] void push_without_memory(worker& w, task& t) noexcept {
  w.runtime.global.push_front_level(t);
}

[[gnu::always_inline]] inline void push_fresh_now(worker& w, task& t) noexcept {
  if (__builtin_expect(!w.proc->fresh.push_back(&t), false)) push_without_memory(w, t);
  if (__builtin_expect(w.runtime.idle_count.load(std::memory_order_relaxed) != 0, false))
    share(w); // relaxed: a hint
}

// Apart: a call in front of the rest would make that save registers (2 ns a spawn).
[[gnu::cold, gnu::noinline]] void push_fresh_recorded(worker& w, task& t) noexcept {
  record::created(w, t, true);
  push_fresh_now(w, t);
}

} // namespace

void push_fresh(worker& w, task& t) noexcept {
  if (is_recorded(w)) return push_fresh_recorded(w, t);
  push_fresh_now(w, t);
}

} // namespace thrum::sched
