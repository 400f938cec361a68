#include "sync/testing.h"

#include <thrum/latch.h>

#include <memory>

namespace thrum {
namespace {

using namespace testing;

class latches : public on_processors {};
INSTANTIATE_TEST_SUITE_P(on, latches, processor_counts());

constinit latch made_before_main(1);

TEST(latch, one_that_is_made_before_main_can_be_used) {
  EXPECT_FALSE(made_before_main.try_wait());
  made_before_main.count_down();
  EXPECT_TRUE(made_before_main.try_wait());
}

TEST(latch, of_zero_lets_everybody_pass) {
  latch l(0);
  EXPECT_TRUE(l.try_wait());
  l.wait();
  l.arrive_and_wait(0);
}

TEST(latch, counts_down_by_more_than_one) {
  latch l(5);
  l.count_down(2);
  l.count_down(0);
  EXPECT_FALSE(l.try_wait());
  l.arrive_and_wait(3);
  EXPECT_TRUE(l.try_wait());
}

// Everything before each count_down is seen after each wait.
template <class Run> void check_meeting(int everybody, Run run_all) {
  for (int round = 0; round < repetitions() / 10; ++round) {
    latch l(everybody);
    std::vector<int> written(static_cast<std::size_t>(everybody));
    run_all([&](int who) {
      dice d(static_cast<std::uint64_t>(round * everybody + who));
      d.jitter();
      written[static_cast<std::size_t>(who)] = round + 1;
      if (d.roll(2) == 0) {
        l.arrive_and_wait();
      } else {
        l.count_down();
        d.jitter();
        l.wait();
      }
      for (int w : written) EXPECT_EQ(w, round + 1);
    });
    EXPECT_TRUE(l.try_wait());
  }
}

TEST_P(latches, let_nobody_go_before_all_have_arrived) {
  run([] { check_meeting(8, [](auto f) { in_fibers(8, f); }); });
}
TEST(latch, threads_and_fibers_meet) {
  check_meeting(6, [](auto f) { in_everything(2, f); });
}

TEST(latch, lets_everybody_go_who_waits) {
  on_one_processor([] {
    latch l(1);
    onlooker seen[10];
    std::vector<fiber<>> all;
    for (auto& s : seen) {
      all.push_back(spawn([&] {
        s.here();
        l.wait();
      }));
      s.wait_until_parked();
    }
    l.count_down();
    for (auto& f : all) f.join();
  });
}

TEST_P(latches, a_stop_request_ends_a_wait) {
  run([] {
    latch l(1);
    onlooker seen;
    auto f = spawn([&] {
      seen.here();
      l.wait();
    });
    seen.wait_until_parked();
    f.request_stop();
    EXPECT_THROW(f.join(), cancelled);
    l.count_down();
    l.wait();
  });
}

TEST(latch, an_arrival_counts_although_its_wait_was_cancelled) {
  on_one_processor([] {
    latch l(2);
    onlooker seen;
    auto f = spawn([&] {
      seen.here();
      l.arrive_and_wait();
    });
    seen.wait_until_parked();
    f.request_stop();
    EXPECT_THROW(f.join(), cancelled);
    l.arrive_and_wait();
  });
}

// The waiter destroys the latch while the last to arrive may still be inside count_down().
template <class Run> void check_destruction(Run start) {
  for (int i = 0; i < repetitions(); ++i) {
    auto l = std::make_unique<latch>(2);
    auto arrive = [&l = *l, i] {
      dice(static_cast<std::uint64_t>(i)).jitter();
      l.count_down();
    };
    auto a = start(arrive);
    auto b = start(arrive);
    if (i % 2 == 0)
      while (!l->try_wait()) this_fiber::yield();
    else
      l->wait();
    l.reset();
    a.join();
    b.join();
  }
}
TEST_P(latches, may_be_destroyed_by_who_waited) {
  run([] { check_destruction([](auto f) { return spawn(f); }); });
}
TEST(latch, may_be_destroyed_by_a_thread_that_waited) {
  runtime r({.processors = 2});
  check_destruction([&](auto f) { return r.spawn(f); });
}

using latch_misuse = deadly;
TEST_F(latch_misuse, counting_below_zero_panics) {
  latch l(1);
  EXPECT_DEATH(l.count_down(2), "count_down of a latch below zero");
  l.count_down();
  EXPECT_DEATH(l.count_down(), "count_down of a latch below zero");
}
TEST_F(latch_misuse, counting_down_a_negative_number_panics) {
  latch l(1);
  EXPECT_DEATH(l.count_down(-1), "count_down of a negative number");
}
TEST_F(latch_misuse, being_made_with_a_negative_count_panics) {
  EXPECT_DEATH(latch l(-1), "made with a negative count");
}

} // namespace
} // namespace thrum
