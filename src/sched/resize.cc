// How many processors a runtime has, while it runs.
//
// The problem: to lower the number, some that are busy must go, and what they have (queues, warm stacks, timers) must not. Go stops
// the world for it. Here nobody has to stop, since a worker can give a processor away at any look beyond its private queues, as it
// does for hand-off (handoff.cc), and its fiber runs on.
//
// The way taken: `wanted` is how many there are to be, `active` how many do not rest. While more are active than wanted,
//   - one that is idle is laid to rest at once, by who lowers the number;
//   - one whose worker runs out of work goes to rest instead of the idle list (sleep_until_needed in idle.cc);
//   - one whose worker goes on dispatching is given up at the next look beyond, after at most look_interval dispatches
//     (look_beyond in pick.cc); so is one that is about to be handed to another (hand_to_another in idle.cc);
//   - one whose fiber computes or blocks is taken by the monitor, as ever (monitor.cc).
// What is queued on it goes to the global queue, its caches to the pools. Its timers stay where they are: who looks for timers looks at
// all processors that were ever made, and those of one without a holder are fired like those of an idle one (find_work.cc).
// Its counts (spawned, finished) stay, too. So a processor that was made stays until the runtime ends, and no pointer to one ever dangles.
//
// To raise the number, those that rest become idle, and new ones are made; whoever has work then sees that somebody is idle, and
// shares (share.cc).
//
// Rejected: to stop the world. It is simpler to argue about, but a worker in a fiber's own code cannot be stopped (it can be
// waited for, or its processor taken), so all of the above would be needed as well.
//
// Invariants, under idle_lock: active + those that rest == made; 1 <= wanted <= made; who lowers `active` has found it above `wanted`,
// and who raises it stops at `wanted`.
//
// A worker that lays its processor down is no sleeper by that, and no searcher. For who makes work (I1 in idle.cc) it counts
// as one that is busy was counted: at least one processor is left, whose worker looks for work before it sleeps.
//
// Orderings
//   R2  made: release store behind the pointer -> acquire loads of who walks through the processors.
#include "sched/handoff.h"
#include "sched/scheduler.h"

namespace thrum::sched {

std::unique_ptr<processor> make_processor(runtime_core& core, unsigned index) {
  auto p = std::make_unique<processor>(index, core.world.now());
  p->random_state = core.world.random(env::stream::steal) | 1;
  return p;
}

void put_to_rest(runtime_core& core, processor& p) noexcept {
  p.holder.store(nullptr, std::memory_order_relaxed);                       // relaxed: H1 (handoff.cc)
  const std::uint32_t active = core.active.load(std::memory_order_relaxed); // relaxed: guarded
  core.active.store(active - 1, std::memory_order_relaxed);                 // relaxed: guarded
  p.idle_link = core.resting_processors;
  core.resting_processors = &p;
}

void lay_down(runtime_core& core, processor& p) noexcept {
  p.holder.store(nullptr, std::memory_order_relaxed); // relaxed: H1 (handoff.cc)
  strand(core, p);
  while (detail::runnable* r = p.shared.pop()) core.global.push_front_level(*r);
  give_caches_back(core, p);
  p.ready.shrink();
  p.fresh.shrink();
  {
    const base::spin_guard guard(core.idle_lock);
    push_idle_processor(core, p);
  }
  base::thread_fence(std::memory_order_seq_cst); // I1 (idle.cc)
  wake_another(core);
}

namespace {

// New ones rest.
void make_up_to(runtime_core& core, unsigned n) {
  for (;;) {
    const unsigned index = core.count_made();
    if (index >= n) return;
    std::unique_ptr<processor> p = make_processor(core, index);
    const base::spin_guard guard(core.idle_lock);
    if (core.made.load(std::memory_order_relaxed) != index)
      continue; // relaxed: guarded; another call was faster
    core.processors[index] = p.get();
    p->idle_link = core.resting_processors;
    core.resting_processors = p.release();
    core.made.store(index + 1, std::memory_order_release); // R2
  }
}

void rouse(runtime_core& core) noexcept { // idle_lock is held
  processor& p = *core.resting_processors;
  core.resting_processors = p.idle_link;
  // In this order, so that never more are idle than active: the monitor compares the two.
  const std::uint32_t active = core.active.load(std::memory_order_relaxed); // relaxed: guarded
  core.active.store(active + 1, std::memory_order_relaxed);                 // relaxed: guarded
  push_idle_processor(core, p);
}

// One that is idle, if there are too many.
processor* take_unwanted(runtime_core& core) noexcept {
  const base::spin_guard guard(core.idle_lock);
  return core.has_too_many() ? pop_idle_processor(core) : nullptr;
}

} // namespace

unsigned set_processors(runtime_core& core, unsigned n) {
  make_up_to(core, n);
  unsigned before;
  {
    const base::spin_guard guard(core.idle_lock);
    before = core.parallelism();
    core.wanted.store(n, std::memory_order_relaxed);                     // relaxed: guarded
    while (core.active.load(std::memory_order_relaxed) < n) rouse(core); // relaxed: guarded
  }
  while (processor* p = take_unwanted(core)) lay_down(core, *p);
  base::thread_fence(std::memory_order_seq_cst); // I1 (idle.cc)
  if (n < before)
    wake_all(core); // threads that are too many by now end if they sleep for long
  else
    wake_another(core);
  return before;
}

} // namespace thrum::sched
