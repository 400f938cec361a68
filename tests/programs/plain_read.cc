// A hook for the plain read(2) of one library; docs/plain-read.md says how it gets there, and what that library must bear.
#include <thrum/error.h>
#include <thrum/io/borrowed.h>
#include <thrum/this_fiber.h>

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <unistd.h>

namespace {

// SO_RCVTIMEO of a socket that has one.
thrum::io::deadline patience_of(int fd) {
  timeval most{};
  socklen_t size = sizeof most;
  if (::getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, &size) != 0 || (most.tv_sec == 0 && most.tv_usec == 0))
    return {};
  return std::chrono::seconds(most.tv_sec) + std::chrono::microseconds(most.tv_usec);
}

// Not inlined: the fiber may be on another thread by now, and its errno at another address.
[[gnu::noinline]] ssize_t fail(int error) noexcept {
  errno = error;
  return -1;
}

int errno_of(const thrum::io::error& e) noexcept {
  if (e == thrum::io::errc::deadline) return EAGAIN; // as read(2) says it of SO_RCVTIMEO
  return e.code.category() == std::system_category() ? e.code.value() : EIO;
}

} // namespace

extern "C" ssize_t thrum_plain_read(int fd, void* data, size_t size);
extern "C" ssize_t thrum_plain_read(int fd, void* data, size_t size) {
  const int flags = ::fcntl(fd, F_GETFL);
  const bool waits = flags >= 0 && (flags & O_NONBLOCK) == 0;
  if (!waits || thrum::this_fiber::id() == 0) return ::read(fd, data, size);
  try {
    const auto n = thrum::io::read(fd, {data, size}, patience_of(fd));
    return n ? static_cast<ssize_t>(*n) : fail(errno_of(n.error()));
  } catch (const thrum::cancelled&) { return fail(ECANCELED); }
}
