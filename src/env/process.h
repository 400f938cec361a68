// The process as seen from inside: its threads, and memory that somebody else may be changing or giving back. For reports.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace thrum::env {

int this_process() noexcept; // its number

// The threads of this process, apart from those that a sanitizer keeps for itself.
struct thread_census {
  unsigned live = 0;    // 0: the system does not say
  bool all_wait = true; // in a futex or for events, and in no signal handler; those not asked for left aside
};
thread_census look_at_threads(std::span<const int> but_not) noexcept;

// The name that the kernel has for a thread of this process; "" if there is none.
std::string name_of_thread(int thread);

struct copy_request {
  void* to;
  const void* from;
  std::size_t size;
  bool done; // false afterwards: that memory cannot be read
};

// Copies memory of this process without trusting it to be there, or to stand still meanwhile.
void copy_memory(std::span<copy_request> requests) noexcept;
inline bool copy_memory(void* to, const void* from, std::size_t size) noexcept {
  copy_request one{to, from, size, false};
  copy_memory({&one, 1});
  return one.done;
}

} // namespace thrum::env
