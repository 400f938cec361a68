// Files: what takes more than one system call, or flags.
#include "env/linux/files.h"

#include "env/linux/quiet_write.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#if !defined(RWF_NOWAIT)
#define RWF_NOWAIT 0x00000008 // Linux 4.14
#endif

namespace thrum::env {

namespace {

// By the numbers of devices.txt: virtual consoles and serial lines (4), /dev/tty and /dev/console (5), ends of pseudo-terminals
// (136-143). Not a master (5:2): that opens another terminal.
bool is_terminal(dev_t device) noexcept {
  const unsigned kind = major(device);
  return kind == 4 || (kind == 5 && minor(device) < 2) || (kind >= 136 && kind <= 143);
}

} // namespace

int file_reopen(int fd, int flags) noexcept {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return ::open(path, flags | O_CLOEXEC | O_NOCTTY);
}

int file_facts_of(int fd, file_facts* out) noexcept {
  struct stat s;
  if (::fstat(fd, &s) != 0) return -1;
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return -1;
  *out = {.mode = s.st_mode,
          .flags = flags,
          .reopens = S_ISFIFO(s.st_mode) || (S_ISCHR(s.st_mode) && is_terminal(s.st_rdev)),
          .size = s.st_size};
  return 0;
}

std::int64_t file_read(int fd, void* data, std::size_t size, std::int64_t offset, bool now) noexcept {
  if (!now) return offset < 0 ? ::read(fd, data, size) : ::pread(fd, data, size, offset);
  const ::iovec one{data, size};
  return ::preadv2(fd, &one, 1, offset, RWF_NOWAIT);
}

std::int64_t file_write(int fd, const void* data, std::size_t size, std::int64_t offset) noexcept {
  return offset < 0 ? quiet_write(fd, data, size) : ::pwrite(fd, data, size, offset);
}

int file_lock(int fd, int how) noexcept {
  struct flock all = {};
  all.l_type = static_cast<short>(how);
  all.l_whence = SEEK_SET; // from 0, without an end
  return ::fcntl(fd, F_OFD_SETLK, &all);
}

} // namespace thrum::env
