// Stop requests that go against the stream, and failures that nobody looks at.
#include "future/test_kit.h"
#include "sync/testing.h"

#include <memory>
#include <vector>

namespace {

using namespace thrum::testing;
using thrum::async;
using thrum::future;
using thrum::promise;
using thrum::shared_future;

TEST(stopping, a_future_asks_the_fiber_that_makes_its_value) {
  thrum::run([] {
    promise<void> begun;
    future<void> has_begun = begun.get_future();
    future<int> f = async([&]() -> int {
      begun.set_value();
      thrum::this_fiber::sleep_for(1h);
      return 1;
    });
    has_begun.get();
    f.request_stop();
    EXPECT_THROW(f.get(), thrum::cancelled);
    // Before it has begun.
    future<int> g = async([]() -> int {
      thrum::this_fiber::sleep_for(1h);
      return 1;
    });
    g.request_stop();
    EXPECT_THROW(g.get(), thrum::cancelled);
  });
}

TEST(stopping, a_request_travels_along_continuations_and_adopted_futures) {
  thrum::run([] {
    future<int> f = async([]() -> int {
                      thrum::this_fiber::sleep_for(1h);
                      return 1;
                    }).then([](int n) { return n; });
    f.request_stop();
    EXPECT_THROW(f.get(), thrum::cancelled);

    promise<int> p, inner;
    future<int> g = p.get_future();
    p.resolve(inner.get_future());
    g.request_stop();
    EXPECT_TRUE(inner.stop_requested());
    inner.set_value(1);
    EXPECT_EQ(g.get(), 1);

    promise<int> late, asked_before;
    future<int> h = asked_before.get_future();
    h.request_stop();
    asked_before.resolve(late.get_future());
    EXPECT_TRUE(late.stop_requested());
    late.set_value(1);
    EXPECT_EQ(h.get(), 1);
  });
}

TEST(stopping, a_request_reaches_the_future_that_a_continuation_returned) {
  thrum::run([] {
    promise<int> inner;
    promise<void> there;
    future<void> is_there = there.get_future();
    future<int> f = thrum::make_ready_future(1).then([&](int) {
      there.set_value();
      return inner.get_future();
    });
    is_there.get();
    f.request_stop(); // before or after the continuation has returned
    while (!inner.stop_requested()) thrum::this_fiber::yield();
    inner.set_value(2);
    EXPECT_EQ(f.get(), 2);
  });
}

TEST(stopping, a_promise_learns_it_once) {
  int asked = 0;
  promise<int> p;
  future<int> f = p.get_future();
  p.on_stop([&] { ++asked; });
  p.on_stop([&] { asked += 10; });
  EXPECT_FALSE(p.stop_requested());
  f.request_stop();
  f.request_stop();
  EXPECT_TRUE(p.stop_requested());
  EXPECT_EQ(asked, 11);
  p.on_stop([&] { asked += 100; });
  EXPECT_EQ(asked, 111);
  p.set_value(1);
  f.get();

  promise<int> settled;
  f = settled.get_future();
  auto held = std::make_shared<int>(1);
  settled.on_stop([held, &asked] { asked = 0; });
  settled.set_value(1);
  EXPECT_EQ(held.use_count(), 1);
  f.request_stop();
  EXPECT_EQ(asked, 111);
}

TEST(stopping, the_hook_of_a_promise_that_nobody_waits_for_is_destroyed) {
  auto held = std::make_shared<int>(1);
  {
    promise<int> p;
    p.on_stop([held] {});
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(stopping, does_not_stop_the_fiber_of_another_executor) {
  thrum::run([] {
    hand_driven serial;
    auto f = async(serial, [&] {
      thrum::this_fiber::yield();
      return 1;
    });
    f.request_stop();
    serial.run();
    thrum::this_fiber::check(); // it is ours, and was not asked
    EXPECT_EQ(f.get(), 1);
  });
}

struct unobserved : ::testing::Test {
  std::vector<std::string> told;
  thrum::options options() {
    return {.processors = 1, .on_unhandled = [this](std::exception_ptr e) {
              try {
                std::rethrow_exception(e);
              } catch (const std::exception& x) { told.emplace_back(x.what()); }
            }};
  }
};

TEST_F(unobserved, a_failure_that_nobody_looks_at_goes_to_on_unhandled_once) {
  thrum::run(
      [&] {
        auto f = thrum::make_failed_future<int>(failure("alone"));
        EXPECT_TRUE(told.empty());
        f = {};
        EXPECT_EQ(told, std::vector<std::string>{"alone"});
        // Also at the end of a chain, and nowhere else.
        promise<int> p;
        {
          auto end = p.get_future().then([](int n) { return n; }).finally([] {});
        }
        p.set_exception(failure("chained"));
        while (told.size() < 2) thrum::this_fiber::yield();
      },
      options());
  EXPECT_EQ(told, (std::vector<std::string>{"alone", "chained"}));
}

TEST_F(unobserved, a_failure_that_somebody_has_looked_at_is_not_told) {
  thrum::run(
      [&] {
        EXPECT_THROW(thrum::make_failed_future<int>(failure(error_a("got"))).get(), error_a);
        EXPECT_EQ(thrum::make_failed_future<int>(failure("rescued"))
                      .rescue([](std::exception_ptr) { return 1; })
                      .get(),
                  1);
        EXPECT_FALSE(thrum::make_failed_future<int>(failure("settled"))
                         .settle([](thrum::outcome<int> o) { return o.has_value(); })
                         .get());
        shared_future<int> shared = thrum::make_failed_future<int>(failure(error_a("shared")));
        const shared_future<int> other = shared;
        EXPECT_THROW(other.get(), error_a);
        {
          auto stopped =
              thrum::make_failed_future<int>(failure(thrum::cancelled(thrum::cancel_reason::user)));
        }
        { promise<int> alone; } // nobody has its future
      },
      options());
  EXPECT_TRUE(told.empty());
}

TEST_F(unobserved, on_a_plain_thread_the_failure_is_printed_with_its_place) {
  ::testing::internal::CaptureStderr();
  { auto f = thrum::make_failed_future<int>(failure("printed")); }
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("nobody looked at a future that failed"), std::string::npos) << said;
  EXPECT_NE(said.find("printed"), std::string::npos) << said;
  EXPECT_NE(said.find("made at"), std::string::npos) << said;
  EXPECT_NE(said.find("stop_test.cc:"), std::string::npos) << said;
}

} // namespace
