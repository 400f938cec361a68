// The end of a runtime.
//
// Have all fibers ended? Counting with one shared counter would cost every spawn and every end two atomic operations on a
// contended line, for a question that is asked once. So each processor counts its own spawns and ends, and the drainer
// sums: first all ends, then all spawns.
//
//   N1  A spawn is counted before the task can run, an end after it ran; both counts only grow. If the ends summed first
//       equal the spawns summed later, nothing was alive in between, and only a plain thread could spawn again.
//       Coroutines that wait count as well (coroutine_register). Ends are release stores, read by acquire loads: who sees the end of a fiber sees its spawns.
//
//   N2  A fiber that ends while the flag `draining` is up bumps the word all_ended after it was counted: release -> acquire of
//       the drainer, which sums after it has read the word, and sleeps only while the word is as it was.
//   N4  visitors: release decrement of who made a fiber of this runtime ready from elsewhere, or launched a task -> acquire load of
//       the end. (He may still be starting the thread that has run it.)
//   N3  alive: set when the block describes a running task -> read before a report describes it.
#include "sched/drain.h"

#include "sched/describe.h"
#include "sched/handoff.h"
#include "sched/monitor.h"
#include "sched/park.h"
#include "sched/scheduler.h"
#include "sched/stop.h"
#include "sched/timers.h"

#include <utility>

namespace thrum::sched {

namespace {

bool all_have_ended(const runtime_core& core) noexcept {
  const std::uint64_t ended = count_finished(core); // first: N1
  return ended == count_spawned(core);
}

// Calls visit(fiber) for the control block of every stack that is not in the pool. Some of these stacks lie in a
// processor's cache or change owners meanwhile, so only the atomic members of the block may be touched; they are in a
// defined state even then (a stack that was never used reads as zero).
template <class Visit> void for_each_block(runtime_core& core, Visit visit) noexcept {
  core.stacks.for_each_in_use(
      [&](stack::stack_ref s) { visit(*reinterpret_cast<fiber*>(s.top() - sizeof(fiber))); });
}

} // namespace

// stop.cc explains the protocol. One heavy fence serves all.
void ask_all_to_stop(runtime_core& core) noexcept {
  for_each_block(
      core, [](fiber& f) { f.stop_requested.exchange(true, std::memory_order_release); }); // Q1 (stop.cc)
  base::heavy_fence();                                                                     // P2 (stop.cc)
  detail::runnable* asleep = nullptr;
  for_each_block(core, [&](fiber& f) {
    std::uint32_t expected = wait::decision::open;
    if (f.decided.compare_exchange_strong(
            expected, wait::decision::stopped, std::memory_order_acquire, // P1 (stop.cc)
            std::memory_order_relaxed)) // relaxed: it runs, or is decided otherwise
      f.link = std::exchange(asleep, &f);
  });
  // Not before: a thread that cannot be started for them gives its stacks back to the pool, which was locked.
  wake_stopped(asleep);
  stop_all_coroutines(core);
}

namespace {

// Sleeps until some fiber has ended, or the deadline. `seen` is the word's value before the last look.
void wait_for_an_end(runtime_core& core, std::uint32_t seen, env::nanoseconds deadline) noexcept {
  core.world.wait_word(&core.all_ended, seen, deadline);
}

void report_leftovers(runtime_core& core) noexcept {
  env::report message;
  message.text("thrum: runtime '")
      .text(core.name)
      .text("' ends, but these fibers did not stop when asked:\n");
  unsigned shown = 0;
  unsigned total = 0;
  for_each_block(core, [&](fiber& f) {
    if (!f.alive.load(std::memory_order_acquire)) return; // N3
    if (++total > 8) return;
    ++shown;
    message.text("  ");
    describe(f, message);
    message.text(": ").text(name_of(f.why)).text("\n");
  });
  if (total == 0) message.text("  those that had not begun yet\n");
  if (total > shown) message.text("  and ").number(total - shown).text(" more\n");
  message.text("  they are abandoned; a fiber that computes sees the request with this_fiber::check()\n")
      .flush();
}

// Takes all workers off the list; the oldest is first in what it returns.
worker* take_workers(runtime_core& core) noexcept {
  const base::spin_guard guard(core.idle_lock);
  worker* oldest = nullptr;
  while (worker* w = core.workers) {
    core.workers = w->all_link;
    w->all_link = oldest;
    oldest = w;
  }
  return oldest;
}

// The oldest first: whoever started a thread is older, and its handle is there when its starter has ended. Until then that may
// start more, so the list is looked at again. None is deleted before all have ended, for one may still be waking another.
void end_workers(runtime_core& core) noexcept {
  worker* ended = nullptr;
  while (worker* next = take_workers(core))
    while (worker* w = next) {
      next = w->all_link;
      core.world.join_thread(w->thread);
      w->all_link = ended;
      ended = w;
    }
  while (worker* w = ended) {
    ended = w->all_link;
    delete_worker(w);
  }
}

} // namespace

std::uint64_t count_finished(const runtime_core& core) noexcept {
  std::uint64_t n = core.finished_elsewhere.load(std::memory_order_acquire); // N1
  for (unsigned i = 0, made = core.count_made(); i < made; ++i)
    n += core.processors[i]->finished.load(std::memory_order_acquire); // N1
  n += core.coroutines.ended.load(std::memory_order_acquire);          // N1
  return n;
}

std::uint64_t count_spawned(const runtime_core& core) noexcept {
  std::uint64_t n = core.spawned_elsewhere.load(std::memory_order_relaxed); // relaxed: N1
  for (unsigned i = 0, made = core.count_made(); i < made; ++i)
    n += core.processors[i]->spawned.load(std::memory_order_relaxed); // relaxed: N1
  n += core.coroutines.begun.load(std::memory_order_relaxed);         // relaxed: N1
  return n;
}

void note_end(runtime_core& core) noexcept {
  core.all_ended.fetch_add(1, std::memory_order_release); // N2
  core.world.wake_word(&core.all_ended, 1);
}

bool drain(runtime_core& core) noexcept {
  core.draining.store(true, std::memory_order_relaxed); // relaxed: the fence
  base::thread_fence(std::memory_order_seq_cst);        // M2 (timers.cc)
  const env::nanoseconds deadline =
      core.drain_limit >= env::forever / 2 ? env::forever : core.world.now() + core.drain_limit;
  for (;;) {
    const std::uint32_t seen = core.all_ended.load(std::memory_order_acquire); // N2
    if (all_have_ended(core)) break;
    ask_all_to_stop(core);
    if (core.world.now() >= deadline) {
      report_leftovers(core);
      return false;
    }
    // A fiber that was about to park when it was asked, or one that is spawned now, is asked in the next round.
    constexpr env::nanoseconds round = 10'000'000;
    const env::nanoseconds next = core.world.now() + round;
    wait_for_an_end(core, seen, next < deadline ? next : deadline);
  }
  core.stopping.store(true, std::memory_order_release); // R1 (runtime.cc)
  base::thread_fence(std::memory_order_seq_cst);        // I1 (idle.cc)
  wake_all(core);
  end_monitor(core);
  for (unsigned turn = 0; core.visitors.load(std::memory_order_acquire) != 0; ++turn)
    base::back_off(turn); // N4
  end_workers(core);
  discard_timers(core);
  return true;
}

} // namespace thrum::sched
