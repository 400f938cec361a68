#include "sim/network.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace thrum::sim {

namespace {

constexpr std::size_t most_in_a_datagram = 65'507;

bool is_any(const net::endpoint& e) noexcept {
  return e.with_port(0) == (e.is_v6() ? net::endpoint::any_v6(0) : net::endpoint::any_v4(0));
}

// As connecting to 0.0.0.0 does: to this machine.
net::endpoint reachable(const net::endpoint& e) noexcept {
  if (!is_any(e)) return e;
  return e.is_v6() ? net::endpoint::loopback_v6(e.port()) : net::endpoint::loopback_v4(e.port());
}

} // namespace

// ---- sockets

network::socket* network::find(int fd) noexcept {
  const auto i = static_cast<std::size_t>(fd - env::first_in_ring);
  return fd >= env::first_in_ring && i < sockets_.size() ? sockets_[i].get() : nullptr;
}

network::socket& network::add(int family, bool is_stream) {
  auto made = std::make_unique<socket>();
  made->number = env::first_in_ring + static_cast<int>(sockets_.size());
  made->family = family;
  made->is_stream = is_stream;
  made->buffer = traffic_.rules().buffer;
  return *sockets_.emplace_back(std::move(made));
}

void network::remove(socket& s) noexcept {
  std::erase_if(bound_, [&](const auto& b) { return b.second == s.number; });
  sockets_[static_cast<std::size_t>(s.number - env::first_in_ring)].reset();
}

int network::make(int family, int type) noexcept {
  if (family != AF_INET && family != AF_INET6 && family != AF_UNIX) return -EAFNOSUPPORT;
  if (type != SOCK_STREAM && type != SOCK_DGRAM) return -EPROTONOSUPPORT;
  return add(family, type == SOCK_STREAM).number;
}

// The exact address goes before any address, and that of the same family before both.
network::socket* network::listener_at(const net::endpoint& where, bool is_stream) noexcept {
  std::vector<socket*> found;
  const auto look_at = [&](const net::endpoint& at) {
    if (!found.empty()) return;
    const auto [from, to] = bound_.equal_range(at);
    for (auto i = from; i != to; ++i) {
      socket* const s = find(i->second);
      if (s->is_stream != is_stream || (is_stream && s->at != stage::listening)) continue;
      if (s->local.is_v6() != where.is_v6() && s->v6_only) continue;
      found.push_back(s);
    }
  };
  look_at(where);
  look_at(where.is_v6() ? net::endpoint::any_v6(where.port()) : net::endpoint::any_v4(where.port()));
  if (!where.is_v6()) look_at(net::endpoint::any_v6(where.port()));
  if (found.empty()) return nullptr;
  return found[found.size() == 1 ? 0 : traffic_.below(found.size())];
}

net::endpoint network::unused(const net::endpoint& at) {
  for (;;) {
    const net::endpoint e = at.with_port(next_port_);
    next_port_ = next_port_ == 65'535 ? 32'768 : static_cast<std::uint16_t>(next_port_ + 1);
    if (!bound_.contains(e)) return e;
  }
}

int network::claim(socket& s, net::endpoint at) {
  if (at.port() == 0) at = unused(at);
  for (const auto& [taken, number] : bound_) {
    const socket& other = *find(number);
    if (other.is_stream != s.is_stream || taken.port() != at.port()) continue;
    if (other.shares_port && s.shares_port) continue;
    const bool same = taken == at || (taken.is_v6() == at.is_v6() && (is_any(taken) || is_any(at)));
    if (same) return -EADDRINUSE;
  }
  s.local = at;
  s.is_bound = true;
  bound_.emplace(at, s.number);
  return 0;
}

// ---- readiness

int network::watch(int fd, void* token, std::uint16_t tag) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  s->token = token;
  s->tag = tag;
  s->is_watched = true;
  const env::readiness now = look(fd);
  announce(*s, now.readable, now.writable);
  return 0;
}

void network::unwatch(int fd) noexcept {
  if (socket* const s = find(fd)) s->is_watched = s->in_edge = s->out_edge = false;
}

void network::announce(socket& s, bool in, bool out) {
  if (!s.is_watched || (!in && !out)) return;
  s.in_edge |= in;
  s.out_edge |= out;
  if (!std::exchange(s.is_listed, true)) news_.push_back(s.number);
}

int network::report(env::readiness* events, int capacity) noexcept {
  arrive();
  int n = 0;
  while (n < capacity && !news_.empty()) {
    socket* const s = find(news_.front());
    news_.pop_front();
    if (s == nullptr) continue;
    s->is_listed = false;
    const bool in = std::exchange(s->in_edge, false);
    const bool out = std::exchange(s->out_edge, false);
    if (!in && !out) continue;
    events[n++] = {.token = s->token,
                   .tag = s->tag,
                   .readable = in,
                   .writable = out,
                   .hangup = s->at == stage::broken,
                   .tail = s->is_over()};
  }
  return n;
}

bool network::has_news() noexcept { return !news_.empty() || traffic_.next() <= world_.now(); }

env::readiness network::look(int fd) noexcept {
  env::readiness r = {};
  const socket* const s = find(fd);
  if (s == nullptr) return r;
  r.hangup = s->at == stage::broken;
  const bool fails = r.hangup || s->error != 0;
  if (!s->is_stream) {
    r.readable = fails || !s->datagrams.empty();
    r.writable = true;
  } else {
    r.readable = fails || s->unread() != 0 || !s->arrived.empty() || s->is_over();
    r.writable = fails || (s->at == stage::connected && s->outstanding < s->buffer);
  }
  r.tail = s->is_over();
  return r;
}

// ---- what a socket is told and asked

int network::set_option(int fd, int level, int name, const void* value, unsigned size) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  if (level == SOL_SOCKET && name == SO_LINGER) {
    ::linger how = {};
    std::memcpy(&how, value, std::min<std::size_t>(size, sizeof how));
    s->resets_on_close = how.l_onoff != 0 && how.l_linger == 0;
    return 0;
  }
  if ((level == IPPROTO_IP && (name == IP_ADD_MEMBERSHIP || name == IP_DROP_MEMBERSHIP)) ||
      (level == IPPROTO_IPV6 && (name == IPV6_JOIN_GROUP || name == IPV6_LEAVE_GROUP)))
    return -EOPNOTSUPP; // one sender, one receiver
  int number = 0;
  std::memcpy(&number, value, std::min<std::size_t>(size, sizeof number));
  if (level == SOL_SOCKET && name == SO_SNDBUF)
    s->buffer = static_cast<std::size_t>(std::max(number, 1));
  else if (level == SOL_SOCKET && name == SO_REUSEPORT)
    s->shares_port = number != 0;
  else if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY)
    s->v6_only = number != 0;
  s->options[{level, name}] = number;
  return 0;
}

int network::get_option(int fd, int level, int name, void* value, unsigned* size) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  int number = 0;
  if (level == SOL_SOCKET && name == SO_ERROR)
    number = std::exchange(s->error, 0);
  else if (level == SOL_SOCKET && name == SO_DOMAIN)
    number = s->family;
  else if (level == SOL_SOCKET && name == SO_SNDBUF)
    number = static_cast<int>(s->buffer);
  else if (const auto set = s->options.find({level, name}); set != s->options.end())
    number = set->second;
  *size = std::min<unsigned>(*size, sizeof number);
  std::memcpy(value, &number, *size);
  return 0;
}

int network::tell(const net::endpoint& what, ::sockaddr* address, unsigned* size) noexcept {
  const net::socket_address a(what);
  std::memcpy(address, &a.storage, std::min(*size, a.size));
  *size = a.size;
  return 0;
}

int network::local_address(int fd, ::sockaddr* address, unsigned* size) noexcept {
  socket* const s = find(fd);
  return s == nullptr ? -EBADF : tell(s->local, address, size);
}

int network::peer_address(int fd, ::sockaddr* address, unsigned* size) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  return s->at == stage::connected ? tell(s->peer, address, size) : -ENOTCONN;
}

int network::pair(int* two) noexcept {
  socket& one = add(AF_UNIX, true);
  socket& other = add(AF_UNIX, true);
  one.at = other.at = stage::connected;
  one.other = two[1] = other.number;
  other.other = two[0] = one.number;
  return 0;
}

net::endpoint network::address_of(std::string_view name) noexcept {
  std::uint64_t sum = 0;
  for (const char c : name) sum = mix(sum + static_cast<unsigned char>(c));
  const auto part = [&] {
    const auto n = static_cast<std::uint8_t>(1 + sum % 254);
    sum /= 254;
    return n;
  };
  const std::uint8_t a = part(), b = part(), c = part();
  return {net::endpoint::v4_bytes{10, a, b, c}, 0};
}

// ---- connections

int network::bind(int fd, const ::sockaddr* address, unsigned size) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  const net::endpoint at = net::socket_address(address, size).to_endpoint();
  if (s->is_bound || at.is_v6() != (s->family == AF_INET6)) return -EINVAL;
  return claim(*s, at);
}

int network::listen(int fd, int backlog) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  if (!s->is_stream) return -EOPNOTSUPP;
  if (s->at != stage::fresh) return -EINVAL;
  if (!s->is_bound) claim(*s, s->family == AF_INET6 ? net::endpoint::any_v6(0) : net::endpoint::any_v4(0));
  s->at = stage::listening;
  s->backlog = static_cast<std::size_t>(std::max(backlog, 0)) + 1;
  return 0;
}

int network::accept(int fd, ::sockaddr* address, unsigned* size) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  if (s->at != stage::listening) return -EINVAL;
  if (s->arrived.empty()) return -EAGAIN;
  const int number = s->arrived.front();
  s->arrived.pop_front();
  if (address != nullptr) tell(find(number)->peer, address, size);
  return number;
}

int network::connect(int fd, const ::sockaddr* address, unsigned size) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  const net::endpoint to = reachable(net::socket_address(address, size).to_endpoint());
  if (to.is_v6() != (s->family == AF_INET6)) return -EAFNOSUPPORT;
  if (s->is_stream && s->at == stage::connecting) return -EALREADY;
  if (s->is_stream && s->at != stage::fresh) return -EISCONN;
  if (!s->is_bound) {
    if (s->is_stream) // nobody looks for it there
      s->local = unused(to);
    else if (const int error = claim(*s, to.with_port(0)); error != 0)
      return error;
  }
  s->peer = to;
  if (!s->is_stream) {
    s->at = stage::connected;
    return 0;
  }
  s->at = stage::connecting;
  send(carried::knock, *s);
  return -EINPROGRESS;
}

std::int64_t network::read(int fd, void* data, std::size_t size) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  if (!s->is_stream) {
    ::iovec part = {.iov_base = data, .iov_len = size};
    ::msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    return receive_message(fd, &message);
  }
  if (const std::size_t n = std::min(size, s->unread()); n != 0) {
    std::memcpy(data, s->in.data() + s->taken, n);
    s->taken += n;
    if (s->unread() == 0) {
      s->in.clear();
      s->taken = 0;
    }
    if (socket* const sender = find(s->other)) {
      sender->outstanding -= n;
      if (sender->is_full && sender->outstanding <= sender->buffer / 2) {
        sender->is_full = false;
        send(carried::room, *sender);
      }
    }
    return static_cast<std::int64_t>(n);
  }
  if (s->error != 0) return -std::exchange(s->error, 0);
  if (s->is_over() || size == 0) return 0;
  return s->at == stage::connected || s->at == stage::connecting ? -EAGAIN : -ENOTCONN;
}

std::int64_t network::write(int fd, const void* data, std::size_t size) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  if (!s->is_stream) {
    ::iovec part = {.iov_base = const_cast<void*>(data), .iov_len = size}; // only read
    ::msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    return send_message(fd, &message);
  }
  if (s->error != 0) return -std::exchange(s->error, 0);
  if (s->at == stage::connecting) return -EAGAIN;
  if (s->at != stage::connected || s->out_shut) return -EPIPE;
  if (size == 0) return 0;
  if (traffic_.happens(traffic_.rules().broken)) {
    send(carried::reset, *s);
    break_now(*s, 0);
    return -ECONNRESET;
  }
  const std::size_t room = s->buffer > s->outstanding ? s->buffer - s->outstanding : 0;
  std::size_t n = std::min(size, room);
  if (n > 1 && traffic_.below(8) == 0) { // the kernel may take less
    n = 1 + traffic_.below(n - 1);
    send(carried::room, *s);
  }
  s->is_full = n == room && n < size; // else it hears of it by itself
  if (n == 0) return -EAGAIN;
  send_bytes(*s, static_cast<const char*>(data), n);
  s->outstanding += n;
  return static_cast<std::int64_t>(n);
}

std::int64_t network::send_file(int to, int from, std::int64_t* offset, std::size_t size) noexcept {
  std::string piece(std::min<std::size_t>(size, 16 << 10), '\0');
  const std::int64_t got = world_.read_at(from, piece.data(), piece.size(), *offset, false);
  if (got <= 0) return got;
  const std::int64_t sent = write(to, piece.data(), static_cast<std::size_t>(got));
  if (sent > 0) *offset += sent;
  return sent;
}

int network::shutdown(int fd, int how) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  if (s->at != stage::connected) return -ENOTCONN;
  if (!s->is_stream) return 0;
  if (how != SHUT_WR) {
    s->in_shut = true;
    announce(*s, true, false);
  }
  if (how != SHUT_RD && !std::exchange(s->out_shut, true)) send(carried::end, *s);
  return 0;
}

int network::close(int fd) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  if (s->is_stream && s->at == stage::connected) {
    if (s->resets_on_close || s->unread() != 0)
      send(carried::reset, *s);
    else if (!s->out_shut)
      send(carried::end, *s);
  }
  for (const int number : s->arrived) { // nobody will accept them
    socket& left = *find(number);
    if (left.at == stage::connected) send(carried::reset, left);
    remove(left);
  }
  remove(*s);
  return 0;
}

void network::break_connections(const net::endpoint& at) {
  for (const auto& s : sockets_) {
    if (s == nullptr || !s->is_stream || s->at != stage::connected) continue;
    if (traffic::covers(at, s->local) || traffic::covers(at, s->peer)) break_now(*s, ECONNRESET);
  }
}

// ---- datagrams

std::int64_t network::send_message(int fd, const ::msghdr* message) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  std::string bytes;
  for (std::size_t i = 0; i < message->msg_iovlen; ++i)
    bytes.append(static_cast<const char*>(message->msg_iov[i].iov_base), message->msg_iov[i].iov_len);
  if (s->is_stream) return write(fd, bytes.data(), bytes.size());
  if (s->error != 0) return -std::exchange(s->error, 0);
  if (bytes.size() > most_in_a_datagram) return -EMSGSIZE;
  if (message->msg_name == nullptr && s->at != stage::connected) return -EDESTADDRREQ;
  const net::endpoint to =
      message->msg_name == nullptr
          ? s->peer
          : reachable(
                net::socket_address(static_cast<const ::sockaddr*>(message->msg_name), message->msg_namelen)
                    .to_endpoint());
  if (!s->is_bound)
    if (const int error = claim(*s, to.with_port(0)); error != 0) return error;
  const auto size = static_cast<std::int64_t>(bytes.size());
  // All addresses are this machine's, so one that is bound to any sends from that of the receiver: a connected client that has
  // asked there takes the answer.
  const net::endpoint source = is_any(s->local) ? to.with_port(s->local.port()) : s->local;
  const auto post = [&] {
    traffic_.send({.what = carried::datagram, .from = fd, .source = source, .target = to, .bytes = bytes},
                  world_.now());
  };
  if (traffic_.happens(traffic_.rules().lost)) return size;
  post();
  if (traffic_.happens(traffic_.rules().doubled)) post();
  return size;
}

std::int64_t network::receive_message(int fd, ::msghdr* message) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  if (s->is_stream) {
    message->msg_namelen = 0;
    return message->msg_iovlen == 0 ? 0 : read(fd, message->msg_iov[0].iov_base, message->msg_iov[0].iov_len);
  }
  if (s->error != 0) return -std::exchange(s->error, 0);
  if (s->datagrams.empty()) return -EAGAIN;
  const auto [from, bytes] = std::move(s->datagrams.front());
  s->datagrams.pop_front();
  std::size_t n = 0;
  for (std::size_t i = 0; i < message->msg_iovlen && n < bytes.size(); ++i) {
    const std::size_t part = std::min(bytes.size() - n, message->msg_iov[i].iov_len);
    std::memcpy(message->msg_iov[i].iov_base, bytes.data() + n, part);
    n += part;
  }
  if (n < bytes.size()) message->msg_flags |= MSG_TRUNC;
  if (message->msg_name != nullptr)
    tell(from, static_cast<::sockaddr*>(message->msg_name), &message->msg_namelen);
  return static_cast<std::int64_t>(n);
}

} // namespace thrum::sim
