// Texts that name a host and a port: "example.com:443", "localhost:http", "[::1]:https".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace thrum::net {

struct host_and_port {
  std::string_view host; // without brackets
  std::string_view service;
  std::optional<std::uint16_t>
      port; // a number, or that of a well-known service; empty: the system is to be asked
};

// Empty: there is no port, or what stands in front of it is no host.
std::optional<host_and_port> split_name(std::string_view text) noexcept;

bool is_localhost(std::string_view host) noexcept; // RFC 6761, 6.3
// What may be asked for. Others would be cut (at a zero), or cannot be a name.
bool may_be_name(std::string_view text) noexcept;
// Nor are there hosts whose last part is a number: inet_aton(3) would read "1.2" and "010.0.0.1" as addresses of its own.
bool may_be_host(std::string_view text) noexcept;
std::string lower_case(std::string_view text);

} // namespace thrum::net
