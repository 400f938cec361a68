#include "sched/strand.h"

#include "base/sanitizer.h"
#include "sched/scheduler.h"

namespace thrum::sched {

using detail::runnable;
using detail::task;

void strand_core::prepare(task& t) noexcept {
  starting = &t;
  stack = t.stack;
  name = t.name;
  site = t.site;
  bound = std::exchange(t.bound, nullptr);
}

void strand_core::post(task& t) noexcept {
  {
    const base::spin_guard hold(guard_);
    if (busy_) return push(t);
    busy_ = true;
  }
  prepare(t);
  launch_into(home, *this);
}

bool strand_core::admit(worker& w, fiber& f) noexcept {
  if (f.admitted) return true;
  runnable* next;
  {
    const base::spin_guard hold(guard_);
    if (!busy_) {
      busy_ = true;
      return f.admitted = true;
    }
    // relaxed: whoever made it ready, or its own worker, has ordered that
    const bool has_yielded = f.decided.load(std::memory_order_relaxed) == wait::decision::closed;
    if (has_yielded && first_ == nullptr) return f.admitted = true;
    push(f);
    if (!has_yielded) return false;
    next = pop();
  }
  start(w, *next);
  return false;
}

void strand_core::start(worker& w, runnable& next) noexcept {
  if (!next.is_task()) {
    auto& f = static_cast<fiber&>(next);
    f.admitted = true; // its own worker has left its stack long ago, and the queue is to be passed
    return ready_inside(w, f);
  }
  prepare(static_cast<task&>(next));
  base::tsan_release(static_cast<task*>(this));
  if (w.proc == nullptr) return launch_elsewhere(home, *this);
  processor& p = *w.proc;
  p.spawned.store(p.spawned.load(std::memory_order_relaxed) + 1,
                  std::memory_order_relaxed); // relaxed: N1 (drain.cc)
  if (is_recorded(w)) record::created(w, *this, false);
  if (!p.fresh.push_back(this)) home.global.push_front_level(*this);
}

void begin_on_strand(fiber& f) noexcept {
  f.on_strand = true;
  f.admitted = false;
  f.what.store(runnable::kind::special_fiber, std::memory_order_relaxed); // relaxed: G0 (lend.h)
  f.stop_requested.exchange(true, std::memory_order_relaxed);             // relaxed: Q1 (stop.cc); our own
}

void end_on_strand(fiber& f) noexcept {
  strand_core& s = strand_of(f);
  worker& w = enter();
  f.on_strand = false;
  if (!w.runtime.debug.any() && f.pins == 0)
    f.what.store(runnable::kind::fiber, std::memory_order_relaxed); // relaxed: G0 (lend.h)
  if (runnable* next = s.pass_on()) {
    s.start(w, *next);
    share_if_idle(w);
  }
  leave();
}

} // namespace thrum::sched
