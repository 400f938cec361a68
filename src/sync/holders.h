// For reports: who must act before a wait can end, where that is one agent.
#pragma once

#include "wait/agent.h"

namespace thrum::sync {

// The word of the primitive that names him, or null: nobody in particular. Nothing is read: the primitive may be gone.
struct holder_word {
  const void* address = nullptr; // of a pointer
  bool is_fiber = false;         // it points to a sched::fiber; else to a wait::agent
};
holder_word holder_word_of(wait::reason why, const void* primitive) noexcept;

const void* runner_word_of(const void* joinable) noexcept; // join.cc

} // namespace thrum::sync
