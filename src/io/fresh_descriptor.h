// The number of a file or socket that nobody else knows yet; closed unless it is released, or a descriptor takes it over.
#pragma once

#include "env/env.h"
#include "io/descriptor.h"

#include <cerrno>
#include <utility>

namespace thrum::io {

class fresh_descriptor {
public:
  fresh_descriptor(env::world& world, int fd) noexcept : world_(world), fd_(fd) {}
  fresh_descriptor(const fresh_descriptor&) = delete;
  fresh_descriptor& operator=(const fresh_descriptor&) = delete;
  ~fresh_descriptor() {
    if (fd_ >= 0) world_.close(fd_);
  }

  int fd() const noexcept { return fd_; } // negative: -errno
  int release() noexcept { return std::exchange(fd_, -1); }

  // A descriptor takes it over. 0 or a negative errno: what fd() was, if it was one.
  int open(const open_options& options, descriptor** out) noexcept {
    if (fd_ < 0) return fd_;
    const int error = io::open(fd_, options, out);
    if (error == 0) release();
    return error;
  }
  // The same; what nobody can wait for, as /dev/null, is used like a file.
  int open_even_a_device(open_options options, descriptor** out) noexcept {
    const int error = open(options, out);
    if (error != -EPERM || options.through == medium::file) return error;
    options.through = medium::file;
    return open(options, out);
  }

protected:
  env::world& world_;

private:
  int fd_;
};

} // namespace thrum::io
