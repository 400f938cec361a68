// What the tests of io/ and net/ share: waiting for a state instead of sleeping, faults for the time of a test, leak counts.
#pragma once

#include "env/env.h"

#include <cstdlib>
#include <dirent.h>

#include <thrum/runtime.h>
#include <thrum/this_fiber.h>

namespace thrum::io::test {

// Lets others run until `p()` holds. A test that waits here for ever is killed by its time limit.
template <class Predicate> void wait_until(Predicate p) {
  while (!p()) this_fiber::yield();
}

inline unsigned open_descriptors() {
  DIR* dir = ::opendir("/proc/self/fd");
  unsigned n = 0;
  while (::readdir(dir) != nullptr) ++n;
  ::closedir(dir);
  return n - 3; // ".", ".." and the directory itself
}

// How often a repeated test repeats: `n`, times THRUM_STRESS.
inline int repetitions(int n) {
  const char* factor = std::getenv("THRUM_STRESS");
  return factor != nullptr && std::atoi(factor) > 0 ? n * std::atoi(factor) : n;
}

// Installs a fault hook of the real world. Made before the runtime whose descriptors are to fail, and outlives it.
class fault_hook {
public:
  explicit fault_hook(bool (*hook)(env::fault_site) noexcept) { env::linux_world().fault = hook; }
  ~fault_hook() { env::linux_world().fault = nullptr; }
  fault_hook(const fault_hook&) = delete;
  fault_hook& operator=(const fault_hook&) = delete;
};

} // namespace thrum::io::test
