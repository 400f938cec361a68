// Hand-off: nothing that a fiber does in its own code may stop the others.
//
// The problem: a fiber that computes for long, or blocks in the kernel, keeps its worker's thread, and with it a processor: its
// queue, its timers, its share of the machine. Ways rejected:
//   - Switching fibers in a signal handler: the fiber may be in the middle of malloc, stdio or the unwinder, whose state belongs
//     to the thread. Two throwing fibers crash within thousands of such switches.
//   - Stopping the thread in a signal handler: safe for its state, but it may hold a lock of libc, and everybody who needs that
//     lock waits for a whole turn of the rotation.
//
// The way taken: the monitor (monitor.cc) takes the processor, never the thread. The processor goes on with another worker. The
// hog runs on as an ordinary thread of the kernel, which shares the CPUs fairly: malloc, stdio, errno, thread_local variables,
// exceptions, debuggers and sanitizers see nothing unusual. The worker is now *detached*.
//
// A detached worker that enters the runtime takes an idle processor, if there is one, and is an ordinary worker again. If not,
// it must be able to finish what it came for, since it may hold guards: to make a fiber ready, to launch a task, to set a timer,
// to park. For that it has a *limbo*, a processor that is none: nobody can steal from it, and it runs nothing. What was put there
// goes to the global queue as the worker leaves the runtime. When its fiber parks, yields or ends, there is nothing to pick in
// limbo, so the worker comes to its native stack, where it leaves the limbo and sleeps until it is needed, without a processor.
//
// A fiber that calls the runtime all the time, and never waits, would always come in while it is being asked, and would keep its
// processor for ever. So who comes in then has promised it, and who has promised it `last_promise` times, without having
// dispatched another fiber in between, gives it up as it leaves. Not at the first time: most who come in are about to wait.
//
// Everything that looks at a processor's private parts works on a limbo as it is, but for five places that ask is_detached():
// leaving the runtime (below), yield_to_next, share, set_timer and find_work.
//
// Invariants
//   H1  a processor whose `holder` is not null is held by that worker, and by no other. Only the worker writes it, inside; or who
//       has taken the processor.
//   H2  taken: kept -> asked is the monitor's, and asked -> gone or kept again; asked -> promised and all that begins at promised
//       or gone is the worker's, who may also say `gone` itself (give_up). While it is `gone`, the worker has no processor.
//
// Orderings
//   E1  in worker.h.
//   E2  taken: the monitor's compare-exchange to `gone` (release) -> the worker's acquire: it sees what was said to the kernel
//       about its thread (`demoted`). The worker's cancellation needs no order: nothing was taken.
#include "sched/handoff.h"

#include "base/check.h"
#include "sched/monitor.h"
#include "sched/scheduler.h"
#include "sched/simulation.h"

#include <thrum/blocking.h>
#include <utility>

namespace thrum::sched {

bool try_take(worker& w, processor& p) noexcept {
  std::uint8_t before = worker::kept;
  if (!w.taken.compare_exchange_strong(before, worker::asked, std::memory_order_relaxed, // relaxed: the fence
                                       std::memory_order_relaxed)) // relaxed: it is detached already
    return false;
  base::heavy_fence(); // E1
  std::uint8_t expected = worker::asked;
  if (w.place.load(std::memory_order_acquire) == worker::outside &&                      // E1
      p.holder.load(std::memory_order_relaxed) == &w &&                                  // relaxed: E1, H1
      w.taken.compare_exchange_strong(expected, worker::gone, std::memory_order_release, // E2
                                      std::memory_order_relaxed)) { // relaxed: it has come back
    p.holder.store(nullptr,
                   std::memory_order_relaxed); // relaxed: H1; who gets p is told with an order of its own
    return true;
  }
  expected = worker::asked;
  w.taken.compare_exchange_strong(expected, worker::kept,
                                  std::memory_order_relaxed,  // relaxed: nothing was taken
                                  std::memory_order_relaxed); // relaxed: it was quicker
  return false;
}

void hold(worker& w, processor& p) noexcept {
  w.proc = &p;
  if (is_recorded(w)) record::holds(w, p);
  w.promises = 0;
  w.taken.store(worker::kept, std::memory_order_relaxed); // relaxed: the monitor goes by the holder
  p.holder.store(&w, std::memory_order_release);          // H1: whoever sees it sees a complete worker
  // The time before must not look like one long dispatch.
  p.window_start = w.runtime.world.now();
  p.set_turns(p.window);
  arouse_monitor(w.runtime);
  // Where there are hogs, workers take short turns (monitor.cc).
  if (w.runtime.taken_from_hogs.load(std::memory_order_relaxed) != 0 &&
      !std::exchange(w.short_turns, true)) // relaxed: a hint
    w.runtime.world.set_time_slice(w.thread_number, worker::short_slice);
}

bool strand(runtime_core& core, processor& p) noexcept {
  bool any = false;
  const auto give = [&](detail::runnable* r) {
    core.global.push_front_level(*r);
    any = true;
  };
  if (fiber* f = std::exchange(p.next, nullptr)) give(f);
  if (detail::runnable* r = std::exchange(p.due, nullptr)) give(r);
  while (!p.ready.empty()) give(p.ready.pop_front());
  while (!p.fresh.empty()) give(p.fresh.pop_front());
  return any;
}

void give_caches_back(runtime_core& core, processor& p) noexcept {
  core.stacks.give(p.stacks, p.cached_stacks);
  p.cached_stacks = 0;
  p.built = 0;
  give_objects_back(p);
}

void delete_worker(worker* w) noexcept {
  give_caches_back(w->runtime, *w->limbo); // it may have become ordinary again with something in them
  delete w->limbo;
  give_objects_back(*w);
  delete w;
}

void be_detached(worker& w) noexcept {
  w.proc = w.limbo;
  w.limbo->set_turns(0); // yield_to_next looks closer then
}

namespace {

// What a detached worker did in the runtime becomes everybody's.
void empty_limbo(worker& w) noexcept {
  runtime_core& core = w.runtime;
  processor& limbo = *w.limbo;
  // Counted before they can run, or end (N1 in drain.cc).
  if (const std::uint64_t n = limbo.spawned.load(std::memory_order_relaxed); n != 0) { // relaxed: ours
    limbo.spawned.store(0, std::memory_order_relaxed);                                 // relaxed: ours
    core.spawned_elsewhere.fetch_add(n, std::memory_order_relaxed); // relaxed: N1 (drain.cc)
  }
  if (strand(core, limbo)) {
    base::thread_fence(std::memory_order_seq_cst); // I1 (idle.cc)
    wake_another(core);
  }
  if (const std::uint64_t n = limbo.finished.load(std::memory_order_relaxed); n != 0) { // relaxed: ours
    limbo.finished.store(0, std::memory_order_relaxed);                                 // relaxed: ours
    core.finished_elsewhere.fetch_add(n, std::memory_order_release);                    // N1 (drain.cc)
    if (core.draining.load(std::memory_order_relaxed)) note_end(core); // relaxed: as in fiber_main
  }
}

void be_ordinary(worker& w) noexcept {
  if (w.demoted.exchange(false, std::memory_order_relaxed)) // relaxed: E2
    w.runtime.world.set_time_slice(w.thread_number, worker::short_slice);
}

// For runtime::report(): its fiber is the one that kept the processor.
void note_loss(worker& w) noexcept {
  w.runtime.taken_from_hogs.fetch_add(1, std::memory_order_relaxed); // relaxed: a count
  w.lost_blocked.store(false, std::memory_order_relaxed);            // relaxed: E2
  w.lost_at.store(w.runtime.world.now(), std::memory_order_relaxed); // relaxed: E2
}

void note_return(worker& w) noexcept {
  const env::nanoseconds lost = w.lost_at.exchange(0, std::memory_order_relaxed); // relaxed: E2
  const fiber* f = w.current_fiber();
  if (lost == 0 || f == nullptr) return;
  w.runtime.holdups.add(f->site, w.lost_blocked.load(std::memory_order_relaxed), // relaxed: E2
                        w.runtime.world.now() - lost);
}

} // namespace

worker& enter_slow(worker& w) noexcept {
  for (;;) {
    std::uint8_t now = w.taken.load(std::memory_order_acquire); // E2
    if (now == worker::kept) return w;                          // the monitor has given up
    if (now == worker::asked) {
      if (w.taken.compare_exchange_strong(now, worker::promised,
                                          std::memory_order_relaxed,    // relaxed: nothing was taken
                                          std::memory_order_relaxed)) { // relaxed: looks again
        const std::uint64_t progress = w.proc->progress();
        w.promises = progress == w.progress_of_promise ? w.promises + 1 : 1;
        w.progress_of_promise = progress;
        return w;
      }
      continue;
    }
    if (now == worker::promised) return w; // leaving, it will see to that
    note_return(w);
    if (processor* p = w.pinned == nullptr ? try_take_processor(w.runtime) : nullptr) {
      if (is_detached(w)) empty_limbo(w);
      hold(w, *p);
      be_ordinary(w);
      return w;
    }
    be_detached(w);
    return w;
  }
}

namespace {

// Who gives up a processor that it was asked for has noted the loss.
record::loss why_given_up(const worker& w) noexcept {
  if (w.pinned != nullptr) return record::loss::pinned;
  return w.lost_at.load(std::memory_order_relaxed) != 0 ? record::loss::computes // relaxed: E2
                                                        : record::loss::blocking;
}

} // namespace

void give_up(worker& w) noexcept {
  processor& p = *w.proc;
  if (is_recorded(w))
    record::gives_up(w, p, w.runtime.has_too_many() ? record::loss::unwanted : why_given_up(w));
  p.holder.store(nullptr, std::memory_order_relaxed); // relaxed: H1
  be_detached(w);
  w.taken.store(worker::gone,
                std::memory_order_relaxed); // relaxed: the worker's own; a monitor that asks is too late
  hand_to_another(w.runtime, p);
}

namespace {

bool a_thread_is_left(const runtime_core& core) noexcept {
  return core.worker_count.load(std::memory_order_relaxed) < core.thread_limit(); // relaxed: a hint
}

bool somebody_waits(const worker& w) noexcept {
  const processor& p = *w.proc;
  return p.next != nullptr || p.due != nullptr || !p.ready.empty() || !p.fresh.empty() ||
         p.shared.size_hint() != 0 || !w.runtime.global.empty();
}

} // namespace

bool others_wait_here() noexcept {
  if (this_fiber() == nullptr) return false;
  const worker& w = enter();
  const bool any = is_detached(w) ? w.pinned == nullptr : somebody_waits(w); // it was taken for others
  leave();
  return any;
}

void leave_slow(worker& w) noexcept {
  if (is_detached(w)) return empty_limbo(w);
  if (w.runtime.simulated != nullptr) return w.runtime.simulated->leaving(w);
  if (w.taken.load(std::memory_order_relaxed) != worker::promised)
    return; // relaxed: an attempt that goes on, or is over
  if (w.promises >= worker::last_promise && w.proc->progress() == w.progress_of_promise &&
      a_thread_is_left(w.runtime)) {
    note_loss(w);
    give_up(w);
  } else {
    w.taken.store(worker::kept, std::memory_order_relaxed); // relaxed: H2; nothing was taken
  }
}

void leave_limbo(worker& w) noexcept {
  empty_limbo(w);
  give_caches_back(w.runtime, *w.limbo);
  w.proc = nullptr;
  be_ordinary(w);
}

} // namespace thrum::sched

namespace thrum::detail {

void hand_off_if_others_wait() noexcept {
  if (sched::this_fiber() == nullptr) return;
  sched::worker& w = sched::enter();
  if (!sched::is_detached(w) && sched::somebody_waits(w) && sched::a_thread_is_left(w.runtime))
    sched::give_up(w);
  sched::leave();
}

} // namespace thrum::detail
