// Paths as arguments, and numbers of descriptors that nobody else knows yet.
#pragma once

#include "env/env.h"

#include <cerrno>
#include <string>
#include <utility>

#include <thrum/io/error.h>

namespace thrum::io {

// What the system would take for a shorter path.
inline bool has_zero(const std::string& path) noexcept { return path.find('\0') != std::string::npos; }

// Closed unless it is released.
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

private:
  env::world& world_;
  int fd_;
};

} // namespace thrum::io
