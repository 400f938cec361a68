#include "io/operation.h"
#include "net/socket_address.h"

#include <thrum/net/tcp.h>

#include <cerrno>

#include <netinet/tcp.h>

namespace thrum::net {

namespace {

int bind_and_listen(env::world& world, fresh_socket& s, const endpoint& at, const listen_options& options,
                    endpoint& bound) noexcept {
  int error = 0;
  if (options.reuse_address) error = s.set(SOL_SOCKET, SO_REUSEADDR, 1);
  if (error == 0 && options.reuse_port) error = s.set(SOL_SOCKET, SO_REUSEPORT, 1);
  if (error == 0 && at.is_v6()) error = s.set(IPPROTO_IPV6, IPV6_V6ONLY, options.v6_only);
  // Accepted sockets inherit it.
  if (error == 0) error = s.set(IPPROTO_TCP, TCP_NODELAY, 1);
  const socket_address address(at);
  if (error == 0) error = world.bind(s.fd(), address.raw(), address.size);
  if (error == 0) error = world.listen(s.fd(), options.backlog);
  if (error == 0) error = local_endpoint(world, s.fd(), bound);
  return error;
}

} // namespace

io::result<tcp_listener> tcp_listener::listen(const endpoint& at, const listen_options& options) {
  env::world& world = io::runtime_here().world;
  fresh_socket fresh(world, world.socket(family_of(at), SOCK_STREAM, 0, nullptr));
  if (fresh.fd() < 0) return io::system_error("listen", subject_of(at), fresh.fd());
  endpoint bound;
  if (const int error = bind_and_listen(world, fresh, at, options, bound); error < 0)
    return io::system_error("listen", subject_of(at), error);
  io::descriptor* d = nullptr;
  const int error = fresh.open({.is_stream = false, .about = subject_of(bound)}, &d);
  if (error != 0) return io::system_error("listen", subject_of(bound), error);
  return tcp_listener(d);
}

io::result<tcp_listener> tcp_listener::listen(std::string_view at, const listen_options& options) {
  if (const auto parsed = endpoint::parse(at)) return listen(*parsed, options);
  return no_endpoint("listen", at);
}

io::result<tcp_stream> tcp_listener::accept(io::deadline until) const {
  io::descriptor* d = get();
  if (d == nullptr) return io::closed_error("accept", d);
  env::world& world = *d->world;
  const sched::runtime_core* const core = io::runtime_next_to(*d);
  env::poller* const beyond = core != nullptr ? core->poller : nullptr;
  socket_address from;
  io::operation op(*d, io::direction::in, until.time());
  const std::int64_t n = op.run(0, [&] {
    int fd;
    do {
      from.size = sizeof from.storage;
      fd = world.accept(d->fd, from.raw(), &from.size, beyond);
    } while (concerns_one_connection(fd));
    return fd;
  });
  if (n < 0) return io::failed("accept", *d, op, n);
  fresh_socket fresh(world, static_cast<int>(n));
  const io::subject about = subject_of(from.to_endpoint());
  io::descriptor* made = nullptr;
  // Asked again: beside a plain thread that has waited, the runtime may have ended.
  const int error = fresh.open({.core = io::runtime_next_to(*d), .about = about}, &made);
  if (error != 0) return io::system_error("accept", about, error);
  return tcp_stream(made);
}

io::result<endpoint> tcp_listener::local_address() const { return local_address_of(get()); }

io::result<std::vector<tcp_listener>> listen_shards(const endpoint& at, unsigned n,
                                                    const listen_options& options) {
  listen_options sharing = options;
  sharing.reuse_port = true;
  std::vector<tcp_listener> shards;
  endpoint bound = at; // the first one's port is everybody's
  while (shards.size() < n) {
    auto next = tcp_listener::listen(bound, sharing);
    if (!next) return next.error();
    if (shards.empty()) {
      const auto chosen = next->local_address();
      if (!chosen) return chosen.error();
      bound = *chosen;
    }
    shards.push_back(std::move(*next));
  }
  return shards;
}

io::result<std::vector<tcp_listener>> listen_shards(std::string_view at, unsigned n,
                                                    const listen_options& options) {
  if (const auto parsed = endpoint::parse(at)) return listen_shards(*parsed, n, options);
  return no_endpoint("listen", at);
}

} // namespace thrum::net
