// Streams: connecting to one address or to a name, and what a socket is told and asked besides reading and writing.
#include "io/operation.h"
#include "net/race.h"
#include "net/socket.h"
#include "net/socket_address.h"

#include <thrum/net/resolve.h>
#include <thrum/net/tcp.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include <netinet/tcp.h>

namespace thrum::net {

using io::direction;
using io::operation;

io::result<tcp_stream> tcp_stream::connect(const endpoint& to, io::deadline until) {
  const io::subject about = subject_of(to);
  sched::runtime_core& core = io::runtime_here();
  env::world& world = core.world;
  // A connection to an own port on which nobody listens can meet itself, if the kernel chooses that very port for its other
  // end. It then looks as if somebody answered, and keeps a server from starting there. Another try gets another port.
  for (int tries_left = 3;; --tries_left) {
    fresh_socket fresh(world, world.socket(family_of(to), SOCK_STREAM, 0, core.poller));
    if (fresh.fd() < 0) return io::system_error("connect", about, fresh.fd());
    fresh.set(IPPROTO_TCP, TCP_NODELAY, 1);
    const socket_address address(to);
    const int begun = world.connect(fresh.fd(), address.raw(), address.size);
    if (begun != 0 && begun != -EINPROGRESS && begun != -EINTR)
      return io::system_error("connect", about, begun);
    io::descriptor* d = nullptr;
    // Registered only now: a socket that has not begun to connect reports a hang-up.
    const io::open_options options{
        .core = &core, .ready = begun == 0 ? io::ready_bit(direction::out) : 0, .asks = true, .about = about};
    if (const int error = fresh.open(options, &d); error != 0)
      return io::system_error("connect", about, error);
    tcp_stream stream(d);
    if (begun != 0) {
      operation op(*d, direction::out, until.time());
      const std::int64_t n = op.run(0, [&] { return outcome_of_connect(world, d->fd); });
      if (n < 0) return io::failed("connect", *d, op, n);
    }
    endpoint mine;
    if (local_endpoint(world, d->fd, mine) != 0 || mine != to) return stream;
    if (tries_left == 1) return io::system_error("connect", about, -ECONNREFUSED);
  }
}

io::result<tcp_stream> tcp_stream::connect(std::string_view to, io::deadline until) {
  if (const auto parsed = endpoint::parse(to)) return connect(*parsed, until);
  auto found = resolver().resolve(to, until);
  if (found) return race(interleaved(*found), to, attempt_delay, until);
  io::error e = found.error();
  e.operation = "connect";
  e.about = io::subject::named(to);
  return e;
}

io::result<void> tcp_stream::shutdown_write() const {
  return control(get(), "shutdown", [](env::world& world, int fd) { return world.shutdown(fd, SHUT_WR); });
}
io::result<void> tcp_stream::shutdown_read() const {
  return control(get(), "shutdown", [](env::world& world, int fd) { return world.shutdown(fd, SHUT_RD); });
}

io::result<void> tcp_stream::no_delay(bool on) const {
  return control(get(), "set no_delay of", [&](env::world& world, int fd) {
    return set_number(world, fd, IPPROTO_TCP, TCP_NODELAY, on);
  });
}

io::result<void> tcp_stream::keep_alive(const keep_alive_options& options) const {
  return control(get(), "set keep_alive of", [&](env::world& world, int fd) {
    const int idle = static_cast<int>(options.idle.count());
    const int interval = static_cast<int>(options.interval.count());
    int error = set_number(world, fd, IPPROTO_TCP, TCP_KEEPIDLE, idle);
    if (error == 0) error = set_number(world, fd, IPPROTO_TCP, TCP_KEEPINTVL, interval);
    if (error == 0) error = set_number(world, fd, IPPROTO_TCP, TCP_KEEPCNT, options.probes);
    return error != 0 ? error : set_number(world, fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  });
}

io::result<void> tcp_stream::keep_alive_off() const {
  return control(get(), "set keep_alive of", [](env::world& world, int fd) {
    return set_number(world, fd, SOL_SOCKET, SO_KEEPALIVE, 0);
  });
}

io::result<void> tcp_stream::reset_on_close(bool on) const {
  return control(get(), "set reset_on_close of", [&](env::world& world, int fd) {
    const linger how{.l_onoff = on ? 1 : 0, .l_linger = 0};
    return world.set_option(fd, SOL_SOCKET, SO_LINGER, &how, sizeof how);
  });
}

io::result<void> tcp_stream::user_timeout(std::chrono::milliseconds longest) const {
  return control(get(), "set user_timeout of", [&](env::world& world, int fd) {
    const auto ms = std::clamp<std::chrono::milliseconds::rep>(longest.count(), 0, INT_MAX);
    return set_number(world, fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(ms));
  });
}

io::result<void> tcp_stream::receive_buffer(std::size_t bytes) const {
  return set_buffer_size(get(), "set receive_buffer of", SO_RCVBUF, bytes);
}
io::result<void> tcp_stream::send_buffer(std::size_t bytes) const {
  return set_buffer_size(get(), "set send_buffer of", SO_SNDBUF, bytes);
}
io::result<std::size_t> tcp_stream::receive_buffer() const {
  return buffer_size(get(), "receive_buffer of", SO_RCVBUF);
}
io::result<std::size_t> tcp_stream::send_buffer() const {
  return buffer_size(get(), "send_buffer of", SO_SNDBUF);
}

io::result<endpoint> tcp_stream::local_address() const { return local_address_of(get()); }
io::result<endpoint> tcp_stream::peer_address() const { return peer_address_of(get()); }

} // namespace thrum::net
