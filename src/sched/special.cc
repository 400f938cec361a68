// Special fibers: those that may not be resumed just anywhere.
//
// Who picks from a queue asks anyway whether it got a fiber or a task; `special_fiber` is a third answer, so ordinary fibers
// pay nothing for what is here. It is given in special_target(), which runs while the fiber that leaves may hold guards still:
// nothing is done there but to choose another, or to send the worker to its native stack (null), where find_work() sees
// worker::passes_on.
//
// Pinned fibers: resumed by the worker on which they were pinned, and by no other; and nobody else runs there meanwhile, or another
// fiber would find what the pinned one has left in the thread (a context of OpenGL, say), or keep the thread when it is
// needed. So a worker with a pinned fiber has no processor: it is detached (handoff.cc) until the fiber is pinned no longer, and
// enter_slow() gives it none. The processor goes to another worker at once, with all that waits in it. When the fiber parks,
// its worker sleeps on `summons`. The fiber itself is made ready and queued as any other; the worker that picks it summons
// the right one instead of running it. A thread of its own, then, but for the price of the wake-ups; Go's LockOSThread comes to the same.
//
// Rejected: to leave the pinned fiber's worker a processor and let others run there while it waits. It would wait for their turns, or
// for ever if one of them blocks; and the thread would not be its own.
//
// Orderings
//   S1  summons: release store -> acquire load of the worker that sleeps: it sees what made the fiber ready.
//
// Fibers of a strand: one at a time; strand.h explains it.
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
#include "sched/strand.h"
#include "sched/switch.h"

#include "env/panic.h"

#include <cerrno>
#include <system_error>
#include <thrum/pinned.h>

namespace thrum::sched {

void begin_special(worker& w, fiber& f) noexcept {
  if (w.runtime.debug.held_mutex) look_for_held_locks(w);
  f.what.store(detail::runnable::kind::special_fiber, std::memory_order_relaxed); // relaxed: G0 (lend.h)
  f.last_on = &w;
}

namespace {

void summon(worker& home) noexcept {
  home.summons.store(1, std::memory_order_release); // S1
  home.runtime.world.wake_word(&home.summons, 1);
}

} // namespace

namespace {

// False: it was queued, or whoever may run it was told.
bool may_run_here(worker& w, fiber& f) noexcept {
  if (w.runtime.debug.held_mutex) look_for_held_locks(w);
  if (f.on_strand && !strand_of(f).admit(w, f)) return false;
  if (f.pins == 0 || f.last_on == &w) return true;
  summon(*f.last_on);
  return false;
}

} // namespace

detail::runnable* wait_for_pinned(worker& w) noexcept {
  w.awaits_summons.store(true, std::memory_order_relaxed); // relaxed: D1 (inspect/census.h)
  while (w.summons.load(std::memory_order_acquire) == 0)   // S1
    w.runtime.world.wait_word(&w.summons, 0, env::forever);
  w.awaits_summons.store(false, std::memory_order_relaxed); // relaxed: D1 (inspect/census.h)
  w.summons.store(0, std::memory_order_relaxed); // relaxed: nobody summons a worker whose fiber runs
  be_detached(w);
  w.limbo->set_turns(look_interval); // no look beyond on arrival: that is for those who have a processor
  return w.pinned;
}

fiber* special_target(worker& w, detail::runnable& next) noexcept {
  detail::runnable* r = &next;
  for (;; r = pick(w)) { // a loop: a strand may have very many fibers
    if (r == nullptr) return nullptr;
    const detail::runnable::kind what = kind_of(r->what);
    if (what == detail::runnable::kind::lent_fiber) {
      wait_until_given_back(r->what);
      return static_cast<fiber*>(r);
    }
    if (what != detail::runnable::kind::special_fiber) return target(w, r);
    if (may_run_here(w, static_cast<fiber&>(*r))) break;
  }
  auto& f = static_cast<fiber&>(*r);
  if (f.pins == 0 && w.runtime.debug.migrate && f.last_on == &w && !w.no_successor && !is_detached(w)) {
    fiber* second = std::exchange(w.proc->next, &f); // first again, with what was behind it
    if (second != nullptr) push_ready(w, *second);
    w.proc->next_left = next_budget;
    w.passes_on = true;
    return nullptr;
  }
  w.no_successor = false;
  f.last_on = &w;
  f.admitted = false;
  return &f;
}

void pass_on(worker& w) noexcept {
  w.passes_on = false;
  stop_searching(w);
  processor& p = *w.proc;
  // The next holder counts its turns anew, and might pass the processor on before it has had them, as this one does. (At the first
  // turn there is nothing to measure yet.)
  if (p.turns() < p.window) look_beyond(w);
  if (is_recorded(w)) record::gives_up(w, p, record::loss::moves);
  p.holder.store(nullptr, std::memory_order_relaxed); // relaxed: H1 (handoff.cc)
  w.proc = nullptr;
  if (!hand_to_another(w.runtime, p)) w.no_successor = true;
}

} // namespace thrum::sched

namespace thrum::detail {

void pin_fiber() {
  sched::fiber* f = sched::this_fiber();
  if (f == nullptr) return; // a plain thread stays what it is
  if (f->pins != 0) {
    ++f->pins;
    return;
  }
  // The others keep as many threads as there are processors.
  sched::runtime_core& core = *f->runtime;
  if (core.simulated != nullptr)
    env::panic("a fiber is pinned in a simulation, which has one thread for all (thrum/simulate.h)",
               "leave out what needs a thread of its own while simulation::active()");
  unsigned n = core.pinned_count.load(std::memory_order_relaxed); // relaxed: a number
  do
    if (n + 1 + core.parallelism() > core.thread_limit())
      throw std::system_error(EAGAIN, std::system_category(),
                              "thrum::pinned: options.max_threads leaves no thread for another pinned fiber");
  while (!core.pinned_count.compare_exchange_weak(n, n + 1, std::memory_order_relaxed, // relaxed: a number
                                                  std::memory_order_relaxed)); // relaxed: tried again
  sched::worker& w = sched::enter();
  f->pins = 1;
  f->what.store(runnable::kind::special_fiber, std::memory_order_relaxed); // relaxed: G0 (lend.h)
  f->last_on = &w;
  w.pinned = f;
  if (!sched::is_detached(w)) sched::give_up(w);
  sched::leave();
}

void unpin_fiber() noexcept {
  sched::fiber* f = sched::this_fiber();
  if (f == nullptr || --f->pins != 0) return;
  sched::worker& w = sched::enter();
  if (!w.runtime.debug.any() && !f->on_strand)
    f->what.store(runnable::kind::fiber, std::memory_order_relaxed); // relaxed: G0 (lend.h)
  w.pinned = nullptr; // the next enter() finds a processor, or does without
  w.runtime.pinned_count.fetch_sub(1, std::memory_order_relaxed); // relaxed: a number
  sched::leave();
}

} // namespace thrum::detail
