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

network::inet_socket& network::add(int family, bool is_stream) {
  auto made = std::make_unique<inet_socket>();
  made->family = family;
  made->is_stream = is_stream;
  made->buffer = traffic_.rules().buffer;
  inet_socket& s = *made;
  all_.add(std::move(made), *this);
  return s;
}

void network::remove(inet_socket& s) noexcept {
  std::erase_if(bound_, [&](const auto& b) { return b.second == s.number; });
  all_.remove(s.number);
}

int network::make(int family, int type) noexcept {
  if (family != AF_INET && family != AF_INET6) return -EAFNOSUPPORT;
  if (type != SOCK_STREAM && type != SOCK_DGRAM) return -EPROTONOSUPPORT;
  return add(family, type == SOCK_STREAM).number;
}

// The exact address goes before any address, and that of the same family before both.
network::inet_socket* network::listener_at(const net::endpoint& where, bool is_stream) noexcept {
  std::vector<inet_socket*> found;
  const auto look_at = [&](const net::endpoint& at) {
    if (!found.empty()) return;
    const auto [from, to] = bound_.equal_range(at);
    for (auto i = from; i != to; ++i) {
      inet_socket* const s = find(i->second);
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

int network::claim(inet_socket& s, net::endpoint at) {
  if (at.port() == 0) at = unused(at);
  for (const auto& [taken, number] : bound_) {
    const inet_socket& other = *find(number);
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

env::readiness network::look(int fd) noexcept {
  env::readiness r = {};
  const inet_socket* const s = find(fd);
  if (s == nullptr) return r;
  r.hangup = s->at == stage::broken;
  const bool fails = r.hangup || s->error != 0;
  if (!s->is_stream) {
    r.readable = fails || !s->datagrams.empty();
    r.writable = true;
  } else {
    r.readable = fails || s->in.size() != 0 || !s->arrived.empty() || s->is_over();
    r.writable = fails || (s->at == stage::connected && s->outstanding < s->buffer);
  }
  r.tail = s->is_over();
  return r;
}

// ---- what a socket is told and asked

int network::set_option(int fd, int level, int name, const void* value, unsigned size) noexcept {
  inet_socket* const s = find(fd);
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
  const int number = option_number(value, size);
  if (level == SOL_SOCKET && name == SO_REUSEPORT)
    s->shares_port = number != 0;
  else if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY)
    s->v6_only = number != 0;
  s->set(level, name, number);
  return 0;
}

int network::get_option(int fd, int level, int name, void* value, unsigned* size) noexcept {
  inet_socket* const s = find(fd);
  return s == nullptr ? -EBADF : give_number(s->get(level, name), value, size);
}

int network::tell(const net::endpoint& what, ::sockaddr* address, unsigned* size) noexcept {
  const net::socket_address a(what);
  std::memcpy(address, &a.storage, std::min(*size, a.size));
  *size = a.size;
  return 0;
}

int network::local_address(int fd, ::sockaddr* address, unsigned* size) noexcept {
  inet_socket* const s = find(fd);
  return s == nullptr ? -EBADF : tell(s->local, address, size);
}

int network::peer_address(int fd, ::sockaddr* address, unsigned* size) noexcept {
  inet_socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  return s->at == stage::connected ? tell(s->peer, address, size) : -ENOTCONN;
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
  inet_socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  const net::endpoint at = net::socket_address(address, size).to_endpoint();
  if (s->is_bound || at.is_v6() != (s->family == AF_INET6)) return -EINVAL;
  return claim(*s, at);
}

int network::listen(int fd, int backlog) noexcept {
  inet_socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  if (!s->is_stream) return -EOPNOTSUPP;
  if (s->at != stage::fresh) return -EINVAL;
  if (!s->is_bound) claim(*s, s->family == AF_INET6 ? net::endpoint::any_v6(0) : net::endpoint::any_v4(0));
  s->at = stage::listening;
  s->backlog = static_cast<std::size_t>(std::max(backlog, 0)) + 1;
  return 0;
}

int network::accept(int fd, ::sockaddr* address, unsigned* size) noexcept {
  inet_socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  if (s->at != stage::listening) return -EINVAL;
  if (s->arrived.empty()) return -EAGAIN;
  const int number = s->arrived.front();
  s->arrived.pop_front();
  if (address != nullptr) tell(find(number)->peer, address, size);
  return number;
}

int network::connect(int fd, const ::sockaddr* address, unsigned size) noexcept {
  inet_socket* const s = find(fd);
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
  inet_socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  if (!s->is_stream) return receive_one(fd, data, size);
  if (const std::size_t n = s->in.take(data, size); n != 0) {
    if (inet_socket* const sender = find(s->other)) {
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
  inet_socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  if (!s->is_stream) return send_one(fd, data, size);
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

int network::shutdown(int fd, int how) noexcept {
  inet_socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  if (s->at != stage::connected) return -ENOTCONN;
  if (!s->is_stream) return 0;
  if (how != SHUT_WR) {
    s->in_shut = true;
    all_.announce(*s, true, false);
  }
  if (how != SHUT_RD && !std::exchange(s->out_shut, true)) send(carried::end, *s);
  return 0;
}

int network::close(int fd) noexcept {
  inet_socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  if (s->is_stream && s->at == stage::connected) {
    if (s->resets_on_close || s->in.size() != 0)
      send(carried::reset, *s);
    else if (!s->out_shut)
      send(carried::end, *s);
  }
  for (const int number : s->arrived) { // nobody will accept them
    inet_socket& left = *find(number);
    if (left.at == stage::connected) send(carried::reset, left);
    remove(left);
  }
  remove(*s);
  return 0;
}

void network::break_connections(const net::endpoint& at) {
  for (const auto& one : all_.all()) {
    if (one == nullptr || one->made_by != this) continue;
    auto& s = static_cast<inet_socket&>(*one);
    if (!s.is_stream || s.at != stage::connected) continue;
    if (traffic::covers(at, s.local) || traffic::covers(at, s.peer)) break_now(s, ECONNRESET);
  }
}

// ---- datagrams

std::int64_t network::send_message(int fd, const ::msghdr* message) noexcept {
  inet_socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  const std::string bytes = gathered(*message);
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
  inet_socket* const s = find(fd);
  if (s == nullptr) return -EBADF;
  if (s->is_stream) {
    message->msg_namelen = 0;
    return message->msg_iovlen == 0 ? 0 : read(fd, message->msg_iov[0].iov_base, message->msg_iov[0].iov_len);
  }
  if (s->error != 0) return -std::exchange(s->error, 0);
  if (s->datagrams.empty()) return -EAGAIN;
  const auto [from, bytes] = std::move(s->datagrams.front());
  s->datagrams.pop_front();
  if (message->msg_name != nullptr)
    tell(from, static_cast<::sockaddr*>(message->msg_name), &message->msg_namelen);
  return scatter(bytes, *message);
}

} // namespace thrum::sim
