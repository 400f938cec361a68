// growing_ring: a deque for one owner, without atomics: a power-of-two ring that doubles when it is full and shrinks on
// request. The private part of a processor's run queue. Growing may fail; the caller then has to put the item elsewhere.
#pragma once

#include "base/check.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace thrum::queue {

template <class T> class growing_ring { // T: a pointer
public:
  growing_ring() = default;
  growing_ring(const growing_ring&) = delete;
  growing_ring& operator=(const growing_ring&) = delete;
  ~growing_ring() { std::free(items_); }

  bool empty() const noexcept { return head_ == tail_; }
  std::uint32_t size() const noexcept { return tail_ - head_; }

  [[nodiscard]] bool push_back(T item) noexcept {
    if (__builtin_expect(size() == capacity(), false) && !grow()) return false;
    items_[tail_++ & mask_] = item;
    return true;
  }
  [[nodiscard]] bool push_front(T item) noexcept {
    if (__builtin_expect(size() == capacity(), false) && !grow()) return false;
    items_[--head_ & mask_] = item;
    return true;
  }
  // Requires: !empty().
  T pop_front() noexcept { return items_[head_++ & mask_]; }
  T pop_back() noexcept { return items_[--tail_ & mask_]; }

  // The i-th item from the front, or null behind the end. For prefetching.
  T peek(std::uint32_t i) const noexcept { return i < size() ? items_[(head_ + i) & mask_] : nullptr; }

  // Gives the memory of a past spike back. Requires: empty().
  void shrink() noexcept {
    THRUM_DCHECK(empty());
    if (capacity() <= first_capacity) return;
    std::free(items_);
    items_ = nullptr;
    mask_ = UINT32_MAX;
    head_ = tail_ = 0;
  }

private:
  static constexpr std::uint32_t first_capacity = 64;

  std::uint32_t capacity() const noexcept { return mask_ + 1; } // 0 without memory: the mask is all ones

  [[gnu::noinline]] bool grow() noexcept {
    const std::uint32_t old = capacity();
    const std::uint32_t bigger = old == 0 ? first_capacity : old * 2;
    auto* fresh = static_cast<T*>(std::malloc(std::size_t{bigger} * sizeof(T)));
    if (fresh == nullptr) return false;
    const std::uint32_t count = size();
    for (std::uint32_t i = 0; i < count; ++i) fresh[i] = items_[(head_ + i) & mask_];
    std::free(items_);
    items_ = fresh;
    mask_ = bigger - 1;
    head_ = 0;
    tail_ = count;
    return true;
  }

  T* items_ = nullptr;
  std::uint32_t mask_ = UINT32_MAX;
  std::uint32_t head_ = 0; // counts for ever; wraps harmlessly
  std::uint32_t tail_ = 0;
};

} // namespace thrum::queue
