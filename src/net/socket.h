// What sockets of all kinds share: being made, asked and set, before and after a descriptor has taken them over.
#pragma once

#include "env/env.h"
#include "io/descriptor.h"
#include "io/fresh_descriptor.h"
#include "io/transfer.h"
#include "sched/runtime_core.h"

#include <cstddef>
#include <sys/socket.h>
#include <utility>

#include <thrum/io/error.h>

namespace thrum::net {

// A socket that nobody else knows yet.
class fresh_socket : public io::fresh_descriptor {
public:
  using fresh_descriptor::fresh_descriptor;
  int set(int level, int name, int value) noexcept {
    return world_.set_option(fd(), level, name, &value, sizeof value);
  }
};

// Two Unix sockets that are each other's peer; `make(descriptor)` gives them their handles.
template <class Make> auto connected_pair(int type, Make make)
    -> io::result<std::pair<decltype(make(nullptr)), decltype(make(nullptr))>> {
  env::world& world = io::runtime_here().world;
  int two[2];
  if (const int error = world.socket_pair(AF_UNIX, type, two); error != 0)
    return io::system_error("make a pair", {}, error);
  fresh_socket first(world, two[0]);
  fresh_socket second(world, two[1]);
  const io::open_options options{.is_stream = type == SOCK_STREAM, .about = io::subject::named("pair")};
  io::descriptor* d = nullptr;
  if (const int error = first.open(options, &d); error != 0)
    return io::system_error("make a pair", {}, error);
  auto one = make(d);
  if (const int error = second.open(options, &d); error != 0)
    return io::system_error("make a pair", {}, error);
  return std::pair(std::move(one), make(d));
}

// Calls `act(world, fd)` on an open descriptor; it returns 0 or a negative errno.
template <class Act> io::result<void> control(io::descriptor* d, const char* name, Act act) {
  const io::use in_use(d);
  if (in_use.standing() != io::status::ok) return io::closed_error(name, d);
  const int error = act(in_use.world(), in_use.fd());
  if (error < 0) return io::system_error(name, d->about, error);
  return {};
}

inline int set_number(env::world& world, int fd, int level, int name, int value) noexcept {
  return world.set_option(fd, level, name, &value, sizeof value);
}
inline int get_number(env::world& world, int fd, int level, int name, int& value) noexcept {
  unsigned size = sizeof value;
  return world.get_option(fd, level, name, &value, &size);
}

// For the public functions of these names.
io::result<void> set_buffer_size(io::descriptor* d, const char* name, int option, std::size_t bytes);
io::result<std::size_t> buffer_size(io::descriptor* d, const char* name, int option);

// The outcome of a connection attempt that goes on in the background; -EAGAIN: none yet.
int outcome_of_connect(env::world& world, int fd) noexcept;
// What accept(2) says when the connection in front of the queue has failed already. The next one may be well.
bool concerns_one_connection(int error) noexcept;

} // namespace thrum::net
