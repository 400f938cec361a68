#include "env/process.h"

#include "base/sanitizer.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

namespace thrum::env {

namespace {

// A thread that has ended, but not been waited for: the first one, after pthread_exit in main.
bool is_zombie(const char* thread) noexcept {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/self/task/%.20s/stat", thread);
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT; // it has just ended
  char text[128];
  const auto size = ::read(fd, text, sizeof text - 1);
  ::close(fd);
  if (size <= 0) return true;
  text[size] = 0;
  const char* end = std::strrchr(text, ')');
  return end != nullptr && (end[2] == 'Z' || end[2] == 'X');
}

// Where process_vm_readv is forbidden (containers): slower, and always allowed for oneself.
bool copy_through_proc(const copy_request& r) noexcept {
  static const int memory = ::open("/proc/thread-self/mem", O_RDONLY | O_CLOEXEC);
  if (memory < 0) return false;
  return ::pread(memory, r.to, r.size, static_cast<off_t>(reinterpret_cast<std::uintptr_t>(r.from))) ==
         static_cast<ssize_t>(r.size);
}

} // namespace

unsigned live_threads() noexcept {
  const int saved = errno;
  unsigned count = 0;
  if (DIR* tasks = ::opendir("/proc/self/task")) {
    while (const dirent* entry = ::readdir(tasks))
      if (entry->d_name[0] != '.' && !is_zombie(entry->d_name)) ++count;
    ::closedir(tasks);
  }
  errno = saved;
  return THRUM_TSAN && count != 0 ? count - 1 : count; // the thread sanitizer keeps a thread of its own
}

bool is_set(const char* variable, const char* value) noexcept {
  const char* found = std::getenv(variable);
  return found != nullptr && std::strcmp(found, value) == 0;
}

std::string name_of_thread(int thread) {
  char path[48];
  std::snprintf(path, sizeof path, "/proc/self/task/%d/comm", thread);
  std::string name;
  if (std::FILE* file = std::fopen(path, "re")) {
    char line[32];
    if (std::fgets(line, sizeof line, file) != nullptr) name = line;
    std::fclose(file);
  }
  if (!name.empty() && name.back() == '\n') name.pop_back();
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
