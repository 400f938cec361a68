// endpoint as the kernel wants it.
#pragma once

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
  endpoint to_endpoint() const noexcept; // 0.0.0.0:0 for other families

  sockaddr* raw() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* raw() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
};

inline int family_of(const endpoint& e) noexcept { return e.is_v6() ? AF_INET6 : AF_INET; }
io::subject subject_of(const endpoint& e) noexcept;

} // namespace thrum::net
