#include "chan/buffer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <stdexcept>

namespace thrum::chan {
namespace {

struct number {
  static inline int alive = 0;
  explicit number(int v) : value(v) { ++alive; }
  number(number&& other) noexcept : value(other.value) { ++alive; }
  ~number() { --alive; }
  int value;
};
struct alignas(128) aligned {
  int value;
};
struct large {
  std::unique_ptr<int> value;
  char rest[9'000]; // several of them are more than a chunk
};
struct alignas(8192) page_aligned {
  int value;
};

constexpr auto& ops_of_number = detail::element_ops_of<number>;

void put(buffer& b, int v) {
  void* cell = b.push();
  ASSERT_NE(cell, nullptr);
  ::new (cell) number(v);
}
int take(buffer& b) {
  auto* n = static_cast<number*>(b.pop());
  const int v = n->value;
  n->~number();
  return v;
}

class buffers : public testing::Test {
protected:
  void SetUp() override { number::alive = 0; }
  void TearDown() override { EXPECT_EQ(number::alive, 0) << "values were lost, or destroyed twice"; }
};

TEST_F(buffers, a_ring_is_full_at_its_capacity_and_not_before) {
  for (const std::size_t capacity : {1u, 2u, 3u, 16u, 1000u}) {
    buffer b(capacity, ops_of_number);
    EXPECT_EQ(b.capacity(), capacity);
    for (std::size_t i = 0; i < capacity; ++i) {
      EXPECT_FALSE(b.full());
      EXPECT_EQ(b.size(), i);
      put(b, static_cast<int>(i));
    }
    EXPECT_TRUE(b.full());
    for (std::size_t i = 0; i < capacity; ++i) EXPECT_EQ(take(b), static_cast<int>(i));
    EXPECT_TRUE(b.empty());
  }
}

TEST_F(buffers, no_capacity_is_both_empty_and_full) {
  const buffer b(0, ops_of_number);
  EXPECT_TRUE(b.empty());
  EXPECT_TRUE(b.full());
}

TEST_F(buffers, values_come_out_in_order_across_every_wrap_around) {
  for (const std::size_t capacity : {1u, 3u, 7u}) {
    buffer b(capacity, ops_of_number);
    int in = 0;
    int out = 0;
    std::mt19937 dice(static_cast<unsigned>(capacity));
    for (int step = 0; step < 20'000; ++step) {
      const bool push = b.empty() || (!b.full() && dice() % 2 == 0);
      if (push)
        put(b, in++);
      else
        ASSERT_EQ(take(b), out++);
      ASSERT_EQ(b.size(), static_cast<std::size_t>(in - out));
    }
  }
}

TEST_F(buffers, an_unbounded_one_is_never_full_and_keeps_the_order) {
  buffer b(detail::unbounded_capacity, ops_of_number);
  std::deque<int> model;
  std::mt19937 dice(1);
  int next = 0;
  for (int step = 0; step < 60'000; ++step) {
    const unsigned bias = step / 10'000 % 2 == 0 ? 70 : 30; // long waves, so that chunks come and go
    ASSERT_FALSE(b.full());
    if (model.empty() || dice() % 100 < bias) {
      put(b, next);
      model.push_back(next++);
    } else {
      ASSERT_EQ(take(b), model.front());
      model.pop_front();
    }
    ASSERT_EQ(b.size(), model.size());
  }
}

// At the border between two chunks, where one chunk is drained and the next is needed at every step.
TEST_F(buffers, an_unbounded_one_may_hover_around_any_length) {
  for (int length = 0; length < 2'200; length += 73) {
    buffer b(detail::unbounded_capacity, ops_of_number);
    int in = 0;
    int out = 0;
    for (; in < length;) put(b, in++);
    for (int i = 0; i < 3'000; ++i) {
      put(b, in++);
      ASSERT_EQ(take(b), out++);
    }
    EXPECT_EQ(b.size(), static_cast<std::size_t>(length));
  }
}

TEST_F(buffers, what_is_left_inside_is_destroyed) {
  for (const std::size_t capacity : {std::size_t{100}, detail::unbounded_capacity}) {
    for (int left = 0; left <= 100; left += 25) {
      buffer b(capacity, ops_of_number);
      for (int i = 0; i < 100; ++i) put(b, i);
      for (int i = left; i < 100; ++i) take(b);
      EXPECT_EQ(number::alive, left);
    }
    EXPECT_EQ(number::alive, 0);
  }
}

template <class T> void cells_are_aligned(std::size_t capacity) {
  buffer b(capacity, detail::element_ops_of<T>);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 40; ++i) {
      void* cell = b.push();
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(cell) % alignof(T), 0u);
      ::new (cell) T{};
    }
    for (int i = 0; i < 40; ++i) static_cast<T*>(b.pop())->~T();
  }
}

TEST_F(buffers, cells_are_aligned_as_their_type_asks) {
  for (const std::size_t capacity : {std::size_t{40}, detail::unbounded_capacity}) {
    cells_are_aligned<char>(capacity);
    cells_are_aligned<long double>(capacity);
    cells_are_aligned<aligned>(capacity);
    cells_are_aligned<large>(capacity);
    cells_are_aligned<page_aligned>(capacity);
  }
}

TEST_F(buffers, values_larger_than_a_chunk_are_kept_as_they_are) {
  buffer b(detail::unbounded_capacity, detail::element_ops_of<large>);
  for (int i = 0; i < 30; ++i) {
    auto* l = ::new (b.push()) large{std::make_unique<int>(i), {}};
    l->rest[8'999] = static_cast<char>(i);
  }
  for (int i = 0; i < 20; ++i) {
    auto* l = static_cast<large*>(b.pop());
    EXPECT_EQ(*l->value, i);
    EXPECT_EQ(l->rest[8'999], static_cast<char>(i));
    l->~large();
  }
}

TEST_F(buffers, an_absurd_capacity_is_refused) {
  EXPECT_THROW(buffer(SIZE_MAX - 1, ops_of_number), std::length_error);
  EXPECT_THROW(buffer(PTRDIFF_MAX / sizeof(number) + 1, ops_of_number), std::length_error);
  EXPECT_THROW(buffer(SIZE_MAX / sizeof(large) + 2, detail::element_ops_of<large>), std::length_error);
}

} // namespace
} // namespace thrum::chan
