// buffer: the values in a channel, first in first out: a ring of fixed capacity, or (unbounded) a list of chunks. Raw memory;
// the caller constructs and destroys. Guarded by the channel.
#pragma once

#include "base/check.h"

#include <cstddef>
#include <cstdint>

#include <thrum/detail/chan_core.h>

namespace thrum::chan {

class buffer {
public:
  // Throws std::length_error, std::bad_alloc.
  buffer(std::size_t capacity, const detail::element_ops& elements);
  ~buffer(); // destroys what is left
  buffer(const buffer&) = delete;
  buffer& operator=(const buffer&) = delete;

  std::size_t capacity() const noexcept { return capacity_; }
  std::size_t size() const noexcept { return count_; }
  bool empty() const noexcept { return count_ == 0; }
  bool full() const noexcept { return count_ == capacity_; }

  // The cell for a new last element. Requires: !full(). Null: an unbounded buffer found no memory.
  [[gnu::always_inline]] void* push() noexcept {
    if (__builtin_expect(chunk_cells_ != 0, false) && back_ == chunk_end(back_chunk_) && !grow())
      return nullptr;
    void* cell = back_;
    back_ = next(back_);
    ++count_;
    return cell;
  }
  // The cell of the first element, which the caller takes out at once. Requires: !empty().
  [[gnu::always_inline]] void* pop() noexcept {
    THRUM_DCHECK(count_ != 0);
    if (__builtin_expect(chunk_cells_ != 0, false) && front_ == chunk_end(front_chunk_)) drop_front_chunk();
    void* cell = front_;
    front_ = next(front_);
    --count_;
    return cell;
  }

private:
  struct chunk {
    chunk* next;
  };

  char* next(char* cell) const noexcept {
    cell += elements_.size;
    return cell == ring_end_ ? ring_ : cell; // chunks: ring_end_ is null
  }
  char* first_cell(chunk* c) const noexcept { return reinterpret_cast<char*>(c) + chunk_header_; }
  char* chunk_end(chunk* c) const noexcept {
    return c == nullptr ? nullptr : first_cell(c) + chunk_cells_ * elements_.size;
  }
  bool grow() noexcept;
  void drop_front_chunk() noexcept;

  const detail::element_ops& elements_;
  std::size_t capacity_;
  std::size_t count_ = 0;
  char* front_ = nullptr;
  char* back_ = nullptr;
  char* ring_ = nullptr;
  char* ring_end_ = nullptr;
  // Unbounded only.
  std::size_t chunk_cells_ = 0; // 0: a ring
  std::size_t chunk_header_ = 0;
  chunk* front_chunk_ = nullptr;
  chunk* back_chunk_ = nullptr;
  chunk* spare_ = nullptr; // one drained chunk, so that a queue that hovers around a border does not allocate
};

} // namespace thrum::chan
