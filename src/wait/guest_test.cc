#include "wait/guest.h"

#include "env/env.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

namespace thrum::wait {
namespace {

std::size_t known_threads() {
  std::size_t n = 0;
  for_each_thread([&](const thread_context&) { ++n; });
  return n;
}
bool is_known(const thread_context& who) {
  bool found = false;
  for_each_thread([&](const thread_context& t) { found |= &t == &who; });
  return found;
}

TEST(guest, is_one_for_each_thread) {
  guest& mine = this_guest();
  EXPECT_EQ(&this_guest(), &mine);
  EXPECT_EQ(mine.current, &mine);
  EXPECT_FALSE(mine.is_worker);
  std::thread([&] { EXPECT_NE(&this_guest(), &mine); }).join();
}

TEST(guest, is_known_while_its_thread_lives) {
  static_cast<void>(this_guest());
  const std::size_t before = known_threads();
  const thread_context* other = nullptr;
  std::thread([&] {
    other = &this_guest();
    EXPECT_TRUE(is_known(*other));
    EXPECT_EQ(known_threads(), before + 1);
  }).join();
  EXPECT_FALSE(is_known(*other));
  EXPECT_EQ(known_threads(), before);
}

TEST(guest, serves_the_next_thread_when_its_own_has_ended) {
  std::set<const guest*> all;
  for (int i = 0; i < 50; ++i) std::thread([&] { all.insert(&this_guest()); }).join();
  EXPECT_EQ(all.size(), 1u);
}

TEST(guest, a_wake_that_came_before_the_sleep_is_not_lost) {
  guest& g = this_guest();
  g.wake();
  g.sleep();
  g.wake();
  EXPECT_TRUE(g.sleep_until(env::linux_world().now()));
}

TEST(guest, sleeps_until_it_is_woken) {
  guest* sleeper = nullptr;
  std::atomic<bool> there{false};
  std::atomic<bool> awake{false};
  std::thread t([&] {
    sleeper = &this_guest();
    there = true;
    for (int i = 0; i < 1'000; ++i) {
      sleeper->sleep();
      EXPECT_FALSE(awake.exchange(true));
    }
  });
  while (!there) std::this_thread::yield();
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_FALSE(awake);
    sleeper->wake();
    while (!awake) std::this_thread::yield();
    awake = false;
  }
  t.join();
}

TEST(guest, a_limited_sleep_ends_at_its_deadline_and_not_before) {
  guest& g = this_guest();
  env::world& world = env::linux_world();
  const env::nanoseconds deadline = world.now() + 2'000'000;
  EXPECT_FALSE(g.sleep_until(deadline));
  EXPECT_GE(world.now(), deadline);
  EXPECT_FALSE(g.sleep_until(0)) << "long past";
}

// The wake of a wait that was given up comes late, after the sleep: it is still taken by the sleep that asks for it.
TEST(guest, a_wake_after_the_deadline_is_kept_for_the_next_sleep) {
  guest& g = this_guest();
  EXPECT_FALSE(g.sleep_until(0));
  g.wake();
  g.sleep();
}

// Deadline and wake at the same instant: exactly one of them ends the sleep, and no wake is left over or lost.
TEST(guest, a_deadline_and_a_wake_that_meet_count_as_one) {
  env::world& world = env::linux_world();
  guest* sleeper = nullptr;
  std::atomic<int> turn{0};
  constexpr int turns = 2'000;
  std::thread t([&] {
    sleeper = &this_guest();
    for (int i = 1; i <= turns; ++i) {
      turn = i;
      if (!sleeper->sleep_until(world.now() + (i % 20) * 1'000)) sleeper->sleep(); // the wake is on its way
    }
  });
  for (int i = 1; i <= turns; ++i) {
    while (turn < i) std::this_thread::yield();
    sleeper->wake();
  }
  t.join();
  EXPECT_EQ(sleeper->token.load(std::memory_order_acquire), 0u) << "a wake was left over";
}

TEST(guest, what_was_written_before_the_wake_is_seen_after_the_sleep) {
  guest* sleeper = nullptr;
  std::atomic<bool> there{false};
  int plain = 0;
  std::thread t([&] {
    sleeper = &this_guest();
    there = true;
    sleeper->sleep();
    EXPECT_EQ(plain, 42);
  });
  while (!there) std::this_thread::yield();
  plain = 42;
  sleeper->wake();
  t.join();
}

} // namespace
} // namespace thrum::wait
