#include "env/shared_memory.h"
#include "io/fresh_descriptor.h"
#include "io/transfer.h"

#include <utility>

#include <thrum/shared_buffer.h>

namespace thrum {

// One mapping, and the descriptor that it can be sent by.
struct shared_buffer::memory {
  memory(env::world& w, int fd) noexcept : descriptor(w, fd) {}
  memory(const memory&) = delete;
  memory& operator=(const memory&) = delete;
  ~memory() {
    if (at != nullptr) env::unmap_memory(at, size);
  }

  io::fresh_descriptor descriptor;
  void* at = nullptr;
  std::size_t size = 0;
};

namespace {

[[noreturn]] void fail(const char* operation, int errno_value) {
  io::throw_failure(io::system_error(operation, {}, errno_value));
}

} // namespace

shared_buffer::shared_buffer(std::size_t size) {
  if (size == 0) return;
  auto made = std::make_shared<memory>(io::world_here(), env::make_shared_memory(size));
  if (made->descriptor.fd() < 0) fail("make a shared buffer", made->descriptor.fd());
  if (const int error = env::map_shared_memory(made->descriptor.fd(), &made->at, &made->size); error < 0)
    fail("map a shared buffer", error);
  memory_ = std::move(made);
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
  env::world& world = io::world_here();
  // The number that came belongs to the message; what several parts of a value mean by it is mapped several times.
  auto made = std::make_shared<shared_buffer::memory>(world, world.duplicate(in.read_attached()));
  if (made->descriptor.fd() < 0) fail("take a shared buffer", made->descriptor.fd());
  if (const int error = env::map_shared_memory(made->descriptor.fd(), &made->at, &made->size); error < 0)
    fail("map a shared buffer of another process", error);
  b.memory_ = std::move(made);
  return b;
}

} // namespace thrum
