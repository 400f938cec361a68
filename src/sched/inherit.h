// What is bound where work is started is bound where it runs (scoped.h).
#pragma once

#include "wait/local.h"

#include <thrum/detail/binding.h>
#include <thrum/detail/self.h>
#include <thrum/detail/task.h>

#include <utility>

namespace thrum::sched {

// Gives the task what is bound for the caller.
[[gnu::always_inline]] inline void inherit(detail::task& t) noexcept {
  const wait::thread_head* here = detail::self();
  if (here == nullptr || here->current == nullptr) return;
  detail::binding* b = here->current->own.bound;
  if (__builtin_expect(b != nullptr, false)) t.bound = wait::kept(b);
}

// For a task that is not started after all.
inline void disinherit(detail::task& t) noexcept { wait::release(std::exchange(t.bound, nullptr)); }

} // namespace thrum::sched
