// What the scheduler knows about a descriptor: whom to tell when it is ready. io/ makes these.
#pragma once

#include "base/atomic.h"
#include "env/env.h"

#include <cstdint>

namespace thrum::sched {

struct worker;

struct watcher {
  // Called inside the runtime when the descriptor is ready; makes the fibers ready that wait for it. Never parks.
  void (*on_ready)(worker& w, watcher& self, const env::readiness& r) noexcept;
  // What on_ready will touch besides: the frame of who waits. Only ever prefetched, so it may be stale.
  base::atomic<const void*> touches = nullptr;
};

// For one_by_one.h: what a fiber waits for that waits to read, and has the guard of the descriptor (agent::waiting_for). Implemented by
// io/.
enum class awaited_read : std::uint8_t {
  work, // of what others have opened
  answer, // of a connection that this process has opened, and something was written to it since the last such wait
  rest // the same, and nothing was
};
awaited_read note_awaited_read(const void* descriptor) noexcept;

// Somebody looks on (one_by_one.h), so whoever reads and writes has to tell: note_work(), that the calling fiber reads what others have sent
// by themselves. It may not wait for it, if they are quick.
#if defined(THRUM_EXPLORE)
inline bool is_looked_on() noexcept { return false; } // models are not
inline void note_work() noexcept {}
#else
extern base::atomic<bool> looked_on; // one_by_one.cc
inline bool is_looked_on() noexcept {
  return __builtin_expect(looked_on.load(std::memory_order_relaxed), false); // relaxed: a hint
}
void note_work() noexcept;
#endif

} // namespace thrum::sched
