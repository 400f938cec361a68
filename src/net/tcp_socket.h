// What making a TCP socket takes, until a descriptor takes it over.
#pragma once

#include "env/env.h"
#include "io/descriptor.h"
#include "net/socket_address.h"

#include <string_view>
#include <utility>

namespace thrum::net {

// A socket that nobody else knows yet; closed unless it is released.
class fresh_socket {
public:
  fresh_socket(env::world& world, int fd) noexcept : world_(world), fd_(fd) {}
  fresh_socket(const fresh_socket&) = delete;
  fresh_socket& operator=(const fresh_socket&) = delete;
  ~fresh_socket() {
    if (fd_ >= 0) world_.close(fd_);
  }

  int fd() const noexcept { return fd_; } // negative: -errno
  int release() noexcept { return std::exchange(fd_, -1); }
  int set(int level, int name, int value) noexcept {
    return world_.set_option(fd_, level, name, &value, sizeof value);
  }

private:
  env::world& world_;
  int fd_;
};

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
