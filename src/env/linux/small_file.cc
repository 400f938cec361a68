#include "env/linux/small_file.h"

#include <cstdio>
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

char state_of_thread(int thread) noexcept {
  char text[128];
  if (!read_of_thread(thread, "stat", text)) return 0;
  // "123 (name) S ...": the name may contain anything, but it is short.
  const char* end = std::strrchr(text, ')');
  return end != nullptr ? end[2] : '?';
}

} // namespace thrum::env
