// The ring in one thread first, then one owner and thieves on real threads. run_ring_explore.cc has the
// proofs.
#include "queue/run_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace {

struct item {
  std::uint32_t number = 0; // plain: written before the push, read after the take
};
template <std::uint32_t Capacity> using ring = thrum::queue::run_ring<item*, Capacity>;

class run_ring : public testing::Test {
protected:
  run_ring() {
    for (std::uint32_t i = 0; i < all.size(); ++i) all[i].number = i;
  }
  std::array<item, 1024> all;
};

template <std::uint32_t Capacity> std::vector<std::uint32_t> drained(ring<Capacity>& r) {
  std::vector<std::uint32_t> numbers;
  while (item* it = r.pop()) numbers.push_back(it->number);
  return numbers;
}

} // namespace

TEST_F(run_ring, an_empty_ring_pops_nothing) {
  ring<4> r;
  EXPECT_EQ(r.pop(), nullptr);
  EXPECT_EQ(r.size_hint(), 0u);
}

TEST_F(run_ring, items_come_out_in_the_order_they_went_in) {
  ring<4> r;
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_TRUE(r.try_push(&all[i]));
  EXPECT_EQ(drained(r), (std::vector<std::uint32_t>{0, 1, 2, 3}));
}

TEST_F(run_ring, a_full_ring_reports_overflow_and_keeps_what_it_has) {
  ring<4> r;
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_TRUE(r.try_push(&all[i]));
  EXPECT_FALSE(r.try_push(&all[4]));
  EXPECT_EQ(r.size_hint(), 4u);
  EXPECT_EQ(r.pop(), &all[0]);
  EXPECT_TRUE(r.try_push(&all[4]));
  EXPECT_EQ(drained(r), (std::vector<std::uint32_t>{1, 2, 3, 4}));
}

TEST_F(run_ring, a_batch_pushes_as_many_as_fit_and_says_how_many) {
  ring<4> r;
  const std::array<item*, 3> three{&all[0], &all[1], &all[2]};
  EXPECT_EQ(r.push_batch(three), 3u);
  EXPECT_EQ(r.push_batch(three), 1u);
  EXPECT_EQ(r.push_batch(three), 0u);
  EXPECT_EQ(r.push_batch({}), 0u);
  EXPECT_EQ(drained(r), (std::vector<std::uint32_t>{0, 1, 2, 0}));
}

TEST_F(run_ring, the_positions_wrap_around_the_ring_many_times) {
  ring<4> r;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    ASSERT_TRUE(r.try_push(&all[i]));
    ASSERT_TRUE(r.check_invariants());
    if (i % 3 != 0) { ASSERT_NE(r.pop(), nullptr); }
    if (r.size_hint() == 4) drained(r);
  }
}

TEST_F(run_ring, a_thief_takes_half_rounded_up_runs_the_oldest_and_keeps_the_order) {
  ring<8> victim, thief;
  for (std::uint32_t i = 0; i < 5; ++i) ASSERT_TRUE(victim.try_push(&all[i]));
  EXPECT_EQ(thief.steal_half(victim), &all[0]);
  EXPECT_EQ(drained(thief), (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(drained(victim), (std::vector<std::uint32_t>{3, 4}));
}

TEST_F(run_ring, the_last_item_can_be_stolen) {
  ring<4> victim, thief;
  ASSERT_TRUE(victim.try_push(&all[7]));
  EXPECT_EQ(thief.steal_half(victim), &all[7]);
  EXPECT_EQ(thief.size_hint(), 0u);
  EXPECT_EQ(thief.steal_half(victim), nullptr);
}

TEST_F(run_ring, a_thief_with_little_room_takes_no_more_than_fits) {
  ring<4> victim, thief;
  for (std::uint32_t i = 0; i < 4; ++i) ASSERT_TRUE(victim.try_push(&all[i]));
  for (std::uint32_t i = 10; i < 14; ++i) ASSERT_TRUE(thief.try_push(&all[i]));
  EXPECT_EQ(thief.steal_half(victim), &all[0]) << "a full ring still leaves one to be run at once";
  EXPECT_EQ(drained(thief), (std::vector<std::uint32_t>{10, 11, 12, 13}));
  EXPECT_EQ(drained(victim), (std::vector<std::uint32_t>{1, 2, 3}));
}

namespace {

// One owner that pushes `Items` items in random portions and pops now and then, and thieves that steal until
// everything has been taken. Each take counts its item; in the end each item has been counted once.
template <std::uint32_t Capacity> void owner_against_thieves(std::uint32_t seed, std::size_t thieves) {
  constexpr std::size_t total = 200'000;
  std::vector<item> all(total);
  const auto counts = std::make_unique<std::atomic<std::uint32_t>[]>(total);
  std::atomic<std::size_t> taken{0};
  std::vector<std::unique_ptr<ring<Capacity>>> rings;
  for (std::size_t i = 0; i < 1 + thieves; ++i) rings.push_back(std::make_unique<ring<Capacity>>());

  const auto take = [&](item* it) {
    if (it == nullptr) return;
    counts[it->number].fetch_add(1, std::memory_order_relaxed); // relaxed: read after the threads have joined
    taken.fetch_add(1, std::memory_order_relaxed);              // relaxed: only ends the loops
  };
  const auto done = [&] {
    return taken.load(std::memory_order_relaxed) >= total;
  }; // relaxed: only ends the loops

  std::vector<std::thread> threads;
  for (std::size_t t = 1; t <= thieves; ++t)
    threads.emplace_back([&, t] {
      std::mt19937 random(seed + static_cast<std::uint32_t>(t));
      while (!done()) {
        ring<Capacity>& own = *rings[t];
        std::size_t from = random() % rings.size();
        if (from == t) from = 0;
        take(own.steal_half(*rings[from]));
        for (std::uint32_t keep = random() % 4; own.size_hint() > keep;) take(own.pop());
        if (random() % 64 == 0) std::this_thread::yield();
      }
    });

  std::mt19937 random(seed);
  std::size_t next = 0;
  while (!done()) {
    std::array<item*, 16> batch;
    std::size_t wanted = std::min<std::size_t>(random() % 16, total - next);
    for (std::size_t i = 0; i < wanted; ++i) {
      all[next + i].number = static_cast<std::uint32_t>(next + i);
      batch[i] = &all[next + i];
    }
    next += rings[0]->push_batch({batch.data(), wanted});
    for (std::uint32_t pops = random() % 8; pops > 0; --pops) take(rings[0]->pop());
    ASSERT_TRUE(rings[0]->check_invariants());
  }
  for (std::thread& t : threads) t.join();
  for (std::size_t i = 0; i < total; ++i)
    ASSERT_EQ(counts[i].load(std::memory_order_relaxed), 1u) << "item " << i << ", seed " << seed;
}

} // namespace

TEST(run_ring_threads, every_item_is_taken_once_with_a_small_ring) {
  for (std::uint32_t seed = 1; seed <= 3; ++seed) owner_against_thieves<4>(seed, 3);
}
TEST(run_ring_threads, every_item_is_taken_once_with_a_ring_of_256) {
  for (std::uint32_t seed = 11; seed <= 13; ++seed) owner_against_thieves<256>(seed, 3);
}
