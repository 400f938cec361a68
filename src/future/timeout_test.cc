// or_timeout and or_value: who comes first, and what becomes of the other.
#include "future/test_kit.h"
#include "sync/testing.h"

#include <memory>
#include <thrum/error.h>
#include <thrum/future_all.h>

namespace {

using namespace thrum::testing;
using thrum::future;
using thrum::make_ready_future;
using thrum::promise;
using thrum::shared_future;

TEST(timeouts, a_future_that_is_late_fails_with_timed_out) {
  thrum::run([] {
    promise<int> p;
    const auto begun = steady_clock::now();
    auto f = p.get_future().or_timeout(2ms);
    EXPECT_THROW(f.get(), thrum::timed_out);
    EXPECT_GE(steady_clock::now() - begun, 2ms);
    EXPECT_TRUE(p.set_exception(failure("late, and seen by nobody")));
  });
}

TEST(timeouts, a_future_that_is_late_becomes_the_other_value) {
  thrum::run([] {
    promise<int> p;
    EXPECT_EQ(p.get_future().or_value(1ms, 7).get(), 7);
    p.set_value(1);
    promise<std::unique_ptr<int>> q;
    EXPECT_EQ(*q.get_future().or_value(1ms, std::make_unique<int>(8)).get(), 8);
  });
}

TEST(timeouts, a_future_that_is_in_time_is_as_it_was_and_its_timer_is_gone) {
  auto held = std::make_shared<int>(1);
  thrum::run([&] {
    promise<int> p;
    auto f = p.get_future().or_timeout(1h);
    p.set_value(1);
    EXPECT_EQ(f.get(), 1);

    promise<std::shared_ptr<int>> q;
    auto g = q.get_future().or_value(1h, held);
    EXPECT_EQ(held.use_count(), 2);
    q.set_exception(failure(error_a("a")));
    EXPECT_THROW(g.get(), error_a);
    EXPECT_EQ(held.use_count(), 1);

    EXPECT_EQ(make_ready_future(3).or_timeout(0s).get(), 3);
    EXPECT_EQ(*make_ready_future(std::make_unique<int>(4)).or_timeout(1h).get(), 4);
  });
}

TEST(timeouts, ask_the_producer_to_stop_unless_it_has_other_consumers) {
  thrum::run([] {
    promise<int> p;
    EXPECT_EQ(p.get_future().or_value(1ms, 1).get(), 1);
    while (!p.stop_requested()) thrum::this_fiber::yield();
    p.set_value(2);

    promise<int> q;
    shared_future<int> shared = q.get_future();
    EXPECT_THROW(shared.or_timeout(1ms).get(), thrum::timed_out);
    EXPECT_EQ(shared.or_value(1ms, 3).get(), 3);
    EXPECT_FALSE(q.stop_requested());
    q.set_value(4);
    EXPECT_EQ(shared.or_timeout(1h).get(), 4);

    promise<int> r;
    auto f = r.get_future().or_timeout(1h);
    f.request_stop();
    EXPECT_TRUE(r.stop_requested());
    r.set_value(5);
    f.get();
  });
}

TEST(timeouts, end_the_wait_for_what_never_settles) {
  thrum::run([] {
    EXPECT_THROW(thrum::race(std::vector<future<int>>()).or_timeout(1ms).get(), thrum::timed_out);
    EXPECT_EQ(
        thrum::race(std::vector<future<int>>()).or_value(1ms, 2).then([](int n) { return n + 1; }).get(), 3);
  });
}

TEST(timeouts, race_with_settlement_and_one_of_them_wins) {
  thrum::run(
      [] {
        in_fibers(4, [](int i) {
          dice die(static_cast<std::uint64_t>(i) + 1);
          for (int k = 0; k < 100; ++k) {
            promise<int> p;
            auto f = p.get_future().or_value(std::chrono::microseconds(die.roll(60)), 2);
            die.jitter();
            p.set_value(1);
            const int n = f.get();
            EXPECT_TRUE(n == 1 || n == 2);
          }
        });
      },
      {.processors = 4});
}

} // namespace
