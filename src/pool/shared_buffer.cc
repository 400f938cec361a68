#include "pool/shared_mapping.h"

#include <thrum/shared_buffer.h>

namespace thrum {

shared_buffer::shared_buffer(std::size_t size) {
  if (size == 0) return;
  memory_ = std::make_shared<pool::shared_mapping>(io::world_here(), env::make_shared_memory(size),
                                                   "make a shared buffer", "map a shared buffer");
}

std::span<std::byte> shared_buffer::bytes() const noexcept {
  if (memory_ == nullptr) return {};
  return {static_cast<std::byte*>(memory_->at()), memory_->size()};
}

void encode_to(encoder& out, const shared_buffer& b) {
  out.write(b.memory_ != nullptr);
  if (b.memory_ != nullptr) out.attach(b.memory_->descriptor(), b.memory_);
}

shared_buffer decode_from(decoder& in, std::type_identity<shared_buffer>) {
  shared_buffer b;
  if (!in.read<bool>()) return b;
  const detail::attachment came = in.read_attached();
  if (came.owner != nullptr) { // from this process, and there is nothing to be mapped
    b.memory_ = std::static_pointer_cast<const pool::shared_mapping>(came.owner);
    return b;
  }
  env::world& world = io::world_here();
  // The number that came belongs to the message; what several parts of a value mean by it is mapped several times.
  b.memory_ =
      std::make_shared<pool::shared_mapping>(world, world.duplicate(came.descriptor), "take a shared buffer",
                                             "map a shared buffer of another process");
  return b;
}

} // namespace thrum
