#include "sync/testing.h"

#include <thrum/sharded_counter.h>

#include <atomic>
#include <limits>

namespace thrum {
namespace {

using namespace testing;

class sharded_counters : public on_processors {};
INSTANTIATE_TEST_SUITE_P(on, sharded_counters, processor_counts());

TEST(sharded_counter, counts_up_and_down_from_zero) {
  sharded_counter c;
  EXPECT_EQ(c.sum(), 0);
  c.add();
  c.add(5);
  c.add(-7);
  EXPECT_EQ(c.sum(), -1);
  EXPECT_EQ(c.take(), -1);
  EXPECT_EQ(c.sum(), 0);
}

TEST(sharded_counter, wraps_around) {
  sharded_counter c;
  c.add(std::numeric_limits<std::int64_t>::max());
  c.add(1);
  EXPECT_EQ(c.sum(), std::numeric_limits<std::int64_t>::min());
}

TEST_P(sharded_counters, the_sum_is_exact_when_all_have_added) {
  run([] {
    sharded_counter c;
    in_fibers(8, [&](int who) {
      dice d(static_cast<std::uint64_t>(who));
      for (int i = 0; i < repetitions() * 10; ++i) {
        c.add(who);
        if (i % 64 == 0) d.jitter();
      }
    });
    EXPECT_EQ(c.sum(), 28LL * repetitions() * 10);
  });
}

// One who reads meanwhile: what he reads never falls, because all numbers are positive, and never exceeds the end.
TEST(sharded_counter, a_sum_beside_threads_and_fibers_that_add_only_grows) {
  sharded_counter c;
  std::atomic<bool> over{false};
  std::thread reader([&] {
    std::int64_t before = 0;
    while (!over.load(std::memory_order_acquire)) {
      const std::int64_t now = c.sum();
      EXPECT_GE(now, before);
      before = now;
    }
    EXPECT_LE(before, c.sum());
  });
  in_everything(2, [&](int) {
    for (int i = 0; i < repetitions() * 10; ++i) c.add();
  });
  over.store(true, std::memory_order_release);
  reader.join();
  EXPECT_EQ(c.sum(), 60LL * repetitions());
}

TEST(sharded_counter, what_is_taken_in_parts_is_the_whole) {
  sharded_counter c;
  std::atomic<bool> over{false};
  std::int64_t taken = 0;
  std::thread taker([&] {
    while (!over.load(std::memory_order_acquire)) taken += c.take();
  });
  in_everything(2, [&](int who) {
    for (int i = 0; i < repetitions() * 10; ++i) c.add(who % 2 == 0 ? 3 : -2);
  });
  over.store(true, std::memory_order_release);
  taker.join();
  EXPECT_EQ(taken + c.take(), repetitions() * 10LL * (3 * 3 - 3 * 2));
  EXPECT_EQ(c.sum(), 0);
}

} // namespace
} // namespace thrum
