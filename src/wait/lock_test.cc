#include "wait/lock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace thrum::wait {
namespace {

std::uintptr_t identity() { return reinterpret_cast<std::uintptr_t>(&this_thread()); }

void use(lock& l, int times = 1) {
  for (int i = 0; i < times; ++i) lock::release(l.acquire(this_thread()));
}
// More often than the longest streak that a grant needs.
constexpr int very_often = 100'000;

bool bias_is_possible() {
  return !THRUM_TSAN && base::asymmetric_fences.load(std::memory_order_relaxed); // relaxed: constant here
}

template <class F> void in_a_thread(F f) { std::thread(f).join(); }

TEST(lock, excludes_the_others) {
  lock l;
  int inside = 0;
  int count = 0;
  constexpr int each = 20'000;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < each; ++i) {
        const lock::held h = l.acquire(this_thread());
        EXPECT_EQ(++inside, 1);
        ++count;
        --inside;
        lock::release(h);
      }
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(count, 4 * each);
}

TEST(lock, is_biased_to_who_takes_it_again_and_again) {
  if (!bias_is_possible()) GTEST_SKIP() << "no bias is granted here";
  lock l;
  use(l, 10);
  EXPECT_EQ(l.bias_for_test(), 0u) << "after so few times it does not pay";
  use(l, very_often);
  EXPECT_EQ(l.bias_for_test(), identity());
  use(l, 10);
  EXPECT_EQ(l.bias_for_test(), identity());
}

TEST(lock, loses_its_bias_when_another_comes) {
  if (!bias_is_possible()) GTEST_SKIP() << "no bias is granted here";
  lock l;
  use(l, very_often);
  ASSERT_NE(l.bias_for_test(), 0u);
  in_a_thread([&] {
    use(l);
    EXPECT_EQ(l.bias_for_test(), 0u);
  });
  use(l);
}

TEST(lock, is_biased_a_limited_number_of_times) {
  if (!bias_is_possible()) GTEST_SKIP() << "no bias is granted here";
  lock l;
  int grants = 0;
  for (int round = 0; round < 8; ++round) {
    use(l, very_often);
    if (l.bias_for_test() == 0) break;
    ++grants;
    in_a_thread([&] { use(l); });
  }
  EXPECT_EQ(grants, 4);
}

TEST(lock, who_alternates_gets_no_bias) {
  lock l;
  for (int round = 0; round < 200; ++round) {
    use(l, 20);
    in_a_thread([&] { use(l, 20); });
    ASSERT_EQ(l.bias_for_test(), 0u);
  }
}

// What was written inside a biased section is seen by who revokes the bias: the whole point of the two fences.
TEST(lock, excludes_the_others_while_its_bias_comes_and_goes) {
  for (int round = 0; round < 20; ++round) {
    lock l;
    int inside = 0;
    long count = 0;
    std::atomic<bool> biased{false};
    std::thread owner([&] {
      for (int i = 0; i < 30'000; ++i) {
        const lock::held h = l.acquire(this_thread());
        ASSERT_EQ(++inside, 1);
        ++count;
        --inside;
        lock::release(h);
        if (i == 5'000) biased = true;
      }
    });
    while (!biased) std::this_thread::yield();
    for (int i = 0; i < 50; ++i) {
      const lock::held h = l.acquire(this_thread());
      ASSERT_EQ(++inside, 1);
      ++count;
      --inside;
      lock::release(h);
      std::this_thread::yield();
    }
    owner.join();
    EXPECT_EQ(count, 30'050);
  }
}

TEST(lock, tells_when_its_last_holder_has_left) {
  lock l;
  l.wait_until_free();
  for (const int times : {1, very_often}) { // by the word, and by a bias
    use(l, times);
    const lock::held h = l.acquire(this_thread());
    std::atomic<bool> free{false};
    std::atomic<bool> begun{false};
    std::thread waiting([&] {
      begun = true;
      l.wait_until_free();
      free = true;
    });
    while (!begun) std::this_thread::yield();
    for (int i = 0; i < 100; ++i) {
      std::this_thread::yield();
      ASSERT_FALSE(free);
    }
    lock::release(h);
    waiting.join();
    EXPECT_TRUE(free);
  }
}

} // namespace
} // namespace thrum::wait
