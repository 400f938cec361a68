#include "queue/growing_ring.h"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <random>

namespace thrum::queue {
namespace {

class growing_rings : public testing::Test {
protected:
  int* item(std::size_t i) { return &items_[i % items_.size()]; }
  growing_ring<int*> ring;

private:
  std::array<int, 4096> items_{};
};

TEST_F(growing_rings, a_new_one_is_empty_and_has_no_memory) {
  EXPECT_TRUE(ring.empty());
  EXPECT_EQ(ring.size(), 0u);
  EXPECT_EQ(ring.peek(0), nullptr);
}

TEST_F(growing_rings, behaves_like_a_deque_while_it_grows_and_shrinks) {
  std::deque<int*> model;
  std::mt19937 dice(7);
  std::size_t next = 0;
  for (int step = 0; step < 100'000; ++step) {
    const bool filling = step / 20'000 % 2 == 0;
    const unsigned what = dice() % 100;
    if (what < (filling ? 40u : 15u)) {
      ASSERT_TRUE(ring.push_back(item(next)));
      model.push_back(item(next++));
    } else if (what < (filling ? 60u : 30u)) {
      ASSERT_TRUE(ring.push_front(item(next)));
      model.push_front(item(next++));
    } else if (model.empty()) {
      ring.shrink();
    } else if (what % 2 == 0) {
      ASSERT_EQ(ring.pop_front(), model.front());
      model.pop_front();
    } else {
      ASSERT_EQ(ring.pop_back(), model.back());
      model.pop_back();
    }
    ASSERT_EQ(ring.size(), model.size());
    const std::uint32_t i = model.empty() ? 0 : dice() % static_cast<std::uint32_t>(model.size() + 1);
    ASSERT_EQ(ring.peek(i), i < model.size() ? model[i] : nullptr);
  }
}

TEST_F(growing_rings, what_is_in_front_may_go_to_the_front_of_an_empty_one) {
  ASSERT_TRUE(ring.push_front(item(1)));
  ASSERT_TRUE(ring.push_front(item(0)));
  ASSERT_TRUE(ring.push_back(item(2)));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(ring.pop_front(), item(i));
}

TEST_F(growing_rings, gives_the_memory_of_a_spike_back_and_goes_on) {
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < 3'000; ++i) ASSERT_TRUE(ring.push_back(item(i)));
    for (std::size_t i = 0; i < 3'000; ++i) ASSERT_EQ(ring.pop_front(), item(i));
    ring.shrink();
    EXPECT_TRUE(ring.empty());
    EXPECT_EQ(ring.peek(0), nullptr);
  }
}

} // namespace
} // namespace thrum::queue
