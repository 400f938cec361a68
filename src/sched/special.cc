// Special fibers: those that may not be resumed just anywhere.
//
// Who picks from a queue asks anyway whether it got a fiber or a task; `special_fiber` is a third answer, so ordinary fibers
// pay nothing for what is here. It is given in special_target(), which runs while the fiber that leaves may hold guards still:
// nothing is done there but to choose another, or to send the worker to its native stack (null), where find_work() sees
// worker::passes_on.
//
// Debug mode `migrate`: a fiber is never resumed by the thread that resumed it last. If it would be, it goes back to where it
// was taken from, and its worker gives the processor with all queues to another worker, asleep or new, which takes the fiber
// next. That works with one processor, too, and no order of fibers changes but that one thread starts where the other ended. If there
// is no other thread to be had, the fiber goes on where it is.
//
// Debug mode `held_mutex`: looks at what the fiber that leaves holds. A fiber leaves for a special fiber, for a new one, or for
// nothing (pick_queued); each has a call of look_for_held_locks().
#include "sched/handoff.h"
#include "sched/scheduler.h"
#include "sched/switch.h"

namespace thrum::sched {

void begin_special(worker& w, fiber& f) noexcept {
  if (w.runtime.debug.held_mutex) look_for_held_locks(w);
  f.what = detail::runnable::kind::special_fiber;
  f.last_on = &w;
}

fiber* special_target(worker& w, detail::runnable& next) noexcept {
  auto& f = static_cast<fiber&>(next);
  if (w.runtime.debug.held_mutex) look_for_held_locks(w);
  if (w.runtime.debug.migrate && f.last_on == &w && !w.no_successor && !is_detached(w)) {
    fiber* second = std::exchange(w.proc->next, &f); // first again, with what was behind it
    if (second != nullptr) push_ready(w, *second);
    w.proc->next_left = next_budget;
    w.passes_on = true;
    return nullptr;
  }
  w.no_successor = false;
  f.last_on = &w;
  return &f;
}

void pass_on(worker& w) noexcept {
  w.passes_on = false;
  stop_searching(w);
  processor& p = *w.proc;
  p.holder.store(nullptr, std::memory_order_relaxed); // relaxed: H1 (handoff.cc)
  w.proc = nullptr;
  if (!hand_to_another(w.runtime, p)) w.no_successor = true;
}

} // namespace thrum::sched
