#include "env/linux/small_file.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace thrum::env {

bool read_small(const char* path, char* text, std::size_t size) noexcept {
  text[0] = '\0';
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const ssize_t n = ::read(fd, text, size - 1);
  ::close(fd);
  text[n > 0 ? n : 0] = '\0';
  return n > 0;
}

bool read_of_thread(int thread, const char* what, char* text, std::size_t size) noexcept {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/self/task/%d/%s", thread, what);
  return read_small(path, text, size);
}

char state_of_thread(int thread) noexcept { return status_of_thread(thread).state; }

thread_status status_of_thread(int thread) noexcept {
  constexpr unsigned long io_worker = 0x10; // PF_IO_WORKER
  char text[192];
  if (!read_of_thread(thread, "stat", text)) return {};
  // "123 (name) S parent group session terminal foreground flags ...": the name may contain anything, but it is short.
  const char* at = std::strrchr(text, ')');
  if (at == nullptr) return {.state = '?', .is_kernels = false};
  const char state = at[2];
  for (int skipped = 0; at != nullptr && skipped < 7; ++skipped) at = std::strchr(at + 1, ' ');
  return {.state = state, .is_kernels = at != nullptr && (std::strtoul(at, nullptr, 10) & io_worker) != 0};
}

} // namespace thrum::env
