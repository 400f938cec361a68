#include "net/socket_address.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace thrum::net {

namespace {

constexpr std::uint16_t network_order(std::uint16_t n) noexcept {
  return std::endian::native == std::endian::little ? static_cast<std::uint16_t>(n << 8 | n >> 8) : n;
}

template <class Get> int endpoint_by(endpoint& out, Get get) noexcept {
  socket_address a;
  const int error = get(a);
  if (error == 0) out = a.to_endpoint();
  return error;
}

} // namespace

socket_address::socket_address(const endpoint& e) noexcept {
  if (e.is_v6()) {
    sockaddr_in6 a = {};
    a.sin6_family = AF_INET6;
    a.sin6_port = network_order(e.port());
    a.sin6_scope_id = e.scope();
    std::memcpy(&a.sin6_addr, e.v6().data(), 16);
    std::memcpy(&storage, &a, sizeof a);
    size = sizeof a;
  } else {
    sockaddr_in a = {};
    a.sin_family = AF_INET;
    a.sin_port = network_order(e.port());
    const endpoint::v4_bytes bytes = e.v4();
    std::memcpy(&a.sin_addr, bytes.data(), 4);
    std::memcpy(&storage, &a, sizeof a);
    size = sizeof a;
  }
}

socket_address::socket_address(const sockaddr* from, unsigned n) noexcept
    : size(std::min<unsigned>(n, sizeof storage)) {
  std::memcpy(&storage, from, size);
}

endpoint socket_address::to_endpoint() const noexcept {
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 a;
    std::memcpy(&a, &storage, sizeof a);
    endpoint::v6_bytes bytes;
    std::memcpy(bytes.data(), &a.sin6_addr, 16);
    return {bytes, network_order(a.sin6_port), a.sin6_scope_id};
  }
  if (storage.ss_family != AF_INET) return {};
  sockaddr_in a;
  std::memcpy(&a, &storage, sizeof a);
  endpoint::v4_bytes bytes;
  std::memcpy(bytes.data(), &a.sin_addr, 4);
  return {bytes, network_order(a.sin_port)};
}

io::subject subject_of(const endpoint& e) noexcept {
  return {e, [](const unsigned char* bytes, std::string& out) {
            endpoint printed;
            std::memcpy(static_cast<void*>(&printed), bytes, sizeof printed);
            printed.append_to(out);
          }};
}

int local_endpoint(env::world& world, int fd, endpoint& out) noexcept {
  return endpoint_by(out, [&](socket_address& a) { return world.local_address(fd, a.raw(), &a.size); });
}

int peer_endpoint(env::world& world, int fd, endpoint& out) noexcept {
  return endpoint_by(out, [&](socket_address& a) { return world.peer_address(fd, a.raw(), &a.size); });
}

io::result<endpoint> local_address_of(io::descriptor* d) {
  endpoint e;
  auto done =
      control(d, "local address of", [&](env::world& world, int fd) { return local_endpoint(world, fd, e); });
  if (!done) return done.error();
  return e;
}

io::result<endpoint> peer_address_of(io::descriptor* d) {
  endpoint e;
  auto done =
      control(d, "peer address of", [&](env::world& world, int fd) { return peer_endpoint(world, fd, e); });
  if (!done) return done.error();
  return e;
}

} // namespace thrum::net
