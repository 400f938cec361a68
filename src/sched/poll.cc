// From readiness reports to fibers that go on.
#include "sched/scheduler.h"
#include "sched/watch.h"

namespace thrum::sched {

namespace {

// A thousand connections do not fit into the caches beside what the kernel keeps of them: what a report leads to is fetched
// while those before it are delivered, the watcher first and then what it points to.
void prefetch_ahead(const env::readiness* events, int count, int i) noexcept {
  constexpr int far = 6, near = 3;
  if (i + far < count) {
    const auto* soon = static_cast<const char*>(events[i + far].token);
    __builtin_prefetch(soon);
    __builtin_prefetch(soon + 64);
    __builtin_prefetch(soon + 128);
  }
  if (i + near < count) {
    const auto& next = *static_cast<const watcher*>(events[i + near].token);
    __builtin_prefetch(
        next.touches.load(std::memory_order_relaxed)); // relaxed: nobody looks at what is there
  }
}

} // namespace

void deliver(worker& w, const env::readiness* events, int count) noexcept {
  base::atomic<std::uint32_t>& polls = w.runtime.polls;
  polls.store(polls.load(std::memory_order_relaxed) + 1,
              std::memory_order_relaxed); // relaxed: a hint, which may miss some
  for (int i = 0; i < count; ++i) {
    prefetch_ahead(events, count, i);
    auto& watched = *static_cast<watcher*>(events[i].token);
    watched.on_ready(w, watched, events[i]);
  }
}

bool poll_now(worker& w) noexcept {
  runtime_core& core = w.runtime;
  env::readiness events[64];
  const int n = core.world.poll(core.poller, events, 64, 0);
  deliver(w, events, n);
  return n > 0;
}

} // namespace thrum::sched
