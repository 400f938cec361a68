// Memory that this process and others map, and the descriptor that it can be sent by.
#pragma once

#include "env/shared_memory.h"
#include "io/fresh_descriptor.h"
#include "io/transfer.h"

#include <cstddef>

namespace thrum::pool {

class shared_mapping {
public:
  // `fd`: a new descriptor, or why there is none. What fails is called `making` or `mapping`, and throws io::failure.
  shared_mapping(env::world& w, int fd, const char* making, const char* mapping) : descriptor_(w, fd) {
    if (fd < 0) fail(making, fd);
    if (const int error = env::map_shared_memory(fd, &at_, &size_); error < 0) fail(mapping, error);
  }
  shared_mapping(const shared_mapping&) = delete;
  shared_mapping& operator=(const shared_mapping&) = delete;
  ~shared_mapping() { env::unmap_memory(at_, size_); }

  void* at() const noexcept { return at_; }
  std::size_t size() const noexcept { return size_; }
  int descriptor() const noexcept { return descriptor_.fd(); }

private:
  [[noreturn]] static void fail(const char* operation, int errno_value) {
    io::throw_failure(io::system_error(operation, {}, errno_value));
  }

  io::fresh_descriptor descriptor_;
  void* at_ = nullptr;
  std::size_t size_ = 0;
};

} // namespace thrum::pool
