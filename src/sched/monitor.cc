// When is a processor taken? (How: handoff.cc.)
//
// The monitor looks at each processor now and then. One whose holder has not dispatched anything since the last look, and is in a
// fiber's own code, is a candidate. It is taken
//   - after `time_slice`, in any case: the fiber computes, and others have a right to their turn;
//   - sooner, after `patience`, if its thread sleeps in the kernel and somebody waits: a blocked thread needs no processor;
//   - sooner, if something is due (a timer, a descriptor, work from elsewhere) and no processor is idle: that does not wait for
//     a time slice. One processor a look is enough.
// Whether the thread computes or sleeps is asked of the kernel: its CPU clock, and only if that stands still its state, which
// tells a thread that waits for a CPU from one that waits for something else.
//
// It also makes sure that what is due is seen while a processor is idle but nobody polls; and it looks after stacks that were deep
// (deep.cc).
//
// A hog's thread is asked to take longer turns (sched_setattr, Linux 6.12), and workers take short ones: the kernel then serves
// a worker that wakes up before it goes on with the hog. It goes back to short turns when it gets a processor again.
//
// How often: every millisecond while something waits, twice as slow while nothing does, and quickly after it took something from
// a blocked thread, since blocking calls come in crowds. A timer that will be due wakes it in time. When all processors are idle
// for some looks it sleeps until one is not: an idle program wakes up zero times a second.
//
// How it sleeps and is woken: arouse.h, with the orderings O1 and O3.
#include "sched/monitor.h"

#include "env/panic.h"
#include "sched/arouse.h"
#include "sched/deep.h"
#include "sched/handoff.h"
#include "sched/inspector.h"
#include "sched/scheduler.h"

#include <algorithm>
#include <memory>
#include <new>

namespace thrum::sched {

namespace {

constexpr env::nanoseconds time_slice = 10'000'000;
constexpr env::nanoseconds patience = 50'000;         // with a thread that sleeps
constexpr env::nanoseconds due_patience = 200'000;    // with a hog, while something is due
constexpr env::nanoseconds lone_patience = 1'000'000; // with a thread that sleeps, while nobody seems to wait
constexpr env::nanoseconds quick_look = 50'000;
constexpr env::nanoseconds look = 1'000'000;
constexpr env::nanoseconds slow_look = 2'000'000;
// Long, so that who wakes up goes first; but a slice that has begun is protected from whoever has had more than its share lately (a
// worker that did much at once, the monitor), and so late it is then. 100 ms, the most that is granted: ticks 20 to 80 ms late beside
// four hogs a CPU, while plain threads were never (November 2026, Linux 6.18); 10 ms: 8.
constexpr env::nanoseconds hog_slice = 10'000'000;
constexpr unsigned looks_in_a_crowd = 10;
constexpr unsigned idle_looks = 25;
constexpr env::nanoseconds first_inspection = 1'000'000'000; // of a runtime that is never idle

constinit bells<runtime_core, 16> the_bells;

struct observation {
  worker* holder = nullptr;
  std::uint64_t progress = 0;
  env::nanoseconds since = 0;
  env::nanoseconds cpu_time = 0;
};

class monitor {
public:
  explicit monitor(runtime_core& core) noexcept
      : core_(core), inspector_(make_inspector(core)), deep_(core) {}

  void run() noexcept {
    env::nanoseconds pause = look;
    next_inspection_ = core_.world.now() + first_inspection;
    for (unsigned idle = 0; !ending();) {
      idle = all_idle() ? idle + 1 : 0;
      if (idle > idle_looks) {
        rest();
        idle = 0;
        pause = look;
        continue;
      }
      now_ = core_.world.now();
      if (crowd_ != 0) --crowd_;
      took_ = false;
      judge_load();
      see_all();
      for (unsigned i = 0; i < seen_count_; ++i) examine(*core_.processors[i], seen_[i]);
      if (crowd_ != 0)
        pause = quick_look;
      else
        pause = std::min(pause * 2, waiting_ ? look : slow_look);
      // While each look finds one more that blocks, there is no pause: the next is on its way.
      if (crowd_ != looks_in_a_crowd)
        core_.world.wait_word(&core_.monitor_asleep, 0,
                              std::max(now_ + quick_look, std::min(now_ + pause, timers_late_)));
      if (++looks_ % 512 == 0) reap();
      deep_.look(now_, true);
      write_dump_if_wanted();
      if (now_ >= next_inspection_ && inspector_ != nullptr) next_inspection_ = inspector_->look(now_, false);
    }
    reap();
  }

private:
  bool ending() const noexcept {
    return core_.monitor_end.load(std::memory_order_acquire); // R1 (runtime.cc)
  }

  bool all_idle() const noexcept {
    return core_.idle_count.load(std::memory_order_relaxed) ==
           core_.active.load(std::memory_order_relaxed); // relaxed: a hint
  }

  // There may be more processors than before. Without memory for them, those that were seen until now are seen further on.
  void see_all() noexcept {
    const unsigned n = core_.count_made();
    if (n == seen_count_) return;
    std::unique_ptr<observation[]> more(new (std::nothrow) observation[n]);
    if (more == nullptr) return;
    std::copy_n(seen_.get(), seen_count_, more.get());
    seen_ = std::move(more);
    seen_count_ = n;
  }

  void write_dump_if_wanted() noexcept {
    if (inspector_ != nullptr && the_bells.take_request()) inspector_->write_dump();
  }

  // Sleeps until not all are idle. What is wrong while nobody does anything is found here. Sleep begins before that is looked for: who was
  // busy for a moment in between wakes us, and what was seen before does not count.
  void rest() noexcept {
    bool active = true;
    do {
      lie_down(core_.monitor_asleep);
      reap();
      write_dump_if_wanted();
      const env::nanoseconds next =
          inspector_ != nullptr ? inspector_->look(core_.world.now(), true) : env::forever;
      sleep_deeply(std::min(next, deep_.look(core_.world.now(), active)));
      active =
          core_.monitor_asleep.load(std::memory_order_relaxed) != 1; // relaxed: who roused us ran, or will
      core_.monitor_asleep.store(0, std::memory_order_relaxed); // relaxed: who still wakes us does no harm
    } while (!ending() && all_idle());
    next_inspection_ = core_.world.now() + first_inspection;
  }

  // Is there anything that a processor should be found for?
  void judge_load() noexcept {
    const bool all_busy = core_.idle_count.load(std::memory_order_relaxed) == 0; // relaxed: a hint
    const env::nanoseconds earliest = earliest_timer(core_);
    timers_late_ = std::min(earliest, env::forever - due_patience) + due_patience;
    // The poller is asked only if nobody else has since the last look: the kernel goes through reports then that were taken long ago, and
    // keeps the poller from everybody meanwhile.
    const std::uint32_t polls = core_.polls.load(std::memory_order_relaxed); // relaxed: a hint
    const bool polled = std::exchange(polls_, polls) != polls;
    due_ = !core_.global.empty() || timers_late_ <= now_ ||
           (!polled && core_.watched.load(std::memory_order_relaxed) != 0 && // relaxed: a hint
            core_.world.has_events(core_.poller));
    // While a processor is idle, somebody polls; but who did may have found work, and now computes.
    // And who polls does not know of a timer that was set by somebody who went on to compute.
    if (due_ && !all_busy) {
      if (core_.polling.load(std::memory_order_relaxed) == 0) // relaxed: a hint
        wake_another(core_);
      else if (earliest < core_.polling_until.load(std::memory_order_relaxed)) // relaxed: a hint
        kick(core_);
    }
    due_ &= all_busy;
    waiting_ = due_ || (polled && all_busy) || core_.has_too_many();
    for (unsigned i = 0, n = core_.count_made(); !waiting_ && i < n; ++i)
      waiting_ = core_.processors[i]->queued_hint() != 0;
  }

  void examine(processor& p, observation& o) noexcept {
    worker* w = p.holder.load(std::memory_order_acquire); // H1 (handoff.cc)
    const std::uint64_t progress = p.progress();
    if (w == nullptr) {
      o.holder = nullptr;
      return;
    }
    // Blocking calls come in crowds: soon after one was found, who sleeps in the kernel is not waited for at all.
    if (crowd_ != 0 && p.queued_hint() != 0 &&
        w->place.load(std::memory_order_relaxed) == worker::outside && // relaxed: a hint
        core_.world.thread_sleeps(w->thread_number)) {
      take(p, *w, true);
      o.holder = nullptr;
      return;
    }
    if (o.holder != w || o.progress != progress) {
      // What is due waits for the next look beyond, which is far off where fibers have begun to run for long. The holder may overwrite
      // this: next time, then.
      if (due_ && o.holder == w) p.set_turns(0);
      o = {w, p.progress(), now_, core_.world.thread_cpu_time(w->thread_number)};
      return;
    }
    // It may be inside by chance: a loop that starts fibers, or sends, dispatches nobody either.
    if (w->place.load(std::memory_order_relaxed) == worker::inside) return; // relaxed: try_take decides
    const env::nanoseconds age = now_ - o.since;
    const bool blocked = age >= patience && is_blocked(*w, o, age);
    const bool wanted = due_ || p.queued_hint() != 0 || core_.has_too_many();
    if (blocked ? age < (wanted ? patience : lone_patience)
                : age < (due_ && !took_ ? due_patience : time_slice))
      return;
    take(p, *w, blocked);
    o.holder = nullptr;
  }

  bool is_blocked(const worker& w, const observation& o, env::nanoseconds age) const noexcept {
    return core_.world.thread_cpu_time(w.thread_number) - o.cpu_time < age / 4 &&
           core_.world.thread_sleeps(w.thread_number);
  }

  void take(processor& p, worker& w, bool blocked) noexcept {
    if (!core_.has_too_many() && !a_thread_is_left()) return report_limit();
    // Before it is taken: afterwards the worker may undo it at any time.
    w.demoted.store(!blocked, std::memory_order_relaxed);     // relaxed: E2 (handoff.cc)
    w.lost_blocked.store(blocked, std::memory_order_relaxed); // relaxed: E2 (handoff.cc)
    env::nanoseconds lost = 0; // another time: it has just given up by itself, and that is to be told
    w.lost_at.compare_exchange_strong(lost, now_, std::memory_order_relaxed); // relaxed: E2 (handoff.cc)
    if (!blocked) core_.world.set_time_slice(w.thread_number, hog_slice);
    if (!try_take(w, p)) {
      lost = now_;
      w.lost_at.compare_exchange_strong(
          lost, 0, std::memory_order_relaxed); // relaxed: the worker looks only if it was taken
      if (!blocked) core_.world.set_time_slice(w.thread_number, worker::short_slice);
      return;
    }
    if (may_be_recorded()) record::taken(w, p, blocked);
    took_ = true;
    if (blocked) crowd_ = looks_in_a_crowd;
    (blocked ? core_.taken_from_blocked : core_.taken_from_hogs)
        .fetch_add(1, std::memory_order_relaxed); // relaxed: a count
    due_ &= !hand_to_another(core_, p);
  }

  // To start, or asleep. After the number of processors was lowered there may be more threads than are allowed by now: some of
  // those that sleep are none, then, and will end.
  bool a_thread_is_left() noexcept {
    const base::spin_guard guard(core_.idle_lock);
    const unsigned threads = core_.worker_count.load(std::memory_order_relaxed); // relaxed: guarded
    const unsigned limit = core_.thread_limit();
    const worker* w = core_.idle_workers;
    for (unsigned i = limit; i < threads && w != nullptr; ++i) w = w->idle_link;
    return threads < limit || w != nullptr;
  }

  // Threads that have ended because there was nothing to do for them.
  void reap() noexcept {
    for (;;) {
      worker* ended = nullptr;
      {
        const base::spin_guard guard(core_.idle_lock);
        for (worker** link = &core_.workers; *link != nullptr; link = &(*link)->all_link)
          if ((*link)->retired.load(std::memory_order_relaxed) &&         // relaxed: joined below
              (*link)->handle_is_known.load(std::memory_order_acquire)) { // T1 (worker.h); else next time
            ended = *link;
            *link = ended->all_link;
            core_.worker_count.store(core_.worker_count.load(std::memory_order_relaxed) - 1,
                                     std::memory_order_relaxed); // relaxed: guarded
            break;
          }
      }
      if (ended == nullptr) return;
      core_.world.join_thread(ended->thread);
      delete_worker(ended);
    }
  }

  // Requires: monitor_asleep was set, and may have been taken away since.
  void sleep_deeply(env::nanoseconds until) noexcept {
    while (!ending() && core_.monitor_asleep.load(std::memory_order_relaxed) != 0 && // relaxed: a flag
           all_idle() && !the_bells.is_dump_wanted() && (until == env::forever || core_.world.now() < until))
      core_.world.wait_word(&core_.monitor_asleep, 1, until);
  }

  void report_limit() noexcept {
    if (core_.thread_limit() == core_.parallelism()) return; // as it was asked for (runtime.h)
    if (std::exchange(limit_reported_, true)) return;
    env::report message;
    message.text("thrum: runtime '")
        .text(core_.name)
        .text("' has its ")
        .number(core_.thread_limit())
        .text(
            " threads, and all are blocked or compute; other fibers wait for them\n"
            "  raise options.max_threads, or limit how many fibers do that at a time (counting_semaphore)\n")
        .flush();
  }

  runtime_core& core_;
  const std::unique_ptr<inspector> inspector_;
  deep_stacks deep_;
  env::nanoseconds next_inspection_ = 0;
  env::nanoseconds now_ = 0;
  env::nanoseconds timers_late_ = 0;    // when some timer will be
  std::unique_ptr<observation[]> seen_; // one a processor
  unsigned seen_count_ = 0;
  unsigned looks_ = 0;
  std::uint32_t polls_ = 0; // at the last look
  bool due_ = false;        // something is due, and no processor is idle
  bool waiting_ = false;    // something waits
  bool took_ = false;       // in this look
  unsigned crowd_ = 0;      // looks until we stop to expect that more threads will block
  bool limit_reported_ = false;
};

void monitor_main(void* raw) noexcept {
  auto& core = *static_cast<runtime_core*>(raw);
  const int number = core.world.this_thread();
  core.monitor_number.store(number, std::memory_order_relaxed); // relaxed: a number
  core.world.set_time_slice(number, worker::short_slice);
  the_bells.hang(core);
  monitor(core).run();
  the_bells.take_away(core);
}

} // namespace

void start_monitor(runtime_core& core) noexcept {
  std::uintptr_t thread = 0;
  if (const int error =
          core.world.start_thread(&thread, "thrum-monitor", env::world::small_stack, &monitor_main, &core);
      error == 0) {
    core.monitor_thread.store(thread, std::memory_order_relaxed); // relaxed: until then, we are one too many
  } else {
    env::report message;
    message.text("thrum: runtime '")
        .text(core.name)
        .text("' has no monitor (error ")
        .number(static_cast<std::uint64_t>(-error))
        .text("): a fiber that blocks or computes will hold up others\n"
              "  the limit of threads may be reached: ulimit -u, or pids.max of the cgroup\n")
        .flush();
  }
}

void end_monitor(runtime_core& core) noexcept {
  // Not counted from here on: a census must not take us, who join it, for a thread that has gone already.
  const std::uintptr_t thread =
      core.monitor_thread.exchange(0, std::memory_order_relaxed); // relaxed: R1 orders it before its end
  if (thread == 0) return;
  core.monitor_end.store(true, std::memory_order_release); // R1 (runtime.cc)
  core.monitor_asleep.store(
      2, std::memory_order_release); // any value that it does not sleep on; with the flag, R1 (runtime.cc)
  core.world.wake_word(&core.monitor_asleep, 1);
  core.world.join_thread(thread);
}

bool request_dump() noexcept {
  return the_bells.ask_for_a_dump([](runtime_core& core) noexcept { arouse_monitor(core); });
}

void arouse_monitor(runtime_core& core) noexcept { arouse(core.monitor_asleep, core.world); }

} // namespace thrum::sched
