// endpoint as the kernel wants it.
#pragma once

#include "net/socket.h"

#include <string_view>

#include <thrum/io/error.h>
#include <thrum/net/endpoint.h>

#include <netinet/in.h>
#include <sys/socket.h>

namespace thrum::net {

struct socket_address {
  sockaddr_storage storage = {};
  unsigned size = sizeof(sockaddr_storage);

  socket_address() noexcept = default; // for the kernel to fill in
  explicit socket_address(const endpoint& e) noexcept;
  socket_address(const sockaddr* from, unsigned n) noexcept; // as the kernel, or who plays it, has given it
  endpoint to_endpoint() const noexcept;                     // 0.0.0.0:0 for other families

  sockaddr* raw() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* raw() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
};

inline int family_of(const endpoint& e) noexcept { return e.is_v6() ? AF_INET6 : AF_INET; }
io::subject subject_of(const endpoint& e) noexcept;

// The two ends of a socket; 0 or a negative errno.
int local_endpoint(env::world& world, int fd, endpoint& out) noexcept;
int peer_endpoint(env::world& world, int fd, endpoint& out) noexcept;

// A text that endpoint::parse() does not take.
inline io::error no_endpoint(const char* operation, std::string_view text) noexcept {
  return {.code = io::errc::not_an_endpoint, .operation = operation, .about = io::subject::named(text)};
}

// For the public functions of that name.
io::result<endpoint> local_address_of(io::descriptor* d);
io::result<endpoint> peer_address_of(io::descriptor* d);

} // namespace thrum::net
