// Making a task runnable here, inlined into those who do it again and again: go(), spawn(), a future whose continuations follow.
#pragma once

#include "base/sanitizer.h"
#include "sched/scheduler.h"

#include <thrum/detail/task.h>

namespace thrum::sched {

// Inside.
[[gnu::always_inline]] inline void push_fresh_here(worker& w, detail::task& t) noexcept {
  if (is_recorded(w) || __builtin_expect(!w.proc->fresh.push_back(&t), false)) return push_fresh(w, t);
  if (__builtin_expect(w.runtime.idle_count.load(std::memory_order_relaxed) != 0, false))
    share(w); // relaxed: a hint
}

// Outside. Requires: on a worker.
[[gnu::always_inline]] inline void launch_inside(detail::task& t) noexcept {
  worker& w = enter();
  processor& p = *w.proc;
  p.spawned.store(p.spawned.load(std::memory_order_relaxed) + 1,
                  std::memory_order_relaxed); // relaxed: N1 (drain.cc)
  push_fresh_here(w, t);
  leave();
}

// For an executor which may be the caller's own runtime: launches the task there, and it may be gone. False: it is not, and nothing was
// done.
[[gnu::always_inline]] inline bool launch_here(const executor* where, detail::task& t) noexcept {
  const worker* const here = try_this_worker();
  if (here == nullptr || static_cast<const executor*>(here->runtime.owner) != where) return false;
  base::tsan_release(&t);
  launch_inside(t);
  return true;
}

} // namespace thrum::sched
