#include "sim/sockets.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/socket.h>
#include <sys/uio.h>

namespace thrum::sim {

std::int64_t protocol::receive_one(int fd, void* data, std::size_t size) noexcept {
  ::iovec part = {.iov_base = data, .iov_len = size};
  ::msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  return receive_message(fd, &message);
}

std::int64_t protocol::send_one(int fd, const void* data, std::size_t size) noexcept {
  ::iovec part = {.iov_base = const_cast<void*>(data), .iov_len = size}; // only read
  ::msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  return send_message(fd, &message);
}

// ---- by number

socket* sockets::find(int fd) noexcept {
  const auto i = static_cast<std::size_t>(fd - env::first_in_ring);
  return fd >= env::first_in_ring && i < sockets_.size() ? sockets_[i].get() : nullptr;
}

void sockets::add(std::unique_ptr<socket> s, protocol& by) {
  s->number = env::first_in_ring + static_cast<int>(sockets_.size());
  s->made_by = &by;
  sockets_.push_back(std::move(s));
}

void sockets::remove(int fd) noexcept { sockets_[static_cast<std::size_t>(fd - env::first_in_ring)].reset(); }

// ---- readiness

int sockets::watch(int fd, void* token, std::uint16_t tag) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  s->token = token;
  s->tag = tag;
  s->is_watched = true;
  const env::readiness now = s->made_by->look(fd);
  announce(*s, now.readable, now.writable);
  return 0;
}

void sockets::unwatch(int fd) noexcept {
  if (socket* const s = find(fd)) s->is_watched = s->in_edge = s->out_edge = false;
}

void sockets::announce(socket& s, bool in, bool out) {
  if (!s.is_watched || (!in && !out)) return;
  s.in_edge |= in;
  s.out_edge |= out;
  if (!std::exchange(s.is_listed, true)) news_.push_back(s.number);
}

int sockets::report(env::readiness* events, int capacity) noexcept {
  int n = 0;
  while (n < capacity && !news_.empty()) {
    socket* const s = find(news_.front());
    news_.pop_front();
    if (s == nullptr) continue;
    s->is_listed = false;
    const bool in = std::exchange(s->in_edge, false);
    const bool out = std::exchange(s->out_edge, false);
    if (!in && !out) continue;
    env::readiness now = s->made_by->look(s->number); // for the rest
    now.token = s->token;
    now.tag = s->tag;
    now.readable = in;
    now.writable = out;
    events[n++] = now;
  }
  return n;
}

// ---- bytes

std::size_t unread_bytes::take(void* into, std::size_t most) noexcept {
  const std::size_t n = bytes_.copy(static_cast<char*>(into), most, taken_);
  taken_ += n;
  if (2 * taken_ >= bytes_.size()) {
    bytes_.erase(0, taken_);
    taken_ = 0;
  }
  return n;
}

std::string gathered(const ::msghdr& message) {
  std::string bytes;
  for (std::size_t i = 0; i < message.msg_iovlen; ++i)
    bytes.append(static_cast<const char*>(message.msg_iov[i].iov_base), message.msg_iov[i].iov_len);
  return bytes;
}

std::int64_t scatter(std::string_view bytes, ::msghdr& message) noexcept {
  const std::size_t size = bytes.size();
  for (std::size_t i = 0; i < message.msg_iovlen && !bytes.empty(); ++i)
    bytes.remove_prefix(
        bytes.copy(static_cast<char*>(message.msg_iov[i].iov_base), message.msg_iov[i].iov_len));
  if (!bytes.empty()) message.msg_flags |= MSG_TRUNC;
  return static_cast<std::int64_t>(size - bytes.size());
}

// ---- options

void socket::set(int level, int name, int to) {
  if (level == SOL_SOCKET && name == SO_SNDBUF) buffer = static_cast<std::size_t>(std::max(to, 1));
  options[{level, name}] = to;
}

int socket::get(int level, int name) {
  if (level == SOL_SOCKET && name == SO_ERROR) return std::exchange(error, 0);
  if (level == SOL_SOCKET && name == SO_DOMAIN) return family;
  if (level == SOL_SOCKET && name == SO_SNDBUF) return static_cast<int>(buffer);
  const auto found = options.find({level, name});
  return found != options.end() ? found->second : 0;
}

int option_number(const void* value, unsigned size) noexcept {
  int number = 0;
  std::memcpy(&number, value, std::min<std::size_t>(size, sizeof number));
  return number;
}

int give_number(int number, void* value, unsigned* size) noexcept {
  *size = std::min<unsigned>(*size, sizeof number);
  std::memcpy(value, &number, *size);
  return 0;
}

} // namespace thrum::sim
