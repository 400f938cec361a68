// How a write to a pipe that nobody reads fails without SIGPIPE, which would end the program.
//
// Sockets have a flag for each call (MSG_NOSIGNAL). Other files have one since Linux 6.18: RWF_NOSIGNAL of pwritev2. Where the kernel
// does not know it, the calling thread blocks SIGPIPE for the time of the write, and takes out again what came meanwhile.
//
// Rejected
//   - SIGPIPE blocked for good in all threads that run fibers: programs that fibers start would inherit the mask, and with it
//     `yes | head` would never end; and the threads of runtimes are not the only ones that write.
//   - SIGPIPE ignored for the process: that is the program's to decide, and is inherited, too.
#include "env/linux/files.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#if !defined(RWF_NOWAIT)
#define RWF_NOWAIT 0x00000008 // Linux 4.14
#endif
#if !defined(RWF_NOSIGNAL)
#define RWF_NOSIGNAL 0x00000100 // Linux 6.18
#endif

namespace thrum::env {

namespace {

constexpr int no_signal = RWF_NOSIGNAL;

// Blocks SIGPIPE in the calling thread, and leaves none behind that came meanwhile.
class without_sigpipe {
public:
  without_sigpipe() noexcept {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~without_sigpipe() {
    const int saved = errno;
    const timespec at_once{};
    if (saved == EPIPE && !was_pending_)
      while (::sigtimedwait(&pipe_, nullptr, &at_once) < 0 && errno == EINTR) {}
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = saved;
  }
  without_sigpipe(const without_sigpipe&) = delete;
  without_sigpipe& operator=(const without_sigpipe&) = delete;

private:
  sigset_t pipe_;
  sigset_t before_;
  bool was_pending_;
};

std::atomic<bool> flag_refused{false}; // the kernel, or a filter, does not know RWF_NOSIGNAL

// By the numbers of devices.txt: virtual consoles and serial lines (4), /dev/tty and /dev/console (5), ends of pseudo-terminals
// (136-143). Not a master (5:2): that opens another terminal.
bool is_terminal(dev_t device) noexcept {
  const unsigned kind = major(device);
  return kind == 4 || (kind == 5 && minor(device) < 2) || (kind >= 136 && kind <= 143);
}

std::int64_t write_without_signal(int fd, const void* data, std::size_t size) noexcept {
  if (!flag_refused.load(std::memory_order_relaxed)) { // relaxed: a hint
    const ::iovec one{const_cast<void*>(data), size};
    const std::int64_t n = ::pwritev2(fd, &one, 1, -1, no_signal);
    if (n >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EPERM)) return n;
    // Some devices know no flags whatever; they raise no signal either.
    struct stat s;
    if (::fstat(fd, &s) == 0 && !S_ISFIFO(s.st_mode) && !S_ISSOCK(s.st_mode)) return ::write(fd, data, size);
    flag_refused.store(true, std::memory_order_relaxed); // relaxed: a hint
  }
  errno = 0;
  const without_sigpipe quiet;
  return ::write(fd, data, size);
}

} // namespace

void refuse_no_signal_flag(bool on) noexcept {
  flag_refused.store(on, std::memory_order_relaxed); // relaxed: a hint
}

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
  return offset < 0 ? write_without_signal(fd, data, size) : ::pwrite(fd, data, size, offset);
}

int file_lock(int fd, int how) noexcept {
  struct flock all = {};
  all.l_type = static_cast<short>(how);
  all.l_whence = SEEK_SET; // from 0, without an end
  return ::fcntl(fd, F_OFD_SETLK, &all);
}

} // namespace thrum::env
