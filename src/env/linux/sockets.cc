#include "env/linux/sockets.h"

#include "env/linux/quiet_write.h"

#include <cerrno>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace thrum::env {

::msghdr message_of(const ::iovec* parts, int count) noexcept {
  ::msghdr message = {};
  message.msg_iov = const_cast<::iovec*>(parts); // sendmsg and recvmsg do not write to it
  message.msg_iovlen = static_cast<std::size_t>(count);
  return message;
}

std::int64_t write_parts(int fd, const ::iovec* parts, int count) noexcept {
  const ::msghdr message = message_of(parts, count);
  const std::int64_t n = ::sendmsg(fd, &message, MSG_NOSIGNAL);
  return n < 0 && errno == ENOTSOCK ? quiet_write(fd, parts, count) : n;
}

// sendfile knows no MSG_NOSIGNAL.
std::int64_t send_from_file(int to, int from, std::int64_t* offset, std::size_t size) noexcept {
  without_sigpipe quiet;
  static_assert(sizeof(off_t) == sizeof *offset);
  off_t position = *offset;
  const std::int64_t n = ::sendfile(to, from, &position, size);
  // Also a success can be the first part of a failure.
  quiet.may_have_come = n < 0 ? errno == EPIPE : n < static_cast<std::int64_t>(size);
  *offset = position;
  return n;
}

int socket_identity(const char* path, file_identity* out) noexcept {
  struct stat found;
  if (::lstat(path, &found) != 0) return -1;
  if (!S_ISSOCK(found.st_mode)) {
    errno = ENOTSOCK;
    return -1;
  }
  *out = {.device = found.st_dev, .number = found.st_ino};
  return 0;
}

int unlink_socket(const char* path, const file_identity& which) noexcept {
  file_identity now;
  if (socket_identity(path, &now) != 0) return -1;
  if (now.device != which.device || now.number != which.number) {
    errno = ESTALE;
    return -1;
  }
  return ::unlink(path);
}

} // namespace thrum::env
