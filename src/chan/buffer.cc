#include "chan/buffer.h"

#include <algorithm>
#include <new>
#include <stdexcept>

namespace thrum::chan {

namespace {

constexpr std::size_t chunk_bytes = 4096;

std::align_val_t alignment_of(const detail::element_ops& e) noexcept {
  return std::align_val_t{std::max<std::size_t>(e.alignment, alignof(std::max_align_t))};
}

} // namespace

buffer::buffer(std::size_t capacity, const detail::element_ops& elements)
    : elements_(elements), capacity_(capacity) {
  if (capacity == detail::unbounded_capacity) {
    chunk_header_ = (sizeof(chunk) + elements.alignment - 1) / elements.alignment * elements.alignment;
    const std::size_t room =
        chunk_bytes > chunk_header_ ? chunk_bytes - chunk_header_ : 0; // over-aligned: none
    chunk_cells_ = std::max<std::size_t>(room / elements.size, 8);
    return;
  }
  if (capacity == 0) return;
  if (capacity > PTRDIFF_MAX / elements.size)
    throw std::length_error("thrum::chan: the capacity is too large");
  ring_ = static_cast<char*>(::operator new(capacity * elements.size, alignment_of(elements)));
  ring_end_ = ring_ + capacity * elements.size;
  front_ = back_ = ring_;
}

buffer::~buffer() {
  while (!empty()) elements_.destroy(pop());
  if (ring_ != nullptr) ::operator delete(ring_, alignment_of(elements_));
  while (front_chunk_ != nullptr) {
    chunk* rest = front_chunk_->next;
    ::operator delete(front_chunk_, alignment_of(elements_));
    front_chunk_ = rest;
  }
  if (spare_ != nullptr) ::operator delete(spare_, alignment_of(elements_));
}

bool buffer::grow() noexcept {
  chunk* c = spare_;
  if (c != nullptr) {
    spare_ = nullptr;
  } else {
    void* memory =
        ::operator new(chunk_header_ + chunk_cells_ * elements_.size, alignment_of(elements_), std::nothrow);
    if (memory == nullptr) return false;
    c = ::new (memory) chunk;
  }
  c->next = nullptr;
  if (back_chunk_ != nullptr) {
    back_chunk_->next = c;
  } else {
    front_chunk_ = c;
    front_ = first_cell(c);
  }
  back_chunk_ = c;
  back_ = first_cell(c);
  return true;
}

void buffer::drop_front_chunk() noexcept {
  chunk* drained = front_chunk_;
  front_chunk_ = drained->next;
  front_ = first_cell(front_chunk_);
  if (spare_ == nullptr)
    spare_ = drained;
  else
    ::operator delete(drained, alignment_of(elements_));
}

} // namespace thrum::chan
