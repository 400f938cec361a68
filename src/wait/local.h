// The values of fiber_locals that an agent has: a small table from keys to values, made at the first use.
#pragma once

#include "wait/agent.h"

#include <thrum/detail/binding.h>

namespace thrum::wait {

// Destroys all values of an agent, which is calling and about to end, and drops its bindings.
void end_belongings_slow(belongings& own) noexcept;
[[gnu::always_inline]] inline void end_belongings(belongings& own) noexcept {
  if (__builtin_expect(own.locals != nullptr || own.bound != nullptr, false)) end_belongings_slow(own);
}

// One reference more, for somebody who has one, or to what is bound there; null stays null.
inline detail::binding* kept(detail::binding* b) noexcept {
  if (b != nullptr)
    b->references.fetch_add(1, std::memory_order_relaxed); // relaxed: there is one, so it lives
  return b;
}
// binding.cc: gives a reference back.
void release(detail::binding* b) noexcept;

} // namespace thrum::wait
