// growing_ring: a deque for one owner, without atomics: a power-of-two ring that doubles when it is full and shrinks on
// request. The private part of a processor's run queue. Growing may fail; the caller then has to put the item elsewhere.
//
// Its two counts are relaxed atomics, which costs plain moves: others may ask size_hint().
#pragma once

#include "base/atomic.h"
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

  bool empty() const noexcept { return size() == 0; }
  std::uint32_t size() const noexcept { return tail_.get() - head_.get(); }
  // For anybody: about how many.
  std::uint32_t size_hint() const noexcept { return size(); }

  [[nodiscard]] bool push_back(T item) noexcept {
    if (__builtin_expect(size() == capacity(), false) && !grow()) return false;
    items_[tail_.add(1) & mask_] = item;
    return true;
  }
  [[nodiscard]] bool push_front(T item) noexcept {
    if (__builtin_expect(size() == capacity(), false) && !grow()) return false;
    items_[(head_.add(UINT32_MAX) - 1) & mask_] = item;
    return true;
  }
  // Requires: !empty().
  T pop_front() noexcept { return items_[head_.add(1) & mask_]; }
  T pop_back() noexcept { return items_[(tail_.add(UINT32_MAX) - 1) & mask_]; }

  // The i-th item from the front, or null behind the end. For prefetching.
  T peek(std::uint32_t i) const noexcept { return i < size() ? items_[(head_.get() + i) & mask_] : nullptr; }

  // Gives the memory of a past spike back. Requires: empty().
  void shrink() noexcept {
    THRUM_DCHECK(empty());
    if (capacity() <= first_capacity) return;
    std::free(items_);
    items_ = nullptr;
    mask_ = UINT32_MAX;
    head_.set(0);
    tail_.set(0);
  }

private:
  static constexpr std::uint32_t first_capacity = 64;

  // Written by the owner only.
  class counter {
  public:
    std::uint32_t get() const noexcept {
      return value_.load(std::memory_order_relaxed); // relaxed: the owner's, or a hint
    }
    void set(std::uint32_t n) noexcept {
      value_.store(n, std::memory_order_relaxed); // relaxed: a hint for others
    }
    // Returns what it was before.
    std::uint32_t add(std::uint32_t n) noexcept {
      const std::uint32_t before = get();
      set(before + n);
      return before;
    }

  private:
    base::atomic<std::uint32_t> value_{0};
  };

  std::uint32_t capacity() const noexcept { return mask_ + 1; } // 0 without memory: the mask is all ones

  [[gnu::noinline]] bool grow() noexcept {
    const std::uint32_t old = capacity();
    const std::uint32_t bigger = old == 0 ? first_capacity : old * 2;
    auto* fresh = static_cast<T*>(std::malloc(std::size_t{bigger} * sizeof(T)));
    if (fresh == nullptr) return false;
    const std::uint32_t count = size();
    for (std::uint32_t i = 0; i < count; ++i) fresh[i] = items_[(head_.get() + i) & mask_];
    std::free(items_);
    items_ = fresh;
    mask_ = bigger - 1;
    head_.set(0);
    tail_.set(count);
    return true;
  }

  T* items_ = nullptr;
  std::uint32_t mask_ = UINT32_MAX;
  counter head_; // counts for ever; wraps harmlessly
  counter tail_;
};

} // namespace thrum::queue
