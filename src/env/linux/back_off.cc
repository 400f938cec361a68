#include "env/back_off.h"
#include "base/spin_lock.h"

#include <sched.h>

namespace thrum {

constinit base::atomic<bool (*)() noexcept> env::instead_of_spinning{nullptr};

namespace base {

void back_off(unsigned turn) noexcept {
  if (auto* const let_others_run =
          env::instead_of_spinning.load(std::memory_order_relaxed); // relaxed: a function
      let_others_run != nullptr && let_others_run())
    return;
  // A lock is held for some tens of nanoseconds; who waits for microseconds waits for a thread that is not running.
  constexpr unsigned turns_between_yields = 64;
  if (turn % turns_between_yields == turns_between_yields - 1)
    ::sched_yield();
  else
    relax();
}

} // namespace base
} // namespace thrum
