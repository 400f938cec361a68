#include "env/shared_memory.h"
#include "io/fresh_descriptor.h"
#include "io/transfer.h"

#include <thrum/shared_buffer.h>

namespace thrum {

namespace {

[[noreturn]] void fail(const char* operation, int errno_value) {
  io::throw_failure(io::system_error(operation, {}, errno_value));
}

} // namespace

// One mapping, and the descriptor that it can be sent by.
struct shared_buffer::memory {
  // `fd`: a new descriptor, or why there is none. What fails is called `making` or `mapping`.
  memory(env::world& w, int fd, const char* making, const char* mapping) : descriptor(w, fd) {
    if (fd < 0) fail(making, fd);
    if (const int error = env::map_shared_memory(fd, &at, &size); error < 0) fail(mapping, error);
  }
  memory(const memory&) = delete;
  memory& operator=(const memory&) = delete;
  ~memory() { env::unmap_memory(at, size); }

  io::fresh_descriptor descriptor;
  void* at = nullptr;
  std::size_t size = 0;
};

shared_buffer::shared_buffer(std::size_t size) {
  if (size == 0) return;
  memory_ = std::make_shared<memory>(io::world_here(), env::make_shared_memory(size), "make a shared buffer",
                                     "map a shared buffer");
}

std::span<std::byte> shared_buffer::bytes() const noexcept {
  if (memory_ == nullptr) return {};
  return {static_cast<std::byte*>(memory_->at), memory_->size};
}

void encode_to(encoder& out, const shared_buffer& b) {
  out.write(b.memory_ != nullptr);
  if (b.memory_ != nullptr) out.attach(b.memory_->descriptor.fd(), b.memory_);
}

shared_buffer decode_from(decoder& in, std::type_identity<shared_buffer>) {
  shared_buffer b;
  if (!in.read<bool>()) return b;
  const detail::attachment came = in.read_attached();
  if (came.owner != nullptr) { // from this process, and there is nothing to be mapped
    b.memory_ = std::static_pointer_cast<const shared_buffer::memory>(came.owner);
    return b;
  }
  env::world& world = io::world_here();
  // The number that came belongs to the message; what several parts of a value mean by it is mapped several times.
  b.memory_ =
      std::make_shared<shared_buffer::memory>(world, world.duplicate(came.descriptor), "take a shared buffer",
                                              "map a shared buffer of another process");
  return b;
}

} // namespace thrum
