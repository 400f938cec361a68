// What the scheduler knows about a descriptor: whom to tell when it is ready. io/ makes these.
#pragma once

#include "base/atomic.h"
#include "env/env.h"

namespace thrum::sched {

struct worker;

struct watcher {
  // Called inside the runtime when the descriptor is ready; makes the fibers ready that wait for it. Never parks.
  void (*on_ready)(worker& w, watcher& self, const env::readiness& r) noexcept;
  // What on_ready will touch besides: the frame of who waits. Only ever prefetched, so it may be stale.
  base::atomic<const void*> touches = nullptr;
};

} // namespace thrum::sched
