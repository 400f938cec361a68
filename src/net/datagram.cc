#include "net/datagram.h"

#include "io/operation.h"
#include "io/transfer.h"

#include <cerrno>

#include <sys/socket.h>
#include <sys/uio.h>

namespace thrum::net {

io::result<received> receive_datagram(io::descriptor* d, io::mutable_buffer into, sockaddr* from,
                                      unsigned room, io::deadline until) {
  if (d == nullptr) return io::closed_error("receive", d);
  ::iovec part = {.iov_base = into.data(), .iov_len = into.size()};
  ::msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_name = from;
  io::operation op(*d, io::direction::in, until.time());
  const std::int64_t n = op.run(0, [&] {
    message.msg_namelen = room;
    message.msg_flags = 0;
    return d->world->receive_message(d->fd, &message, 0);
  });
  if (n < 0) return io::failed("receive", *d, op, n);
  return received{.size = static_cast<std::size_t>(n),
                  .from_size = message.msg_namelen,
                  .truncated = (message.msg_flags & MSG_TRUNC) != 0};
}

io::result<void> send_datagram(io::descriptor* d, io::const_buffer from, const sockaddr* to, unsigned to_size,
                               const io::subject* name_of_to, io::deadline until, when_full full) {
  if (d == nullptr) return io::closed_error("send", d);
  ::iovec part = {.iov_base = const_cast<void*>(from.data()), .iov_len = from.size()}; // only read
  ::msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_name = const_cast<sockaddr*>(to); // only read
  message.msg_namelen = to_size;
  io::operation op(*d, io::direction::out, until.time());
  const std::int64_t n = op.run(0, [&] {
    std::int64_t sent = d->world->send_message(d->fd, &message, 0);
    if (sent == -EAGAIN && full == when_full::say_so && d->world->look(d->fd).writable) sent = -ENOBUFS;
    return sent;
  });
  if (n >= 0) return {};
  io::error e = io::failed("send", *d, op, n);
  if (name_of_to != nullptr) e.about = *name_of_to;
  return e;
}

} // namespace thrum::net
