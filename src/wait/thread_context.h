// thread_context: what thrum knows about the thread it is running on. A worker extends it with its processor; any other
// thread gets a plain one when it first waits or wakes.
#pragma once

#include "base/spin_lock.h"

#include <thrum/detail/self.h>

#include <cstdint>

namespace thrum::wait {

// Places where threads count what is to be counted without sharing cache lines (sync/region_counts.h). A slot below own_slots is one
// thread's alone while it lives; threads beyond that number share the others.
#if defined(THRUM_EXPLORE)
inline constexpr std::uint32_t own_slots = 2;
inline constexpr std::uint32_t shared_slots = 1;
#else
inline constexpr std::uint32_t own_slots = 128;
inline constexpr std::uint32_t shared_slots = 8;
#endif
inline constexpr std::uint32_t all_slots = own_slots + shared_slots;

struct thread_context;

// What a simulation is told by its worker (sched/simulation.h). In the agent's own code, about to take a guard: others may run first.
// Or the guard is taken, by an agent that others were preferred to: others must.
enum class meddling : std::uint8_t { about_to_act, guard_is_taken };

// Of simulations; written before the first of their workers is started. A word of the process, so that contexts do not grow.
using meddler = void(const thread_context&, meddling) noexcept;
inline constinit meddler* meddle = nullptr;

struct alignas(64) thread_context
    : thread_head {                          // aligned: the low bits of its address are free for wait::lock
  bool is_worker = false;                    // constant after construction
  bool is_simulated = false;                 // constant; gets no biased guards, and no quick locks
  int number = 0;                            // of a plain thread, the kernel's; for reports
  mutable std::uint32_t collisions = 0;      // how often it found a guard taken; this thread only
  std::uint32_t slot = own_slots;            // this thread only, as the next
  std::uint64_t random_state = 0;            // 0: not seeded yet
  thread_context* registered_next = nullptr; // guarded by the registry's lock, as is the next
  thread_context* registered_prev = nullptr;

  // xorshift64*: for the order of a select, not for secrets.
  std::uint64_t random() noexcept {
    if (__builtin_expect(random_state == 0, false)) seed();
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1du;
  }
  void seed() noexcept; // guest.cc
};

// In a simulation others may run now, as if the agent had lost its thread here. For the border of an operation where no guard is taken.
[[gnu::always_inline]] inline void about_to_act(const thread_context& me) noexcept {
  if (__builtin_expect(me.is_simulated, false)) meddle(me, meddling::about_to_act);
}

// The calling thread's context, made now if it has none. Never null.
thread_context& this_thread_slow() noexcept;
[[gnu::always_inline]] inline thread_context& this_thread() noexcept {
  thread_head* head = detail::self();
  if (__builtin_expect(head != nullptr, true)) return *static_cast<thread_context*>(head);
  return this_thread_slow();
}

// Makes `context` the calling thread's own (null: none). For workers.
void bind_thread(thread_context* context) noexcept;

// From now on all locks of the calling thread, and of threads that are met later, are watched (sync/lock_order.h).
void watch_locks() noexcept;
bool locks_are_watched() noexcept;

namespace registry {
extern base::spin_lock lock;
extern thread_context* first; // guarded by lock
// Slots from here on up to own_slots were never given to a thread. It is written before the thread uses its slot.
std::uint32_t end_of_own_slots() noexcept;
} // namespace registry

// Calls visit(context) for every thread that thrum knows, worker or not. Threads come and go only before or after the call.
template <class Visit> void for_each_thread(Visit visit) {
  const base::spin_guard guard(registry::lock);
  for (const thread_context* t = registry::first; t != nullptr; t = t->registered_next) visit(*t);
}

} // namespace thrum::wait
