#include <thrum/schedule.h>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thrum/chan.h>
#include <thrum/runtime.h>
#include <thrum/semaphore.h>
#include <thrum/this_fiber.h>
#include <thrum/thread_pool.h>
#include <thrum/timer.h>

namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using thrum::scheduled;
using thrum::thread_pool;

template <class Condition> void until(Condition condition) {
  while (!condition()) thrum::this_fiber::yield();
}

TEST(schedule, once_it_is_called_once_and_not_early_on_its_executor) {
  thread_pool pool({.threads = 1});
  thrum::run([&] {
    thrum::chan<thrum::executor*> calls(1);
    const auto begin = steady_clock::now();
    const scheduled s =
        thrum::schedule_after(pool, 5ms, [=]() mutable { calls.send(&thrum::executor::current()); });
    const auto where = calls.recv();
    EXPECT_GE(steady_clock::now() - begin, 5ms);
    EXPECT_EQ(where, &pool);
  });
}

TEST(schedule, on_the_runtime_itself_it_is_a_fiber) {
  thrum::run([&] {
    thrum::chan<std::uint64_t> calls(1);
    const scheduled s = thrum::schedule_at(thrum::executor::current(), steady_clock::now() - 1s,
                                           [=]() mutable { calls.send(thrum::this_fiber::id()); });
    const auto id = calls.recv();
    ASSERT_TRUE(id);
    EXPECT_NE(*id, 0u);
    EXPECT_NE(*id, thrum::this_fiber::id());
  });
}

TEST(schedule, a_plain_thread_may_schedule_too) {
  thread_pool pool({.threads = 1});
  thrum::binary_semaphore called(0);
  const scheduled s = thrum::schedule_after(pool, 1ms, [&] { called.release(); });
  called.acquire();
}

TEST(schedule, stop_prevents_the_call_that_has_not_begun) {
  thread_pool pool({.threads = 1});
  thrum::run([&] {
    std::atomic<bool> called{false};
    scheduled s = thrum::schedule_after(pool, 1h, [&] { called = true; });
    EXPECT_TRUE(s.stop());
    EXPECT_FALSE(s.stop());
    EXPECT_FALSE(called);
    EXPECT_FALSE(scheduled().stop());
  });
}

TEST(schedule, stop_prevents_a_call_that_waits_in_the_queue_already) {
  thread_pool pool({.threads = 1});
  thrum::run([&] {
    thrum::binary_semaphore open(0);
    pool.execute([&] { open.acquire(); });
    std::atomic<bool> called{false};
    scheduled s = thrum::schedule_after(pool, 0ms, [&] { called = true; });
    until([&] { return pool.queued() == 1; });
    EXPECT_TRUE(s.stop());
    open.release();
    pool.spawn([] {}).join();
    EXPECT_FALSE(called);
  });
}

TEST(schedule, stop_of_a_call_that_has_begun_says_so) {
  thread_pool pool({.threads = 1});
  thrum::run([&] {
    std::atomic<bool> called{false};
    scheduled s = thrum::schedule_after(pool, 0ms, [&] { called = true; });
    until([&] { return called.load(); });
    EXPECT_FALSE(s.stop());
  });
}

TEST(schedule, the_function_lives_no_longer_than_handle_and_call) {
  thread_pool pool({.threads = 1});
  thrum::run([&] {
    const auto kept = std::make_shared<int>(1);
    {
      const scheduled waits = thrum::schedule_after(pool, 1h, [kept] {});
      const scheduled every = thrum::schedule_every(pool, 1h, [kept] {});
      EXPECT_EQ(kept.use_count(), 3);
    }
    EXPECT_EQ(kept.use_count(), 1);
  });
}

TEST(schedule, every_period_it_is_called_at_whole_periods) {
  thread_pool pool({.threads = 1});
  thrum::run([&] {
    thrum::chan<steady_clock::time_point> calls(100);
    const auto begin = steady_clock::now();
    scheduled s = thrum::schedule_every(pool, 2ms, [=]() mutable { calls.send(steady_clock::now()); });
    for (int i = 1; i <= 5; ++i) {
      const auto at = calls.recv();
      ASSERT_TRUE(at);
      EXPECT_GE(*at - begin, i * 2ms); // late at times, never early, and no call for a time that has not come
    }
    EXPECT_TRUE(s.stop());
  });
}

TEST(schedule, calls_never_overlap_and_what_was_missed_leads_to_one) {
  thread_pool pool({.threads = 4});
  thrum::run([&] {
    thrum::binary_semaphore open(0);
    std::atomic<int> inside{0}, calls{0};
    std::atomic<bool> overlapped{false};
    scheduled s = thrum::schedule_every(pool, 1ms, [&] {
      if (inside.fetch_add(1) != 0) overlapped = true;
      if (++calls == 1) open.acquire();
      --inside;
    });
    until([&] { return calls == 1; });
    thrum::ticker meanwhile(1ms);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(meanwhile.recv());
    EXPECT_EQ(calls, 1);
    open.release();
    until([&] { return calls >= 4; });
    EXPECT_TRUE(s.stop());
    until([&] { return inside == 0; });
    EXPECT_FALSE(overlapped);
  });
}

TEST(schedule, with_a_gap_the_next_call_begins_that_long_after_the_end_of_the_last) {
  thread_pool pool({.threads = 2});
  thrum::run([&] {
    struct call {
      steady_clock::time_point begin, end;
    };
    thrum::chan<call> calls(100);
    scheduled s = thrum::schedule_with_gap(pool, 2ms, [=]() mutable {
      const auto begin = steady_clock::now();
      thrum::this_fiber::sleep_for(1ms);
      calls.send(call{begin, steady_clock::now()});
    });
    std::optional<call> last = calls.recv();
    for (int i = 0; i < 4; ++i) {
      const std::optional<call> next = calls.recv();
      EXPECT_GE(next->begin - last->end, 2ms);
      last = next;
    }
    EXPECT_TRUE(s.stop());
  });
}

TEST(schedule, the_function_may_destroy_its_own_handle) {
  for (const bool elsewhere : {false, true}) {
    thread_pool pool({.threads = 1});
    thrum::run([&] {
      thrum::binary_semaphore done(0);
      thrum::chan<scheduled> handle(1);
      thrum::executor& where = elsewhere ? static_cast<thrum::executor&>(pool) : thrum::executor::current();
      std::atomic<int> calls{0};
      handle.send(thrum::schedule_with_gap(where, 0ms, [&, handle]() mutable {
        ++calls;
        handle.recv().reset();
        done.release();
      }));
      done.acquire();
      EXPECT_EQ(calls, 1);
    });
  }
}

TEST(schedule, an_exception_goes_to_the_executor_and_the_schedule_goes_on) {
  std::atomic<int> told{0};
  thrum::options o;
  o.on_unhandled = [&](std::exception_ptr) { ++told; };
  thread_pool pool({.threads = 1, .on_unhandled = [&](std::exception_ptr) { ++told; }});
  thrum::run(
      [&] {
        for (thrum::executor* where : {&thrum::executor::current(), static_cast<thrum::executor*>(&pool)}) {
          for (const bool gap : {false, true}) {
            told = 0;
            const auto fail = [] { throw std::runtime_error("broken"); };
            scheduled s =
                gap ? thrum::schedule_with_gap(*where, 1ms, fail) : thrum::schedule_every(*where, 1ms, fail);
            until([&] { return told >= 3; });
            EXPECT_TRUE(s.stop());
          }
        }
      },
      o);
}

TEST(schedule, calls_that_the_executor_refuses_or_drops_are_left_out) {
  thread_pool pool({.threads = 1, .capacity = 1});
  thrum::run([&] {
    thrum::binary_semaphore open(0);
    std::atomic<int> calls{0};
    std::atomic<bool> reached{false};
    pool.execute([&] {
      reached = true;
      open.acquire();
    });
    until([&] { return reached.load(); });
    pool.execute([] {});
    scheduled s = thrum::schedule_every(pool, 1ms, [&] { ++calls; });
    until([&] { return pool.rejected() >= 3; }); // full: refused
    open.release();
    until([&] { return calls >= 2; });
    pool.shutdown_now();
    const std::uint64_t before = pool.rejected();
    until([&] { return pool.rejected() >= before + 2; });
    EXPECT_TRUE(s.stop());
  });
}

TEST(schedule, the_end_of_its_runtime_ends_it) {
  thread_pool pool({.threads = 1});
  std::atomic<int> calls{0};
  scheduled s;
  thrum::run([&] {
    s = thrum::schedule_every(pool, 1ms, [&] { ++calls; });
    until([&] { return calls >= 2; });
  });
  pool.spawn([] {}).join(); // one that was queued
  EXPECT_EQ(pool.queued(), 0u);
  EXPECT_TRUE(s.stop());
}

TEST(schedule_death, a_period_of_zero_panics) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(static_cast<void>(thrum::schedule_every(thrum::executor::current(), 0s, [] {})),
               "schedule_every was given a period of zero or less");
}

} // namespace
