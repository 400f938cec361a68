// unix_address as the kernel wants it, and in errors.
#pragma once

#include <chrono>
#include <string_view>

#include <sys/socket.h>
#include <sys/un.h>

#include <thrum/io/error.h>
#include <thrum/net/unix.h>

namespace thrum::net {

// Between two tries, while a queue of the kernel's is full and nobody tells of its end (unix.h promises it).
inline constexpr std::chrono::milliseconds longest_unix_pause{16};

struct unix_socket_address {
  sockaddr_un address = {};
  unsigned size = sizeof(sockaddr_un);

  unix_socket_address() noexcept = default; // for the kernel to fill in
  explicit unix_socket_address(const unix_address& a) noexcept;
  unix_address to_address() const noexcept;

  sockaddr* raw() noexcept { return reinterpret_cast<sockaddr*>(&address); }
  const sockaddr* raw() const noexcept { return reinterpret_cast<const sockaddr*>(&address); }
  const char* path() const noexcept { return address.sun_path; }
};

// Of a long one its end, which tells more.
io::subject subject_of(const unix_address& a) noexcept;
// A text that unix_address::parse() does not take.
io::error no_unix_address(const char* operation, std::string_view text) noexcept;

io::result<unix_address> unix_local_address_of(io::descriptor* d);
io::result<unix_address> unix_peer_address_of(io::descriptor* d);

} // namespace thrum::net
