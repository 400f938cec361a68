// What the tests of io/ and net/ share: waiting for a state instead of sleeping, faults for the time of a test, leak counts.
#pragma once

#include "env/env.h"

#include <algorithm>
#include <cstdlib>
#include <dirent.h>
#include <string_view>
#include <unistd.h>

#include <thrum/runtime.h>
#include <thrum/this_fiber.h>

namespace thrum::io::test {

// Lets others run until `p()` holds. A test that waits here for ever is killed by its time limit.
template <class Predicate> void wait_until(Predicate p) {
  while (!p()) this_fiber::yield();
}

// How many descriptors this process holds, without the files in which it reads about itself: the monitor has one of those open
// for a moment whenever it looks at a thread. And without rings, which a runtime opens when it first needs them.
inline unsigned open_descriptors() {
  DIR* dir = ::opendir("/proc/self/fd");
  unsigned n = 0;
  while (const dirent* entry = ::readdir(dir)) {
    char target[64];
    const ssize_t length = ::readlinkat(::dirfd(dir), entry->d_name, target, sizeof target);
    if (length <= 0) continue; // ".", "..", or closed meanwhile
    const std::string_view name(target, static_cast<std::size_t>(length));
    if (!name.starts_with("/proc/") && !name.starts_with("/sys/") && name != "anon_inode:[io_uring]") ++n;
  }
  ::closedir(dir);
  return n;
}

#if defined(__SANITIZE_THREAD__)
inline constexpr int slowness = 5;
#elif defined(__has_feature)
inline constexpr int slowness = __has_feature(thread_sanitizer)    ? 5
                                : __has_feature(address_sanitizer) ? 3
                                                                   : 1;
#else
inline constexpr int slowness = 1;
#endif

// How often a repeated test repeats: `n`, less often where each costs much more, times THRUM_STRESS.
inline int repetitions(int n) {
  const char* factor = std::getenv("THRUM_STRESS");
  return std::max(n / slowness, 1) * (factor != nullptr && std::atoi(factor) > 0 ? std::atoi(factor) : 1);
}

// Installs a fault hook of the real world. Made before the runtime whose descriptors are to fail, and outlives it.
class fault_hook {
public:
  explicit fault_hook(bool (*hook)(env::fault_site) noexcept) { env::linux_world().fault = hook; }
  ~fault_hook() { env::linux_world().fault = nullptr; }
  fault_hook(const fault_hook&) = delete;
  fault_hook& operator=(const fault_hook&) = delete;
};

// A hook: io_uring is forbidden, so that a want of descriptors is one.
inline bool refuse_rings(env::fault_site site) noexcept { return site == env::fault_site::ring_open; }

} // namespace thrum::io::test
