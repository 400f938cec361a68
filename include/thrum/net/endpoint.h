// endpoint: where a socket is: an IPv4 or IPv6 address and a port.
//
//   std::optional<thrum::net::endpoint> here = thrum::net::endpoint::parse("127.0.0.1:8080");
//   auto any = thrum::net::endpoint::any_v6(443);
//   std::puts(any.to_string().c_str()); // [::]:443
//
// Numbers only: no name, as in "localhost:80" or "example.com:80", is looked up here; see net/resolve.h.
//
// What the caller owes   v4() and v6() are asked only for what is_v6() says.
// What is guaranteed     parse() takes what to_string() makes, and gives an equal endpoint. Order: by the bytes of the address, then
//                        scope and port. An IPv4 address and the same mapped into IPv6 differ.
// May park               no.
// Happens-before         nothing.
// When it dies           A value.
// Errors                 An empty optional from the parse functions. std::bad_alloc from to_string() and append_to().
// Cost                   24 bytes. Parsing allocates nothing.
// Source of the idea     Go's netip.AddrPort.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace thrum::net {

class endpoint {
public:
  using v4_bytes = std::array<std::uint8_t, 4>; // in the order in which they are written
  using v6_bytes = std::array<std::uint8_t, 16>;

  constexpr endpoint() noexcept = default; // 0.0.0.0:0
  constexpr endpoint(const v4_bytes& address, std::uint16_t port) noexcept
      : address_{address[0], address[1], address[2], address[3]}, port_(port) {}
  // scope: the number of the interface, for link-local addresses.
  constexpr endpoint(const v6_bytes& address, std::uint16_t port, std::uint32_t scope = 0) noexcept
      : address_(address), scope_(scope), port_(port), is_v6_(true) {}

  // "1.2.3.4:80", "[2001:db8::1]:80", "[fe80::1%2]:80". Empty if it is anything else.
  [[nodiscard]] static std::optional<endpoint> parse(std::string_view text) noexcept;
  // The address alone: "1.2.3.4", "2001:db8::1", "fe80::1%2".
  [[nodiscard]] static std::optional<endpoint> parse_address(std::string_view text,
                                                             std::uint16_t port) noexcept;

  [[nodiscard]] static constexpr endpoint any_v4(std::uint16_t port) noexcept { return {v4_bytes{}, port}; }
  [[nodiscard]] static constexpr endpoint any_v6(std::uint16_t port) noexcept { return {v6_bytes{}, port}; }
  [[nodiscard]] static constexpr endpoint loopback_v4(std::uint16_t port) noexcept {
    return {v4_bytes{127, 0, 0, 1}, port};
  }
  [[nodiscard]] static constexpr endpoint loopback_v6(std::uint16_t port) noexcept {
    v6_bytes one{};
    one[15] = 1;
    return {one, port};
  }

  [[nodiscard]] constexpr bool is_v6() const noexcept { return is_v6_; }
  [[nodiscard]] constexpr std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] constexpr std::uint32_t scope() const noexcept { return scope_; }
  [[nodiscard]] constexpr v4_bytes v4() const noexcept {
    return {address_[0], address_[1], address_[2], address_[3]};
  }
  [[nodiscard]] constexpr const v6_bytes& v6() const noexcept { return address_; }
  [[nodiscard]] constexpr endpoint with_port(std::uint16_t port) const noexcept {
    endpoint other = *this;
    other.port_ = port;
    return other;
  }

  // As parse() reads it; IPv6 in the shortest form (RFC 5952).
  [[nodiscard]] std::string to_string() const;
  void append_to(std::string& out) const;

  friend constexpr auto operator<=>(const endpoint&, const endpoint&) noexcept = default;
  friend constexpr bool operator==(const endpoint&, const endpoint&) noexcept = default;

private:
  v6_bytes address_{}; // v4: the first four
  std::uint32_t scope_ = 0;
  std::uint16_t port_ = 0;
  bool is_v6_ = false;
};

} // namespace thrum::net
