#include "env/linux/thread_watch.h"

#include "env/linux/small_file.h"

#include <cstdint>
#include <ctime>
#include <sys/syscall.h>
#include <unistd.h>

namespace thrum::env {

int thread_id() noexcept { return static_cast<int>(::syscall(SYS_gettid)); }

nanoseconds cpu_time_of(int thread) noexcept {
  // The kernel's encoding of a thread's CPU clock (include/linux/posix-timers.h), as glibc makes it from a pthread_t.
  constexpr unsigned per_thread_sched = 6;
  const auto clock = static_cast<clockid_t>((~static_cast<unsigned>(thread) << 3) | per_thread_sched);
  timespec t;
  if (::clock_gettime(clock, &t) != 0) return 0;
  return static_cast<nanoseconds>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

bool sleeps(int thread) noexcept {
  const char state = state_of_thread(thread);
  return state == 'S' || state == 'D' || state == 'T' || state == 't';
}

void set_time_slice(int thread, nanoseconds slice) noexcept {
  // struct sched_attr in its first form; <linux/sched/types.h> collides with <sched.h>.
  struct {
    std::uint32_t size;
    std::uint32_t policy;
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime;
    std::uint64_t deadline;
    std::uint64_t period;
  } attributes{};
  static_assert(sizeof attributes == 48);
  // What is not changed must be given as it is; a nice value or another policy of the user's is kept.
  if (::syscall(SYS_sched_getattr, thread, &attributes, sizeof attributes, 0) != 0 || attributes.policy != 0)
    return;
  attributes.size = sizeof attributes;
  attributes.runtime = static_cast<std::uint64_t>(slice);
  static_cast<void>(::syscall(SYS_sched_setattr, thread, &attributes, 0));
}

} // namespace thrum::env
