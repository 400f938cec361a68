#include "net/socket_file.h"

#include <cerrno>

#include <thrum/blocking.h>

namespace thrum::net {

namespace {

// True: nobody answers at that path, and what stood there is gone.
bool remove_stale(env::world& world, int type, const unix_socket_address& at) noexcept {
  env::file_identity seen;
  if (world.identify_socket(at.path(), &seen) != 0) return false;
  fresh_socket probe(world, world.socket(AF_UNIX, type, 0, nullptr));
  if (probe.fd() < 0 || world.connect(probe.fd(), at.raw(), at.size) != -ECONNREFUSED) return false;
  return world.remove_socket(at.path(), seen) == 0;
}

} // namespace

void socket_file::remove() noexcept {
  // relaxed: it only counts; who closes at the same time returns without having waited for us.
  if (removed_.exchange(true, std::memory_order_relaxed)) return;
  blocking([&] { return world_.remove_socket(at_.path(), which_); });
}

int bind_to_file(env::world& world, fresh_socket& s, int type, const unix_address& at,
                 const unix_options& options, std::unique_ptr<socket_file>* out) {
  const unix_socket_address address(at);
  if (!at.is_path()) return world.bind(s.fd(), address.raw(), address.size);
  return blocking([&] {
    int error = world.bind(s.fd(), address.raw(), address.size);
    if (error == -EADDRINUSE && options.remove_stale && remove_stale(world, type, address))
      error = world.bind(s.fd(), address.raw(), address.size);
    if (error != 0) return error;
    env::file_identity which;
    error = world.identify_socket(address.path(), &which);
    if (error != 0) return error; // somebody has removed it at once
    *out = std::make_unique<socket_file>(world, at, which);
    return options.mode ? world.set_socket_mode(address.path(), *options.mode) : 0;
  });
}

} // namespace thrum::net
