// How a write to a pipe that nobody reads fails without SIGPIPE, which would end the program.
//
// Sockets have a flag for each call (MSG_NOSIGNAL). Other files have one since Linux 6.18: RWF_NOSIGNAL of pwritev2. Where the kernel
// does not know it, the calling thread blocks SIGPIPE for the time of the write, and takes out again what came meanwhile.
//
// Rejected
//   - SIGPIPE blocked for good in all threads that run fibers: programs that fibers start would inherit the mask, and with it
//     `yes | head` would never end; and the threads of runtimes are not the only ones that write.
//   - SIGPIPE ignored for the process: that is the program's to decide, and is inherited, too.
#include "env/linux/quiet_write.h"

#include <atomic>
#include <cerrno>
#include <ctime>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#if !defined(RWF_NOSIGNAL)
#define RWF_NOSIGNAL 0x00000100 // Linux 6.18
#endif

namespace thrum::env {

namespace {

std::atomic<bool> flag_refused{false}; // the kernel, or a filter, does not know RWF_NOSIGNAL

} // namespace

without_sigpipe::without_sigpipe() noexcept {
  ::sigemptyset(&pipe_);
  ::sigaddset(&pipe_, SIGPIPE);
  sigset_t pending;
  ::sigpending(&pending);
  was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
  ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
}

without_sigpipe::~without_sigpipe() {
  const int saved = errno;
  const timespec at_once{};
  if (may_have_come && !was_pending_)
    while (::sigtimedwait(&pipe_, nullptr, &at_once) < 0 && errno == EINTR) {}
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  errno = saved;
}

void refuse_no_signal_flag(bool on) noexcept {
  flag_refused.store(on, std::memory_order_relaxed); // relaxed: a hint
}

std::int64_t quiet_write(int fd, const ::iovec* parts, int count) noexcept {
  if (!flag_refused.load(std::memory_order_relaxed)) { // relaxed: a hint
    const std::int64_t n = ::pwritev2(fd, parts, count, -1, static_cast<int>(RWF_NOSIGNAL));
    if (n >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EPERM)) return n;
    // Some devices know no flags whatever; they raise no signal either.
    struct stat s;
    if (::fstat(fd, &s) == 0 && !S_ISFIFO(s.st_mode) && !S_ISSOCK(s.st_mode))
      return ::writev(fd, parts, count);
    flag_refused.store(true, std::memory_order_relaxed); // relaxed: a hint
  }
  without_sigpipe quiet;
  const std::int64_t n = ::writev(fd, parts, count);
  quiet.may_have_come = n < 0 && errno == EPIPE;
  return n;
}

std::int64_t quiet_write(int fd, const void* data, std::size_t size) noexcept {
  const ::iovec one{const_cast<void*>(data), size}; // writev only reads
  return quiet_write(fd, &one, 1);
}

} // namespace thrum::env
