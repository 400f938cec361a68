#include "env/process.h"

#include "base/sanitizer.h"
#include "env/linux/small_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace thrum::env {

int this_process() noexcept { return ::getpid(); }

namespace {

enum class thread_state : std::uint8_t { not_ours, waits, busy };

// A thread whose signal handler waits for something else than a futex is busy; so the call matters. (The kernel shows it as the
// first word: "202 0x7f...", or "running".)
thread_state state_of(int thread) noexcept {
  const auto [letter, is_kernels] = status_of_thread(thread);
  // The first one is a zombie after pthread_exit in main.
  if (letter == 0 || letter == 'Z' || letter == 'X' || is_kernels) return thread_state::not_ours;
  if (letter != 'S') return thread_state::busy;
  char text[192];
  if (!read_of_thread(thread, "syscall", text)) return thread_state::waits; // kernels that do not say
  const long call = std::strtol(text, nullptr, 10);
  for (const long allowed : {
           static_cast<long>(SYS_futex),
           static_cast<long>(SYS_epoll_pwait),
           static_cast<long>(SYS_epoll_pwait2),
#if defined(SYS_epoll_wait)
           static_cast<long>(SYS_epoll_wait),
#endif
#if THRUM_TSAN // its own thread
           static_cast<long>(SYS_nanosleep),
           static_cast<long>(SYS_clock_nanosleep),
#endif
       })
    if (call == allowed) return thread_state::waits;
  return thread_state::busy;
}

// Where process_vm_readv is forbidden (containers): slower, and always allowed for oneself.
bool copy_through_proc(const copy_request& r) noexcept {
  static const int memory = ::open("/proc/thread-self/mem", O_RDONLY | O_CLOEXEC);
  if (memory < 0) return false;
  return ::pread(memory, r.to, r.size, static_cast<off_t>(reinterpret_cast<std::uintptr_t>(r.from))) ==
         static_cast<ssize_t>(r.size);
}

} // namespace

thread_census look_at_threads(std::span<const int> but_not) noexcept {
  const int saved = errno;
  thread_census all;
  if (DIR* tasks = ::opendir("/proc/self/task")) {
    while (const dirent* entry = ::readdir(tasks)) {
      if (entry->d_name[0] == '.') continue;
      const int thread = std::atoi(entry->d_name);
      const thread_state state = state_of(thread);
      if (state == thread_state::not_ours) continue;
      ++all.live;
      if (std::find(but_not.begin(), but_not.end(), thread) == but_not.end())
        all.all_wait &= state == thread_state::waits;
    }
    ::closedir(tasks);
  }
  errno = saved;
  if (THRUM_TSAN && all.live != 0) --all.live; // the thread sanitizer keeps a thread of its own
  return all;
}

std::string name_of_thread(int thread) {
  char text[32];
  read_of_thread(thread, "comm", text);
  std::string name = text;
  if (name.ends_with('\n')) name.pop_back();
  return name;
}

void copy_memory(std::span<copy_request> requests) noexcept {
  constexpr std::size_t batch = 64;
  const int saved = errno;
  const pid_t self =
      ::gettid(); // the first thread may have ended, and the kernel finds no memory by its number then
  for (std::size_t first = 0; first < requests.size();) {
    const auto now = requests.subspan(first, std::min(batch, requests.size() - first));
    iovec to[batch];
    iovec from[batch];
    for (std::size_t i = 0; i < now.size(); ++i) {
      now[i].done = false;
      to[i] = {now[i].to, now[i].size};
      from[i] = {const_cast<void*>(now[i].from), now[i].size};
    }
    ssize_t copied = ::process_vm_readv(self, to, now.size(), from, now.size(), 0);
    if (copied < 0 && errno != EFAULT) {
      for (copy_request& r : now) r.done = copy_through_proc(r);
      first += now.size();
      continue;
    }
    // It stops at the first piece that cannot be read: that one is left out, and the next batch begins behind it.
    std::size_t whole = 0;
    for (; whole < now.size() && copied >= static_cast<ssize_t>(now[whole].size); ++whole) {
      now[whole].done = true;
      copied -= static_cast<ssize_t>(now[whole].size);
    }
    first += whole == now.size() ? whole : whole + 1;
  }
  errno = saved;
}

} // namespace thrum::env
