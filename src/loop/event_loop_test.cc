// Misuse of an event_loop, and its place in reports. What it promises: tests/behaviour/event_loop_test.cc, tests/models/.
#include <thrum/event_loop.h>

#include <gtest/gtest.h>

#include <chrono>
#include <thrum/runtime.h>
#include <thrum/this_fiber.h>

namespace {

using namespace std::chrono_literals;
using thrum::event_loop;

void die_fast() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

TEST(event_loop_death, a_timer_that_is_set_from_outside_while_it_runs_panics) {
  die_fast();
  EXPECT_DEATH(
      {
        event_loop loop;
        loop.run([&] { thrum::runtime::current().spawn([&] { loop.set_timeout(1ms, [] {}); }).join(); });
      },
      "a timer of an event_loop is set from outside, while it runs");
}

TEST(event_loop_death, an_async_function_that_is_called_from_outside_panics) {
  die_fast();
  EXPECT_DEATH(
      {
        event_loop loop;
        static_cast<void>(loop.call_async([]() -> thrum::task<> { co_return; }));
      },
      "call_async\\(\\) of an event_loop from outside");
}

TEST(event_loop_death, running_it_from_its_own_work_panics) {
  die_fast();
  EXPECT_DEATH(
      {
        event_loop loop;
        loop.run([&] { loop.run(); });
      },
      "an event_loop is run by its own work");
}

TEST(event_loop_death, running_it_twice_at_a_time_panics) {
  die_fast();
  EXPECT_DEATH(
      {
        event_loop loop;
        loop.run([&] { thrum::runtime::current().spawn([&] { loop.run(); }).join(); });
      },
      "run\\(\\) of an event_loop that runs already");
}

TEST(event_loop_death, destroying_it_from_its_own_work_panics) {
  die_fast();
  EXPECT_DEATH(
      {
        auto* loop = new event_loop;
        loop->run([=] { delete loop; });
      },
      "an event_loop is destroyed by its own work");
}

TEST(event_loop_death, advancing_the_time_of_the_clock_panics) {
  die_fast();
  EXPECT_DEATH(event_loop().advance(1ms), "advance\\(\\) of an event_loop that has the time of the clock");
}

} // namespace
