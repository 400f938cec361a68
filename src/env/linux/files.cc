// Files: what takes more than one system call, or flags.
#include "env/linux/files.h"

#include "env/linux/direct.h"
#include "env/linux/quiet_write.h"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#if !defined(RWF_NOWAIT)
#define RWF_NOWAIT 0x00000008 // Linux 4.14
#endif
#if !defined(SYS_openat2)
#define SYS_openat2 437 // Linux 5.6; the same number on all processors
#endif

namespace thrum::env {

namespace {

// By the numbers of devices.txt: virtual consoles and serial lines (4), /dev/tty and /dev/console (5), ends of pseudo-terminals
// (136-143). Not a master (5:2): that opens another terminal.
bool is_terminal(dev_t device) noexcept {
  const unsigned kind = major(device);
  return kind == 4 || (kind == 5 && minor(device) < 2) || (kind >= 136 && kind <= 143);
}

struct how_to_open { // open_how of openat2(2)
  std::uint64_t flags, permissions, resolve;
};
constexpr std::uint64_t resolve_cached = 0x20; // Linux 5.12

std::atomic<bool> no_open_cached{false}; // the kernel, or a filter, does not know it

int open_cached(const char* path, int flags) noexcept {
  if (no_open_cached.load(std::memory_order_relaxed)) return errno = EAGAIN, -1; // relaxed: a hint
  const how_to_open how{static_cast<std::uint32_t>(flags), 0, resolve_cached};
  const long fd = ::syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
  if (fd < 0 && (errno == ENOSYS || errno == EINVAL))
    no_open_cached.store(true, std::memory_order_relaxed); // relaxed: a hint
  return static_cast<int>(fd);
}

} // namespace

int file_open(const char* path, int flags, unsigned permissions, bool now) noexcept {
  if (!now) return direct::open(path, flags | O_CLOEXEC, permissions);
  // Files that are made or emptied wait for the disk.
  if ((flags & (O_CREAT | O_TRUNC)) != 0) return errno = EAGAIN, -1;
  return open_cached(path, flags | O_CLOEXEC);
}

int file_reopen(int fd, int flags) noexcept {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return ::open(path, flags | O_CLOEXEC | O_NOCTTY);
}

int file_facts_of(int fd, file_facts* out) noexcept {
  struct stat s;
  if (::fstat(fd, &s) != 0) return -1;
  *out = {.mode = s.st_mode,
          .reopens = S_ISFIFO(s.st_mode) || (S_ISCHR(s.st_mode) && is_terminal(s.st_rdev)),
          .size = s.st_size};
  return 0;
}

std::int64_t file_read(int fd, void* data, std::size_t size, std::int64_t offset, bool now) noexcept {
  if (!now) return offset < 0 ? direct::read(fd, data, size) : direct::pread(fd, data, size, offset);
  const ::iovec one{data, size};
  return direct::preadv2(fd, &one, 1, offset, RWF_NOWAIT);
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
