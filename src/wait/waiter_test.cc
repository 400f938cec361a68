#include "wait/waiter.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <deque>
#include <thread>
#include <vector>

namespace thrum::wait {
namespace {

struct somebody : agent {
  explicit somebody(std::uint32_t state) noexcept : agent(agent_kind::fiber) {
    decided.store(state, std::memory_order_relaxed); // relaxed: before any thread
  }
  std::uint32_t decision() const noexcept { return decided.load(std::memory_order_acquire); }
};

TEST(claim, decides_an_open_wait_for_its_alternative) {
  for (const std::uint32_t index : {0u, 1u, 7u, 1'000u}) {
    somebody a(decision::open);
    waiter w;
    w.owner = &a;
    w.index = index;
    EXPECT_TRUE(claim(w));
    EXPECT_EQ(a.decision(), decision::first + index);
  }
}

TEST(claim, decides_a_shielded_wait_too) {
  somebody a(decision::shielded);
  waiter w;
  w.owner = &a;
  EXPECT_TRUE(claim(w));
}

TEST(claim, loses_against_whatever_came_before) {
  for (const std::uint32_t state :
       {decision::closed, decision::stopped, decision::first, decision::first + 3}) {
    somebody a(state);
    waiter w;
    w.owner = &a;
    w.index = 1;
    EXPECT_FALSE(claim(w));
    EXPECT_EQ(a.decision(), state);
  }
}

TEST(pop_claimed, passes_over_waits_that_are_decided_elsewhere) {
  somebody gone(decision::first + 1);
  somebody stopped(decision::stopped);
  somebody there(decision::open);
  somebody behind(decision::open);
  std::array<waiter, 4> all;
  waiter_list list;
  somebody* owners[] = {&gone, &stopped, &there, &behind};
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].owner = owners[i];
    list.push_back(all[i]);
  }
  EXPECT_EQ(pop_claimed(list), &all[2]);
  EXPECT_FALSE(all[0].linked);
  EXPECT_FALSE(all[1].linked);
  EXPECT_TRUE(all[3].linked);
  EXPECT_EQ(pop_claimed(list), &all[3]);
  EXPECT_EQ(pop_claimed(list), nullptr);
}

// The two ends of a select with several cases, a timer and a stop request, all at the same instant.
TEST(claim, is_granted_to_exactly_one_of_many) {
  constexpr std::uint32_t rivals = 4;
  constexpr int rounds = 2'000;
  for (const std::uint32_t state : {decision::open, decision::shielded}) {
    std::deque<somebody> waits; // they do not move
    for (int i = 0; i < rounds; ++i) waits.emplace_back(state);
    std::atomic<int> granted{0};
    std::atomic<std::uint32_t> present{0};
    std::vector<std::thread> threads;
    for (std::uint32_t r = 0; r < rivals; ++r)
      threads.emplace_back([&, r] {
        ++present;
        while (present < rivals) std::this_thread::yield();
        for (somebody& a : waits) {
          waiter w;
          w.owner = &a;
          w.index = r;
          if (claim(w)) {
            ++granted;
            EXPECT_EQ(a.decision(), decision::first + r);
          }
        }
      });
    for (auto& t : threads) t.join();
    EXPECT_EQ(granted, rounds);
  }
}

} // namespace
} // namespace thrum::wait
