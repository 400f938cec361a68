// Who sleeps and who is woken.
//
// The problem: a worker that finds nothing must sleep without missing work that arrives at that moment, and a worker that
// makes work must not pay for waking others more often than that helps.
//
// The way taken (Go's, with the poller as one more sleeper):
//   - A processor without a worker stands on the idle list; idle_count is its length. (Or it rests: resize.cc.)
//   - `searching` counts workers that hold a processor, have found nothing yet and are looking through all queues. Who makes
//     work wakes somebody only if nobody is searching: the searcher will find it. A searcher that finds something and was the
//     last one wakes another, so that work spreads while there is some.
//   - At most one idle worker polls: it sleeps in the poller until a descriptor or the earliest timer is due. The others sleep
//     on a word of their own. When nothing is watched and no timer runs, nobody wakes up at all.
//
// The lost wake-up that must not happen: a worker looks through all queues, finds nothing, and sleeps; meanwhile work was
// published by somebody who saw nobody to wake. Both sides announce first and look second:
//
//   who makes work                              who goes to sleep
//   --------------                              -----------------
//   publish it (shared ring, global queue)      idle_count + 1, searching - 1
//   full fence                       // I1      full fence                       // I1
//   idle_count != 0 && searching == 0?          look through the queues once more
//     -> wake                                   nothing? -> sleep
//
// Work in private queues is not looked at: its processor has a worker, which runs it or publishes it.
//
// Whoever is counted as a searcher, and does not search on, does as who goes to sleep: others who made work meanwhile, or found some,
// saw a searcher and woke nobody. So the last one counts itself out, and behind a full fence looks through the queues once more.
// (It may compute for long from then on; the monitor would see what is left after a millisecond or two.)
//
// Orderings
//   I1  the fences above. The counters change by seq_cst operations, which alone do not make a fence: what is looked at behind them
//       is looked at by relaxed loads.
//   I2  token: wake's release exchange -> sleeper's acquire load: the sleeper sees the processor that it was handed.
//   I3  polling, polling_until: who sets an earlier timer and then becomes idle sees that the poller sleeps too long, or the
//       poller sees the timer (full fences on both sides).
//   I4  an idle processor that is left to the poller: who leaves it sees `polling` under idle_lock, and the poller lowers
//       `polling` before it takes idle_lock to look for a processor. So either the poller finds the processor there, or
//       who would have left it sees that nobody polls.
//   I5  a thread that cannot be started: its processor is put back under idle_lock, and a worker goes among the sleepers under
//       it. So either the sleeper sees the processor, or who failed to start a thread sees the sleeper.
#include "sched/handoff.h"
#include "sched/monitor.h"
#include "sched/scheduler.h"

#include <algorithm>

namespace thrum::sched {

void kick(runtime_core& core) noexcept {
  if (core.kicked.exchange(1, std::memory_order_acq_rel) == 0) // I3
    core.world.kick(core.poller);
}

processor* pop_idle_processor(runtime_core& core) noexcept { // idle_lock is held
  processor* p = core.idle_processors;
  if (p == nullptr) return nullptr;
  core.idle_processors = p->idle_link;
  p->idle_link = nullptr;
  core.idle_count.fetch_sub(1, std::memory_order_seq_cst); // I1
  return p;
}

namespace {

void list_as_idle(runtime_core& core, processor& p) noexcept { // idle_lock is held
  p.holder.store(nullptr, std::memory_order_relaxed);          // relaxed: H1 (handoff.cc)
  p.idle_link = core.idle_processors;
  core.idle_processors = &p;
  core.idle_count.fetch_add(1, std::memory_order_seq_cst); // I1
}

} // namespace

void push_idle_processor(runtime_core& core, processor& p) noexcept { // idle_lock is held
  if (core.has_too_many()) return put_to_rest(core, p);
  list_as_idle(core, p);
}

processor* try_take_processor(runtime_core& core) noexcept {
  if (core.idle_count.load(std::memory_order_relaxed) == 0) return nullptr; // relaxed: a hint
  const base::spin_guard guard(core.idle_lock);
  return pop_idle_processor(core);
}

namespace {

bool work_visible(const runtime_core& core) noexcept {
  if (!core.global.empty()) return true;
  for (unsigned i = 0, n = core.count_made(); i < n; ++i)
    if (core.processors[i]->shared.size_hint() != 0) return true;
  return false;
}

bool stopping(const runtime_core& core) noexcept {
  return core.stopping.load(std::memory_order_acquire); // R1 (runtime.cc)
}

void start_search(worker& w) noexcept {
  w.searching = true;
  w.runtime.searching.fetch_add(1, std::memory_order_seq_cst); // I1
}

bool push_if_wanted(runtime_core& core, processor& p) noexcept {
  const base::spin_guard guard(core.idle_lock);
  if (core.has_too_many()) return false;
  list_as_idle(core, p);
  return true;
}

// More sleepers than processors are of use only until the next blocking calls.
constexpr env::nanoseconds idle_before_retirement = 2'000'000'000;

bool has_too_many_threads(const runtime_core& core) noexcept {
  const unsigned n = core.worker_count.load(std::memory_order_relaxed); // relaxed: a hint
  return n > 2 * core.parallelism() + 4 || n > core.thread_limit();
}

// Takes the worker out of the sleepers. False: it is not among them any more, so its token is set or will be.
bool unlist(worker& w) noexcept {
  const base::spin_guard guard(w.runtime.idle_lock);
  for (worker** link = &w.runtime.idle_workers; *link != nullptr; link = &(*link)->idle_link)
    if (*link == &w) {
      *link = w.idle_link;
      return true;
    }
  return false;
}

// Sleeps on the worker's own word until somebody hands it a processor, or the end. False: nobody has for long, and there are
// threads enough, so this one ends.
bool sleep_on_token(worker& w) noexcept {
  runtime_core& core = w.runtime;
  const bool one_too_many = has_too_many_threads(core);
  const env::nanoseconds deadline = one_too_many ? core.world.now() + idle_before_retirement : env::forever;
  if (is_recorded(w)) record::sleeps(w, false);
  while (w.token.load(std::memory_order_acquire) == 0) { // I2
    core.world.wait_word(&w.token, 0, deadline);
    if (one_too_many && core.world.now() >= deadline && unlist(w)) return false;
  }
  w.token.store(0, std::memory_order_relaxed); // relaxed: nobody wakes a worker that is not on the idle list
  if (is_recorded(w)) record::wakes(w);
  return true;
}

void wake_worker(worker& w) noexcept {
  w.token.store(1, std::memory_order_release); // I2
  w.runtime.world.wake_word(&w.token, 1);
}

// Gives an idle processor to a sleeper, to the poller or to a new thread. Requires: the caller has counted a searcher, which
// the one who is woken is from now on. False: nobody was woken, but there may be somebody by now.
bool wake_searcher(runtime_core& core) noexcept {
  processor* p = nullptr;
  worker* sleeper;
  {
    const base::spin_guard guard(core.idle_lock);
    sleeper = core.idle_workers;
    // If the poller is the only one asleep, it takes the processor itself (I4).
    if (sleeper != nullptr || core.polling.load(std::memory_order_relaxed) == 0) { // relaxed: I4
      p = pop_idle_processor(core);
      if (p != nullptr && sleeper != nullptr) core.idle_workers = sleeper->idle_link;
    }
  }
  if (p == nullptr) {
    const bool last = core.searching.fetch_sub(1, std::memory_order_seq_cst) == 1; // I1
    base::thread_fence(std::memory_order_seq_cst);                                 // I1
    // Perhaps the poller has looked and polls again, and whoever made work since then saw us as a searcher (I1). Or it has found
    // something and computes by now, and saw us as a searcher, too.
    if (core.polling.load(std::memory_order_relaxed) != 0) { // relaxed: the fence
      kick(core);
      return true;
    }
    return !last || !work_visible(core);
  }
  if (sleeper != nullptr) {
    sleeper->proc = p;
    wake_worker(*sleeper);
    return true;
  }
  if (start_worker(core, *p, true) == 0) return true;
  const base::spin_guard guard(core.idle_lock); // I5
  push_idle_processor(core, *p);
  core.searching.fetch_sub(1, std::memory_order_seq_cst);                                   // I1
  return core.idle_workers == nullptr && core.polling.load(std::memory_order_seq_cst) == 0; // I1, as above
}

// Puts the worker among the sleepers; or, if a processor is idle for which there is work by now, or nobody who polls, returns
// that instead (I5).
processor* enlist(worker& w) noexcept {
  runtime_core& core = w.runtime;
  const base::spin_guard guard(core.idle_lock);
  if (core.idle_processors != nullptr &&
      (work_visible(core) || core.polling.load(std::memory_order_relaxed) == 0)) // relaxed: I4
    return pop_idle_processor(core);
  w.idle_link = core.idle_workers;
  core.idle_workers = &w;
  return nullptr;
}

// Sleeps in the poller until something is due. Makes ready what is. Requires: the caller has set `polling`.
void poll_until_due(worker& w) noexcept {
  runtime_core& core = w.runtime;
  const env::nanoseconds now = core.world.now();
  env::nanoseconds deadline = std::min(earliest_timer(core), core.stacks.trim(now));
  if (shared_task_pool().trim()) deadline = now;
  core.polling_until.store(deadline, std::memory_order_relaxed); // relaxed: the fence orders it
  base::thread_fence(std::memory_order_seq_cst);                 // I1, I3
  if (work_visible(core) || stopping(core) || earliest_timer(core) < deadline) deadline = 0;
  env::readiness events[128];
  if (is_recorded(w)) record::sleeps(w, true);
  const int n = core.world.poll(core.poller, events, 128, deadline);
  if (is_recorded(w)) record::wakes(w);
  core.kicked.store(0, std::memory_order_relaxed);  // relaxed: at worst one kick too many
  core.polling.store(0, std::memory_order_release); // I3
  // Under the lock, without the hint of idle_count: who left an idle processor to the poller (I4) must find that it takes it.
  processor* p;
  {
    const base::spin_guard guard(core.idle_lock);
    p = pop_idle_processor(core);
  }
  if (p != nullptr) hold(w, *p);
  w.has_polled = p != nullptr;
  deliver(w, events, n);
}

} // namespace

bool sleep_until_needed(worker& w) noexcept {
  runtime_core& core = w.runtime;
  w.has_polled = false;
  env::nanoseconds my_earliest = env::forever;
  if (processor* mine = std::exchange(w.proc, nullptr)) { // null: it was taken (handoff.cc)
    if (mine->ready.empty()) mine->ready.shrink();
    if (mine->fresh.empty()) mine->fresh.shrink();
    my_earliest = mine->earliest.load(std::memory_order_relaxed); // relaxed: we were its holder
    if (is_recorded(w)) record::gives_up(w, *mine, record::loss::idle);
    if (!push_if_wanted(core, *mine)) lay_down(core, *mine);
  }
  if (w.searching) {
    w.searching = false;
    core.searching.fetch_sub(1, std::memory_order_seq_cst); // I1
  }
  base::thread_fence(std::memory_order_seq_cst); // I1
  for (;;) {
    if (stopping(core)) return false;
    if (work_visible(core))
      if (processor* p = try_take_processor(core)) {
        hold(w, *p);
        start_search(w);
        return true;
      }
    std::uint32_t nobody = 0;
    if (core.polling.compare_exchange_strong(nobody, 1, std::memory_order_seq_cst, // I3
                                             std::memory_order_relaxed)) {         // relaxed: somebody polls
      poll_until_due(w);
      if (stopping(core)) return false;
      if (w.proc != nullptr) {
        start_search(w);
        return true;
      }
      // All processors have workers; what was due is in the global queue. Sleep like the others.
    } else if (my_earliest <
                   core.polling_until.load(std::memory_order_relaxed) || // relaxed: the exchange, I3
               core.stacks.needs_trim()) {
      kick(core); // the poller does not know our timer, or our idle stacks, yet
    }
    if (processor* p = enlist(w)) {
      hold(w, *p);
      start_search(w);
      return true;
    }
    if (stopping(core))
      wake_all(core); // whoever set it takes idle_lock afterwards, so one of us sees the other
    if (!sleep_on_token(w)) {
      w.retired.store(true, std::memory_order_relaxed); // relaxed: whoever sees it joins the thread
      base::thread_fence(std::memory_order_seq_cst);    // O1 (arouse.h)
      arouse_monitor(core);
      return false;
    }
    if (w.proc != nullptr) { // handed over with `searching` counted
      w.searching = true;
      hold(w, *w.proc);
      return true;
    }
    if (stopping(core)) return false;
  }
}

void wake_another(runtime_core& core) noexcept {
  for (bool again = true; again;) {
    if (core.idle_count.load(std::memory_order_relaxed) == 0) return; // relaxed: the caller's fence, I1
    std::uint32_t nobody = 0;
    if (core.searching.load(std::memory_order_relaxed) != 0 || // relaxed: the caller's fence, I1
        !core.searching.compare_exchange_strong(nobody, 1, std::memory_order_seq_cst, // I1
                                                std::memory_order_relaxed)) // relaxed: somebody searches
      return;
    again = !wake_searcher(core);
  }
}

bool hand_to_another(runtime_core& core, processor& p) noexcept {
  if (core.has_too_many()) {
    lay_down(core, p);
    return true;
  }
  core.searching.fetch_add(1, std::memory_order_seq_cst); // I1: the one who is woken is a searcher
  worker* sleeper;
  {
    const base::spin_guard guard(core.idle_lock);
    sleeper = core.idle_workers;
    if (sleeper != nullptr) core.idle_workers = sleeper->idle_link;
  }
  if (sleeper != nullptr) {
    sleeper->proc = &p;
    wake_worker(*sleeper);
    return true;
  }
  if (start_worker(core, p, true) == 0) return true;
  strand(core, p);
  {
    const base::spin_guard guard(core.idle_lock); // I5
    push_idle_processor(core, p);
  }
  core.searching.fetch_sub(1, std::memory_order_seq_cst); // I1
  base::thread_fence(std::memory_order_seq_cst);          // I1
  wake_another(core);
  return false;
}

void wake_all(runtime_core& core) noexcept {
  worker* sleepers;
  {
    const base::spin_guard guard(core.idle_lock);
    sleepers = core.idle_workers;
    core.idle_workers = nullptr;
  }
  while (sleepers != nullptr) {
    worker* next = sleepers->idle_link;
    wake_worker(*sleepers);
    sleepers = next;
  }
  kick(core);
}

void stop_searching(worker& w) noexcept {
  if (!w.searching) return;
  w.searching = false;
  runtime_core& core = w.runtime;
  if (core.searching.fetch_sub(1, std::memory_order_seq_cst) != 1) return; // I1
  base::thread_fence(std::memory_order_seq_cst);                           // I1
  if (work_visible(core)) wake_another(core);
}

} // namespace thrum::sched
