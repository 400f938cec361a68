#include "base/spin_lock.h"

#include <sched.h>

namespace thrum::base {

void back_off(unsigned turn) noexcept {
  // A lock is held for some tens of nanoseconds; who waits for microseconds waits for a thread that is not running.
  constexpr unsigned turns_between_yields = 64;
  if (turn % turns_between_yields == turns_between_yields - 1)
    ::sched_yield();
  else
    relax();
}

} // namespace thrum::base
