#include "sched/global_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

namespace thrum::sched {
namespace {

struct numbered : detail::runnable {
  numbered() noexcept : runnable(kind::fiber) {}
  int number = 0; // plain: written before the push, read after the pop
};

std::vector<int> numbers(detail::runnable* list) {
  std::vector<int> all;
  for (; list != nullptr; list = list->link) all.push_back(static_cast<numbered*>(list)->number);
  return all;
}

class global_queues : public testing::Test {
protected:
  global_queues() {
    for (std::size_t i = 0; i < all.size(); ++i) all[i].number = static_cast<int>(i);
  }
  std::array<numbered, 10> all;
  global_queue q;
};

TEST_F(global_queues, an_empty_one_gives_nothing) {
  EXPECT_TRUE(q.empty());
  EXPECT_EQ(q.pop(100), nullptr);
  q.push_front_level(all[0]);
  EXPECT_EQ(q.pop(0), nullptr);
  EXPECT_EQ(q.size(), 1u);
}

TEST_F(global_queues, each_level_is_first_in_first_out) {
  for (int i = 0; i < 4; ++i) q.push_front_level(all[static_cast<std::size_t>(i)]);
  EXPECT_EQ(numbers(q.pop(100)), (std::vector<int>{0, 1, 2, 3}));
  for (int i = 0; i < 4; ++i) q.push_tail_level(all[static_cast<std::size_t>(i)]);
  EXPECT_EQ(numbers(q.pop(100)), (std::vector<int>{0, 1, 2, 3}));
}

TEST_F(global_queues, the_front_level_is_served_first) {
  q.push_tail_level(all[0]);
  q.push_front_level(all[1]);
  q.push_tail_level(all[2]);
  q.push_front_level(all[3]);
  EXPECT_EQ(numbers(q.pop(3)), (std::vector<int>{1, 3, 0}));
  q.push_front_level(all[4]);
  EXPECT_EQ(numbers(q.pop(100)), (std::vector<int>{4, 2}));
}

TEST_F(global_queues, no_more_are_taken_than_asked_for) {
  for (auto& r : all) q.push_front_level(r);
  EXPECT_EQ(q.size(), 10u);
  EXPECT_EQ(numbers(q.pop(3)), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(q.size(), 7u);
  EXPECT_EQ(numbers(q.pop(1)), (std::vector<int>{3}));
  EXPECT_EQ(numbers(q.pop(100)), (std::vector<int>{4, 5, 6, 7, 8, 9}));
  EXPECT_TRUE(q.empty());
}

TEST_F(global_queues, a_drained_one_is_as_new) {
  for (int round = 0; round < 100; ++round) {
    q.push_front_level(all[1]);
    q.push_tail_level(all[2]);
    EXPECT_EQ(numbers(q.pop(1)), (std::vector<int>{1}));
    EXPECT_EQ(numbers(q.pop(1)), (std::vector<int>{2}));
    EXPECT_TRUE(q.empty());
  }
}

TEST_F(global_queues, threads_lose_nothing_and_take_nothing_twice) {
  constexpr int each = 5'000;
  constexpr int producers = 2;
  std::vector<numbered> many(each * producers);
  std::vector<std::atomic<int>> taken(many.size());
  for (std::size_t i = 0; i < many.size(); ++i) many[i].number = static_cast<int>(i);
  std::atomic<std::size_t> total{0};
  std::vector<std::thread> threads;
  for (int p = 0; p < producers; ++p)
    threads.emplace_back([&, p] {
      for (int i = 0; i < each; ++i) {
        numbered& r = many[static_cast<std::size_t>(p * each + i)];
        if (i % 3 == 0)
          q.push_tail_level(r);
        else
          q.push_front_level(r);
      }
    });
  for (int c = 0; c < 2; ++c)
    threads.emplace_back([&] {
      while (total < many.size()) {
        detail::runnable* list = q.pop(7);
        if (list == nullptr) std::this_thread::yield();
        while (list != nullptr) {
          detail::runnable* next = list->link;
          ++taken[static_cast<std::size_t>(static_cast<numbered*>(list)->number)];
          ++total;
          list = next;
        }
      }
    });
  for (auto& t : threads) t.join();
  for (const auto& n : taken) ASSERT_EQ(n, 1);
  EXPECT_TRUE(q.empty());
}

} // namespace
} // namespace thrum::sched
