#include "net/datagram.h"
#include "net/socket_address.h"

#include <thrum/net/udp.h>

#include <algorithm>
#include <climits>
#include <cstring>

#include <netinet/in.h>
#include <sys/socket.h>

namespace thrum::net {

namespace {

int as_number(std::size_t n) noexcept { return static_cast<int>(std::min<std::size_t>(n, INT_MAX)); }

int set_up(fresh_socket& s, const endpoint& e, const udp_options& options) noexcept {
  int error = 0;
  if (options.reuse_address) error = s.set(SOL_SOCKET, SO_REUSEADDR, 1);
  if (error == 0 && options.reuse_port) error = s.set(SOL_SOCKET, SO_REUSEPORT, 1);
  if (error == 0 && e.is_v6()) error = s.set(IPPROTO_IPV6, IPV6_V6ONLY, options.v6_only);
  if (error == 0 && options.broadcast) error = s.set(SOL_SOCKET, SO_BROADCAST, 1);
  if (error == 0 && options.receive_buffer != 0)
    error = s.set(SOL_SOCKET, SO_RCVBUF, as_number(options.receive_buffer));
  if (error == 0 && options.send_buffer != 0)
    error = s.set(SOL_SOCKET, SO_SNDBUF, as_number(options.send_buffer));
  return error;
}

// Makes a socket, lets `attach(world, fd, about)` bind or connect it, and gives it to a descriptor.
template <class Attach> io::result<io::descriptor*> make(const char* name, const endpoint& e,
                                                         const udp_options& options, Attach attach) {
  io::subject about = subject_of(e);
  env::world& world = io::runtime_here().world;
  fresh_socket fresh(world, world.socket(family_of(e), SOCK_DGRAM, 0, nullptr));
  if (fresh.fd() < 0) return io::system_error(name, about, fresh.fd());
  int error = set_up(fresh, e, options);
  if (error == 0) error = attach(world, fresh.fd(), about);
  io::descriptor* d = nullptr;
  if (error == 0) error = fresh.open({.is_stream = false, .about = about}, &d);
  if (error != 0) return io::system_error(name, about, error);
  return d;
}

// The options of groups are two families of numbers.
template <class Act> io::result<void> by_family(io::descriptor* d, const char* name, Act act) {
  return control(d, name, [&](env::world& world, int fd) {
    int family = 0;
    const int error = get_number(world, fd, SOL_SOCKET, SO_DOMAIN, family);
    return error != 0 ? error : act(world, fd, family == AF_INET6);
  });
}

io::result<void> change_membership(io::descriptor* d, const char* name, const endpoint& group,
                                   unsigned interface, int v4_option, int v6_option) {
  auto done = control(d, name, [&](env::world& world, int fd) {
    if (group.is_v6()) {
      ipv6_mreq which = {};
      std::memcpy(&which.ipv6mr_multiaddr, group.v6().data(), 16);
      which.ipv6mr_interface = interface != 0 ? interface : group.scope();
      return world.set_option(fd, IPPROTO_IPV6, v6_option, &which, sizeof which);
    }
    ip_mreqn which = {};
    const endpoint::v4_bytes bytes = group.v4();
    std::memcpy(&which.imr_multiaddr, bytes.data(), 4);
    which.imr_ifindex = static_cast<int>(interface);
    return world.set_option(fd, IPPROTO_IP, v4_option, &which, sizeof which);
  });
  if (done) return {};
  io::error e = done.error();
  e.about = subject_of(group);
  return e;
}

} // namespace

io::result<udp_socket> udp_socket::bind(const endpoint& at, const udp_options& options) {
  auto made = make("bind", at, options, [&](env::world& world, int fd, io::subject& about) {
    const socket_address address(at);
    int error = world.bind(fd, address.raw(), address.size);
    endpoint bound;
    if (error == 0) error = local_endpoint(world, fd, bound);
    if (error == 0) about = subject_of(bound);
    return error;
  });
  if (!made) return made.error();
  return udp_socket(*made);
}

io::result<udp_socket> udp_socket::bind(std::string_view at, const udp_options& options) {
  if (const auto parsed = endpoint::parse(at)) return bind(*parsed, options);
  return no_endpoint("bind", at);
}

io::result<udp_socket> udp_socket::connect(const endpoint& to, const udp_options& options) {
  auto made = make("connect", to, options, [&](env::world& world, int fd, io::subject&) {
    const socket_address address(to);
    return world.connect(fd, address.raw(), address.size);
  });
  if (!made) return made.error();
  return udp_socket(*made);
}

io::result<udp_socket> udp_socket::connect(std::string_view to, const udp_options& options) {
  if (const auto parsed = endpoint::parse(to)) return connect(*parsed, options);
  return no_endpoint("connect", to);
}

io::result<void> udp_socket::set_peer(const endpoint& to) const {
  const socket_address address(to);
  auto done = control(get(), "connect", [&](env::world& world, int fd) {
    return world.connect(fd, address.raw(), address.size);
  });
  if (done) return {};
  io::error e = done.error();
  e.about = subject_of(to);
  return e;
}

io::result<datagram> udp_socket::receive_from(io::mutable_buffer into, io::deadline until) const {
  socket_address from;
  const auto got = receive_datagram(get(), into, from.raw(), sizeof from.storage, until);
  if (!got) return got.error();
  return datagram{.size = got->size, .from = from.to_endpoint(), .truncated = got->truncated};
}

io::result<void> udp_socket::send_to(io::const_buffer from, const endpoint& to, io::deadline until) const {
  const socket_address address(to);
  const io::subject about = subject_of(to);
  return send_datagram(get(), from, address.raw(), address.size, &about, until);
}

io::result<std::size_t> udp_socket::receive(io::mutable_buffer into, io::deadline until) const {
  const auto got = receive_datagram(get(), into, nullptr, 0, until);
  if (!got) return got.error();
  return got->size;
}

io::result<void> udp_socket::send(io::const_buffer from, io::deadline until) const {
  return send_datagram(get(), from, nullptr, 0, nullptr, until);
}

io::result<void> udp_socket::join(const endpoint& group, unsigned interface) const {
  return change_membership(get(), "join", group, interface, IP_ADD_MEMBERSHIP, IPV6_JOIN_GROUP);
}
io::result<void> udp_socket::leave(const endpoint& group, unsigned interface) const {
  return change_membership(get(), "leave", group, interface, IP_DROP_MEMBERSHIP, IPV6_LEAVE_GROUP);
}

io::result<void> udp_socket::multicast_interface(unsigned interface) const {
  return by_family(get(), "set multicast_interface of", [&](env::world& world, int fd, bool v6) {
    if (v6) return set_number(world, fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, static_cast<int>(interface));
    ip_mreqn which = {};
    which.imr_ifindex = static_cast<int>(interface);
    return world.set_option(fd, IPPROTO_IP, IP_MULTICAST_IF, &which, sizeof which);
  });
}

io::result<void> udp_socket::multicast_hops(unsigned hops) const {
  return by_family(get(), "set multicast_hops of", [&](env::world& world, int fd, bool v6) {
    return v6 ? set_number(world, fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, as_number(hops))
              : set_number(world, fd, IPPROTO_IP, IP_MULTICAST_TTL, as_number(hops));
  });
}

io::result<void> udp_socket::multicast_loop(bool on) const {
  return by_family(get(), "set multicast_loop of", [&](env::world& world, int fd, bool v6) {
    return v6 ? set_number(world, fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, on)
              : set_number(world, fd, IPPROTO_IP, IP_MULTICAST_LOOP, on);
  });
}

io::result<void> udp_socket::broadcast(bool on) const {
  return control(get(), "set broadcast of", [&](env::world& world, int fd) {
    return set_number(world, fd, SOL_SOCKET, SO_BROADCAST, on);
  });
}

io::result<void> udp_socket::receive_buffer(std::size_t bytes) const {
  return set_buffer_size(get(), "set receive_buffer of", SO_RCVBUF, bytes);
}
io::result<void> udp_socket::send_buffer(std::size_t bytes) const {
  return set_buffer_size(get(), "set send_buffer of", SO_SNDBUF, bytes);
}
io::result<std::size_t> udp_socket::receive_buffer() const {
  return buffer_size(get(), "receive_buffer of", SO_RCVBUF);
}
io::result<std::size_t> udp_socket::send_buffer() const {
  return buffer_size(get(), "send_buffer of", SO_SNDBUF);
}

io::result<endpoint> udp_socket::local_address() const { return local_address_of(get()); }
io::result<endpoint> udp_socket::peer_address() const { return peer_address_of(get()); }

} // namespace thrum::net
