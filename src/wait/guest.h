// guest: a plain thread (std::thread, main) as an agent. It waits on a futex word of its own.
//
// Guests are never freed, only recycled when their thread ends, so waking one late is harmless: the futex call may
// find a sleeper of another wait, which sees a word that says "go on sleeping".
#pragma once

#include "wait/agent.h"
#include "wait/thread_context.h"

#include <cstdint>

namespace thrum::detail {
struct group_link;
} // namespace thrum::detail

namespace thrum::wait {

struct guest : thread_context, agent {
  guest() noexcept : agent(agent_kind::thread) { current = this; }

  // Blocks the calling thread, whose guest this is, until wake() was called once since the last sleep().
  void sleep() noexcept;
  // The same, until the deadline at most. False: not woken; the thread may sleep again, for the same wake().
  bool sleep_until(std::int64_t deadline) noexcept;
  // Lets the thread go on. Everything before it happens-before the return of sleep().
  void wake() noexcept;

  // Orderings
  //   G1  wake's release exchange -> sleep's acquire load or exchange.
  base::atomic<std::uint32_t> token{0}; // 0 nothing, 1 woken, 2 sleeping; any thread
  guest* next_free = nullptr;           // guarded by the free list's lock
  detail::group_link* groups = nullptr; // innermost first (thrum/detail/task_group_core.h); its own
};

// The guest of the calling thread, which is no worker.
inline guest& this_guest() noexcept { return static_cast<guest&>(this_thread()); }

} // namespace thrum::wait
