// From readiness reports to fibers that go on.
#include "sched/scheduler.h"
#include "sched/watch.h"

namespace thrum::sched {

void deliver(worker& w, const env::readiness* events, int count) noexcept {
  for (int i = 0; i < count; ++i) {
    auto& watched = *static_cast<watcher*>(events[i].token);
    watched.on_ready(w, watched, events[i]);
  }
}

bool poll_now(worker& w) noexcept {
  runtime_core& core = w.runtime;
  env::readiness events[64];
  const int n = core.world.poll(core.poller, events, 64, 0);
  if (n <= 0) return false;
  deliver(w, events, n);
  return true;
}

} // namespace thrum::sched
