// Fibers that still wait when their runtime ends.
#include "inspect/text.h"
#include "sched/inspector.h"
#include "sched/runtime_core.h"

#include <new>

namespace thrum {

namespace inspect {

namespace {

struct leftovers {
  std::vector<agent_view> waiting;
  bool some_run = false;
};

leftovers look(const sched::runtime_core& core) {
  leftovers l;
  take_census([&](const agent_view& a) {
    if (a.home != &core) return;
    l.some_run |= !a.asleep;
    if (a.asleep && !a.has_deadline && a.why != wait::reason::sleep) l.waiting.push_back(a);
  });
  return l;
}

} // namespace
} // namespace inspect

void sched::report_leaks(runtime_core& core) noexcept {
  // Those that run may be about to end: they get a moment.
  constexpr env::nanoseconds moment = 100'000'000;
  constexpr env::nanoseconds pause = 1'000'000;
  const env::nanoseconds until = core.world.now() + moment;
  try {
    inspect::leftovers left = inspect::look(core);
    while (left.some_run && core.world.now() < until) {
      const std::uint32_t nobody_writes = 0;
      core.world.wait_word(&nobody_writes, 0, core.world.now() + pause);
      left = inspect::look(core);
    }
    if (left.waiting.empty()) return;
    std::string text = "thrum: leak: runtime '" + std::string(core.name) + "' ends while " +
                       std::to_string(left.waiting.size()) +
                       (left.waiting.size() == 1 ? " fiber still waits\n" : " fibers still wait\n");
    inspect::list(text, left.waiting);
    text += "  they are asked to stop now; join them, or close what they wait for\n";
    inspect::print(text);
  } catch (const std::bad_alloc&) {} // no memory for a report
}

} // namespace thrum
