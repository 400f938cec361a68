#include "env/linux/sockets.h"

#include <cerrno>
#include <sys/socket.h>
#include <sys/uio.h>

namespace thrum::env {

std::int64_t write_parts(int fd, const ::iovec* parts, int count) noexcept {
  ::msghdr message = {};
  message.msg_iov = const_cast<::iovec*>(parts); // sendmsg does not write to it
  message.msg_iovlen = static_cast<std::size_t>(count);
  const std::int64_t n = ::sendmsg(fd, &message, MSG_NOSIGNAL);
  return n < 0 && errno == ENOTSOCK ? ::writev(fd, parts, count) : n;
}

} // namespace thrum::env
