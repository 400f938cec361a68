// What sockets of all kinds share: being made, asked and set, before and after a descriptor has taken them over.
#pragma once

#include "env/env.h"
#include "io/descriptor.h"
#include "io/transfer.h"
#include "sched/runtime_core.h"

#include <cstddef>
#include <utility>

#include <thrum/io/error.h>

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
  // A descriptor takes it over; 0 or a negative errno.
  int open(const io::open_options& options, io::descriptor** out) noexcept {
    const int error = io::open(fd_, options, out);
    if (error == 0) release();
    return error;
  }

private:
  env::world& world_;
  int fd_;
};

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
