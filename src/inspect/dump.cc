// What every fiber does (thrum/inspect.h).
#include "inspect/groups.h"
#include "inspect/report.h"
#include "inspect/text.h"
#include "io/disk_read.h"
#include "sched/scheduler.h"

#include <algorithm>
#include <thrum/inspect.h>

namespace thrum {

namespace {

void describe_runtimes(std::string& to) {
  sched::for_each_runtime([&](sched::runtime_core& core) {
    to += to_string(inspect::report_of(core));
    if (const std::string how = io::describe_disk_reads(core); !how.empty())
      to += "  files are read from disks " + how + "\n";
    to += std::string("  queued: global ") + (core.global.empty() ? "none" : "some");
    constexpr unsigned most_shown = 64;
    for (unsigned i = 0; i < std::min(core.count_made(), most_shown); ++i) {
      to += ", processor " + std::to_string(i) + ": " + std::to_string(core.processors[i]->queued_hint());
    }
    to += "\n";
  });
}

} // namespace

std::string dump() {
  std::vector<inspect::agent_view> agents;
  inspect::group_census groups;
  const inspect::totals all =
      inspect::take_census([&](const inspect::agent_view& a) { agents.push_back(a); }, &groups);
  std::string text =
      "thrum: " + std::to_string(all.fibers) + " fibers, " + std::to_string(all.asleep) + " wait";
  if (all.coroutines != 0) text += ", " + std::to_string(all.coroutines) + " coroutines";
  if (all.waiting_to_begin != 0) text += ", " + std::to_string(all.waiting_to_begin) + " have yet to begin";
  text += "\n";
  describe_runtimes(text);
  inspect::list_groups(text, groups, agents);
  inspect::list(text, agents);
  return text;
}

} // namespace thrum
