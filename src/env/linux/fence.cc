// membarrier: the heavy half of the asymmetric fence (base/atomic.h).
#include "base/atomic.h"
#include "base/sanitizer.h"

#include <cerrno>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace thrum::base {

constinit std::atomic<bool> asymmetric_fences{false};

namespace {

// Registered before main, when the process is usually still single-threaded and registration is cheap. Whoever runs
// earlier (other static constructors) uses real fences on both sides, which are correct with or without the others.
[[maybe_unused]] const bool registered = [] {
  if (::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) != 0) return false;
  asymmetric_fences.store(true,
                          std::memory_order_relaxed); // relaxed: either branch of light_fence is correct
  return true;
}();

} // namespace

void heavy_fence() noexcept {
  thread_fence(std::memory_order_seq_cst); // the fallback's half; and the caller's own order in any case
  // Also if it is not known to be registered, and then refused: other static constructors may have started threads before.
  const int saved = errno;
  ::syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
  errno = saved;
}

} // namespace thrum::base
