#include "net/socket.h"

#include <algorithm>
#include <cerrno>
#include <climits>

#include <sys/socket.h>

namespace thrum::net {

io::result<void> set_buffer_size(io::descriptor* d, const char* name, int option, std::size_t bytes) {
  return control(d, name, [&](env::world& world, int fd) {
    return set_number(world, fd, SOL_SOCKET, option, static_cast<int>(std::min<std::size_t>(bytes, INT_MAX)));
  });
}

io::result<std::size_t> buffer_size(io::descriptor* d, const char* name, int option) {
  int bytes = 0;
  auto done = control(
      d, name, [&](env::world& world, int fd) { return get_number(world, fd, SOL_SOCKET, option, bytes); });
  if (!done) return done.error();
  return static_cast<std::size_t>(bytes);
}

int outcome_of_connect(env::world& world, int fd) noexcept {
  int error = 0;
  if (const int e = get_number(world, fd, SOL_SOCKET, SO_ERROR, error); e < 0) return e;
  if (error != 0) return -error;
  // No error is not success yet: whoever was told too early asks too early.
  sockaddr_storage peer;
  unsigned size = sizeof peer;
  const int e = world.peer_address(fd, reinterpret_cast<sockaddr*>(&peer), &size);
  return e == -ENOTCONN ? -EAGAIN : e;
}

bool concerns_one_connection(int error) noexcept {
  switch (-error) {
  case ECONNABORTED:
  case EPROTO:
  case ENOPROTOOPT:
  case ENETDOWN:
  case ENETUNREACH:
  case EHOSTDOWN:
  case EHOSTUNREACH:
  case ENONET: return true;
  default: return false;
  }
}

} // namespace thrum::net
