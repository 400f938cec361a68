// runtime::report() (thrum/report.h).
#include "inspect/report.h"

#include "sched/blocking_pools.h"
#include "sched/one_by_one.h"
#include "sched/scheduler.h"

#include <algorithm>
#include <thrum/runtime.h>

namespace thrum {

namespace {

std::string in_ms(std::chrono::nanoseconds time) {
  return std::to_string(std::chrono::round<std::chrono::milliseconds>(time).count()) + " ms";
}

} // namespace

runtime_report inspect::report_of(sched::runtime_core& core) {
  runtime_report r;
  r.name = core.name;
  r.processors = core.parallelism();
  r.idle_processors = core.idle_count.load(std::memory_order_relaxed); // relaxed: for a report
  r.finished = sched::count_finished(core);
  r.spawned = sched::count_spawned(core);
  r.taken_from_computing = core.taken_from_hogs.load(std::memory_order_relaxed);  // relaxed: for a report
  r.taken_from_blocked = core.taken_from_blocked.load(std::memory_order_relaxed); // relaxed: for a report
  {
    const base::spin_guard guard(core.idle_lock);
    r.threads = core.worker_count.load(std::memory_order_relaxed);      // relaxed: for a report
    r.most_threads = core.most_workers.load(std::memory_order_relaxed); // relaxed: for a report
    r.thread_limit = core.thread_limit();
    for (const sched::worker* w = core.workers; w != nullptr; w = w->all_link)
      r.detached += w->lost_at.load(std::memory_order_relaxed) != 0; // relaxed: for a report
  }
  r.stacks = core.stacks.in_use();
  r.stack_bytes = core.stacks.mapped_bytes();
  std::vector<sched::holdup> rows;
  rows.reserve(sched::holdup_table::capacity); // no allocation under the lock
  core.holdups.for_each([&](const sched::holdup& h) { rows.push_back(h); });
  for (const sched::holdup& h : rows)
    r.holdups.push_back({h.site, h.computed, std::chrono::nanoseconds(h.computing), h.blocked,
                         std::chrono::nanoseconds(h.blocking)});
  std::sort(r.holdups.begin(), r.holdups.end(), [](const holdup_report& a, const holdup_report& b) {
    return a.computing + a.blocking > b.computing + b.blocking;
  });
  if (core.asking != nullptr)
    for (const sched::one_by_one::row& o : core.asking->rows())
      r.one_by_one.push_back({o.site, o.times, o.waits, o.most, std::chrono::nanoseconds(o.waiting)});
  std::sort(r.one_by_one.begin(), r.one_by_one.end(),
            [](const one_by_one_report& a, const one_by_one_report& b) { return a.waiting > b.waiting; });
  r.blocking_pools = sched::blocking_pools::all();
  return r;
}

runtime_report runtime::report() const { return inspect::report_of(*core_); }

std::string to_string(const runtime_report& r) {
  const auto n = [](auto value) { return std::to_string(value); };
  std::string text = "runtime '" + r.name + "': " + n(r.processors) + " processors (" + n(r.idle_processors) +
                     " idle), " + n(r.threads) + " threads (" + n(r.most_threads) + " at most, " +
                     n(r.thread_limit) + " allowed), " + n(r.spawned - std::min(r.spawned, r.finished)) +
                     " fibers of " + n(r.spawned) + "\n";
  if (r.detached != 0)
    text += "  " + n(r.detached) + " of the threads compute or block without a processor now\n";
  for (const holdup_report& h : r.holdups) {
    text += h.site.line() == 0
                ? std::string("  fibers of many places")
                : std::string("  fibers spawned at ") + h.site.file_name() + ":" + n(h.site.line());
    if (h.computed != 0)
      text += " computed " + n(h.computed) + " times for long, " + in_ms(h.computing) + " in all";
    if (h.blocked != 0)
      text += std::string(h.computed != 0 ? ";" : "") + " blocked " + n(h.blocked) + " times for long, " +
              in_ms(h.blocking) + " in all";
    text += "\n";
  }
  for (const one_by_one_report& o : r.one_by_one)
    text += std::string("  fibers spawned at ") + o.site.file_name() + ":" + n(o.site.line()) +
            " waited for answers one by one, " + n(o.waits) + " in " + n(o.times) + " operations, " +
            n(o.most) + " in the longest, " + in_ms(o.waiting) + " in all\n";
  for (const blocking_pool_report& p : r.blocking_pools)
    text += "  blocking pool '" + p.name + "': " + n(p.running) +
            (p.limit == 0 ? std::string(" threads") : " of " + n(p.limit) + " threads") + " (" + n(p.most) +
            " at most), " + n(p.waiting) + " wait, " + n(p.calls) + " calls\n";
  return text;
}

} // namespace thrum
