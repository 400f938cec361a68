// What every fiber does (thrum/inspect.h).
#include "inspect/dump.h"

#include "inspect/text.h"
#include "sched/scheduler.h"

#include <thrum/inspect.h>

namespace thrum {

namespace inspect {

namespace {

// "runtime 'thrum': 2 processors (1 idle), 3 threads; queued: 4 global, processor 0: 12, processor 1: 0"
void describe_runtimes(std::string& to) {
  sched::for_each_runtime([&](sched::runtime_core& core) {
    to += std::string("runtime '") + core.name + "': " + std::to_string(core.processor_count) +
          " processors, " + std::to_string(core.idle_count.load(std::memory_order_relaxed)) +
          " idle; " +                                                         // relaxed: for a report
          std::to_string(core.worker_count.load(std::memory_order_relaxed)) + // relaxed: for a report
          " threads; " + std::to_string(core.stacks.in_use()) + " stacks\n";
    to += std::string("  queues: global ") + (core.global.empty() ? "empty" : "not empty");
    for (unsigned i = 0; i < core.processor_count; ++i) {
      const sched::processor& p = *core.processors[i];
      const std::size_t queued = p.ready.size_hint() + p.fresh.size_hint() + p.shared.size_hint();
      if (i < 64) to += ", processor " + std::to_string(i) + ": " + std::to_string(queued);
    }
    to += "\n";
  });
}

} // namespace

std::string describe_all() {
  std::vector<agent_view> agents;
  const totals all = take_census([&](const agent_view& a) { agents.push_back(a); });
  std::string text =
      "thrum: " + std::to_string(all.fibers) + " fibers, " + std::to_string(all.asleep) + " wait";
  if (all.waiting_to_begin != 0) text += ", " + std::to_string(all.waiting_to_begin) + " have yet to begin";
  text += "\n";
  describe_runtimes(text);
  list(text, agents);
  return text;
}

} // namespace inspect

std::string dump() { return inspect::describe_all(); }

} // namespace thrum
