#include <thrum/thread_pool.h>

#include "env/env.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <thrum/chan.h>
#include <thrum/fiber_local.h>
#include <thrum/latch.h>
#include <thrum/runtime.h>
#include <thrum/scoped.h>
#include <thrum/semaphore.h>
#include <thrum/this_fiber.h>
#include <vector>

namespace {

using namespace std::chrono_literals;
using thrum::thread_pool;
using thrum::when_full;

constexpr auto for_ever = std::chrono::milliseconds::max();

template <class Condition> void until(Condition condition) {
  while (!condition()) thrum::this_fiber::yield();
}

// Keeps one thread of a pool busy until it is opened.
struct gate {
  thrum::binary_semaphore open{0};
  std::atomic<bool> reached{false};
  void block(thread_pool& pool) {
    pool.execute([this] {
      reached = true;
      open.acquire();
    });
    until([this] { return reached.load(); });
  }
};

TEST(thread_pool, work_runs_on_plain_threads_of_the_pool) {
  thread_pool pool({.threads = 2, .name = "own"});
  thrum::run([&] {
    const std::thread::id here = std::this_thread::get_id();
    auto there = pool.spawn([&] {
      EXPECT_EQ(thrum::this_fiber::id(), 0u); // not a fiber
      EXPECT_EQ(&thrum::executor::current(), &pool);
      return std::this_thread::get_id();
    });
    EXPECT_NE(there.join(), here);
  });
}

TEST(thread_pool, one_thread_does_its_work_in_the_order_in_which_it_came) {
  std::vector<int> order;
  {
    thread_pool pool({.threads = 1});
    for (int i = 0; i < 1000; ++i) pool.execute([&order, i] { order.push_back(i); });
  }
  ASSERT_EQ(order.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(thread_pool, threads_are_made_before_anything_waits_and_no_more_than_wanted) {
  gate first, second;
  thread_pool pool({.threads = 2, .idle_time = for_ever});
  EXPECT_EQ(pool.threads(), 0u);
  first.block(pool);
  EXPECT_EQ(pool.threads(), 1u);
  second.block(pool);
  EXPECT_EQ(pool.threads(), 2u);
  EXPECT_EQ(pool.running(), 2u);
  for (int i = 0; i < 10; ++i) pool.execute([] {});
  EXPECT_EQ(pool.threads(), 2u);
  EXPECT_EQ(pool.queued(), 10u);
  first.open.release();
  second.open.release();
  until([&] { return pool.completed() == 12; });
  EXPECT_EQ(pool.queued(), 0u);
  EXPECT_EQ(pool.running(), 0u);
}

TEST(thread_pool, an_idle_thread_is_used_again) {
  thread_pool pool({.threads = 8, .idle_time = for_ever});
  for (int i = 1; i <= 100; ++i) {
    pool.execute([] {});
    until([&] { return pool.completed() == static_cast<std::uint64_t>(i) && pool.running() == 0; });
  }
  EXPECT_LE(pool.threads(), 2u); // 2: done, and not idle yet
}

TEST(thread_pool, a_thread_that_is_idle_for_long_ends_and_a_new_one_is_made_when_needed) {
  thread_pool pool({.threads = 2, .idle_time = 0ms});
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(pool.spawn([i] { return i; }).join(), i);
    until([&] { return pool.threads() == 0; });
  }
  EXPECT_EQ(pool.completed(), 20u);
}

TEST(thread_pool, nothing_is_lost_while_threads_come_and_go) {
  std::atomic<int> done{0};
  constexpr int posters = 8, each = 500;
  thread_pool pool({.threads = 3, .idle_time = 0ms});
  thrum::run([&] {
    std::vector<thrum::fiber<>> all;
    for (int i = 0; i < posters; ++i)
      all.push_back(thrum::spawn([&] {
        for (int k = 0; k < each; ++k) {
          pool.execute([&] { ++done; });
          if (k % 8 == 0) thrum::this_fiber::yield();
        }
      }));
    for (auto& one : all) one.join();
  });
  until([&] { return done == posters * each; });
}

// ---- full

TEST(thread_pool_full, reject_throws_and_says_what_is_full) {
  gate busy;
  thread_pool pool({.threads = 1, .capacity = 2, .name = "narrow"});
  busy.block(pool);
  pool.execute([] {});
  pool.execute([] {});
  const auto kept = std::make_shared<int>(1);
  try {
    pool.execute([kept] { FAIL(); });
    FAIL();
  } catch (const thrum::rejected& e) {
    EXPECT_STREQ(
        e.what(),
        "thrum::thread_pool 'narrow' is full: 1 threads are busy, and 2 pieces of work wait, of 2; raise "
        "options.capacity, or set options.full to wait or caller_runs");
  }
  EXPECT_THROW(static_cast<void>(pool.spawn([kept] { return 1; })), thrum::rejected);
  EXPECT_EQ(kept.use_count(), 1);
  EXPECT_EQ(pool.rejected(), 2u);
  EXPECT_EQ(pool.queued(), 2u);
  busy.open.release();
}

TEST(thread_pool_full, without_a_queue_everything_runs_at_once_or_not_at_all) {
  gate busy;
  thread_pool pool({.threads = 1, .capacity = 0, .idle_time = for_ever});
  busy.block(pool);
  EXPECT_THROW(pool.execute([] {}), thrum::rejected);
  busy.open.release();
  until([&] { return pool.running() == 0; });
  std::atomic<bool> ran{false};
  until([&] { // the thread is not idle yet, perhaps
    try {
      pool.execute([&] { ran = true; });
      return true;
    } catch (const thrum::rejected&) { return false; }
  });
  until([&] { return ran.load(); });
}

TEST(thread_pool_full, caller_runs_lets_the_caller_do_it_at_once) {
  gate busy;
  thread_pool pool({.threads = 1, .capacity = 1, .full = when_full::caller_runs});
  busy.block(pool);
  pool.execute([] {});
  std::thread::id where;
  thrum::executor* home = nullptr;
  pool.execute([&] {
    where = std::this_thread::get_id();
    home = &thrum::executor::current();
  });
  EXPECT_EQ(where, std::this_thread::get_id());
  EXPECT_EQ(home, &pool);
  EXPECT_EQ(&thrum::executor::current(), &thrum::runtime::current());
  EXPECT_EQ(pool.spawn([] { return 7; }).join(), 7); // also with a handle
  EXPECT_EQ(pool.rejected(), 0u);
  busy.open.release();
}

TEST(thread_pool_full, discard_drops_the_new_one) {
  gate busy;
  std::vector<int> ran;
  {
    thread_pool pool({.threads = 1, .capacity = 1, .full = when_full::discard});
    busy.block(pool);
    pool.execute([&] { ran.push_back(1); });
    pool.execute([&] { ran.push_back(2); });
    auto handle = pool.spawn([&] { ran.push_back(3); });
    EXPECT_THROW(handle.join(), thrum::rejected);
    EXPECT_EQ(pool.rejected(), 2u);
    busy.open.release();
  }
  EXPECT_EQ(ran, std::vector<int>{1});
}

TEST(thread_pool_full, discard_oldest_drops_what_waits_longest) {
  gate busy;
  std::vector<int> ran;
  const auto kept = std::make_shared<int>(1);
  {
    thread_pool pool({.threads = 1, .capacity = 2, .full = when_full::discard_oldest});
    busy.block(pool);
    auto oldest = pool.spawn([&, kept] { ran.push_back(1); });
    pool.execute([&] { ran.push_back(2); });
    pool.execute([&] { ran.push_back(3); });
    EXPECT_EQ(kept.use_count(), 1);
    EXPECT_THROW(oldest.join(), thrum::rejected);
    EXPECT_EQ(pool.rejected(), 1u);
    busy.open.release();
  }
  EXPECT_EQ(ran, (std::vector<int>{2, 3}));
}

TEST(thread_pool_full, wait_parks_the_poster_until_there_is_room) {
  gate busy;
  thread_pool pool({.threads = 1, .capacity = 1, .full = when_full::wait});
  busy.block(pool);
  pool.execute([] {});
  std::vector<int> ran;
  thrum::run(
      [&] {
        std::atomic<int> posted{0};
        std::vector<thrum::fiber<>> posters;
        for (int i = 0; i < 3; ++i)
          posters.push_back(thrum::spawn([&, i] {
            until([&] { return posted == i; });
            ++posted;
            pool.execute([&ran, i] { ran.push_back(i); });
          }));
        until([&] { return posted == 3; });
        for (int i = 0; i < 3; ++i) thrum::this_fiber::yield(); // one processor: all have parked
        for (const auto& one : posters) EXPECT_FALSE(one.ended());
        busy.open.release();
        for (auto& one : posters) one.join();
      },
      {.processors = 1});
  until([&] { return pool.completed() == 5; });
  EXPECT_EQ(ran, (std::vector<int>{0, 1, 2})); // in the order of the waiting
}

TEST(thread_pool_full, a_stop_request_ends_the_wait_for_room_and_the_work_is_not_called) {
  gate busy;
  thread_pool pool({.threads = 1, .capacity = 0, .full = when_full::wait});
  busy.block(pool);
  const auto kept = std::make_shared<int>(1);
  thrum::run([&] {
    std::atomic<bool> begun{false};
    auto poster = thrum::spawn([&] {
      begun = true;
      pool.execute([kept] { FAIL(); });
    });
    until([&] { return begun.load(); });
    for (int i = 0; i < 3; ++i) thrum::this_fiber::yield();
    poster.request_stop();
    EXPECT_THROW(poster.join(), thrum::cancelled);
  });
  EXPECT_EQ(kept.use_count(), 1);
  busy.open.release();
}

TEST(thread_pool_full, a_plain_thread_waits_for_room_too) {
  gate busy;
  std::atomic<int> ran{0};
  {
    thread_pool pool({.threads = 1, .capacity = 0, .full = when_full::wait});
    busy.block(pool);
    std::thread poster([&] { pool.execute([&] { ++ran; }); });
    busy.open.release();
    poster.join();
  }
  EXPECT_EQ(ran, 1);
}

TEST(thread_pool_full, work_of_the_pool_itself_does_not_wait_for_room) {
  std::atomic<int> ran{0};
  {
    thread_pool pool({.threads = 1, .capacity = 1, .full = when_full::wait});
    pool.spawn([&] {
          for (int i = 0; i < 10; ++i) pool.execute([&] { ++ran; });
        })
        .join();
  }
  EXPECT_EQ(ran, 10);
}

TEST(thread_pool_full, with_waiting_posters_everything_is_done_once) {
  constexpr int posters = 16, each = 100;
  std::atomic<int> ran{0};
  for (const std::size_t capacity : {0u, 1u, 3u}) {
    ran = 0;
    {
      thread_pool pool({.threads = 2, .capacity = capacity, .full = when_full::wait});
      thrum::run([&] {
        std::vector<thrum::fiber<>> all;
        for (int i = 0; i < posters; ++i)
          all.push_back(thrum::spawn([&] {
            for (int k = 0; k < each; ++k) pool.execute([&] { ++ran; });
          }));
        for (auto& one : all) one.join();
      });
    }
    EXPECT_EQ(ran, posters * each);
  }
}

// ---- stopping

TEST(thread_pool_stop, shutdown_takes_no_more_and_does_what_is_queued) {
  gate busy;
  std::atomic<int> ran{0};
  thread_pool pool({.threads = 1, .name = "closing"});
  busy.block(pool);
  for (int i = 0; i < 5; ++i) pool.execute([&] { ++ran; });
  pool.shutdown();
  try {
    pool.execute([] {});
    FAIL();
  } catch (const thrum::rejected& e) {
    EXPECT_STREQ(e.what(), "thrum::thread_pool 'closing' is shut down and takes no more work");
  }
  EXPECT_EQ(ran, 0);
  busy.open.release();
  until([&] { return pool.threads() == 0; });
  EXPECT_EQ(ran, 5);
  EXPECT_EQ(pool.completed(), 6u);
}

TEST(thread_pool_stop, shutdown_now_drops_what_is_queued_and_says_how_much) {
  gate busy;
  thread_pool pool({.threads = 1});
  busy.block(pool);
  const auto kept = std::make_shared<int>(1);
  for (int i = 0; i < 4; ++i) pool.execute([kept] { FAIL(); });
  auto handle = pool.spawn([kept] { return *kept; });
  EXPECT_EQ(pool.shutdown_now(), 5u);
  EXPECT_EQ(kept.use_count(), 1);
  EXPECT_THROW(handle.join(), thrum::rejected);
  EXPECT_EQ(pool.rejected(), 5u);
  EXPECT_EQ(pool.shutdown_now(), 0u);
  busy.open.release();
}

TEST(thread_pool_stop, shutdown_lets_idle_threads_and_waiting_posters_go) {
  gate busy;
  thread_pool pool({.threads = 1, .capacity = 0, .full = when_full::wait, .idle_time = for_ever});
  busy.block(pool);
  thrum::run([&] {
    std::atomic<bool> begun{false};
    auto poster = thrum::spawn([&] {
      begun = true;
      pool.execute([] { FAIL(); });
    });
    until([&] { return begun.load(); });
    for (int i = 0; i < 3; ++i) thrum::this_fiber::yield();
    pool.shutdown();
    EXPECT_THROW(poster.join(), thrum::rejected);
  });
  busy.open.release();
  until([&] { return pool.threads() == 0; });
}

TEST(thread_pool_stop, the_destructor_waits_for_all_work_also_in_a_fiber) {
  std::atomic<int> ran{0};
  thrum::run(
      [&] {
        gate busy;
        std::optional<thread_pool> pool(std::in_place, thrum::thread_pool_options{.threads = 1});
        busy.block(*pool);
        for (int i = 0; i < 10; ++i) pool->execute([&] { ++ran; });
        auto opener = thrum::spawn([&] { busy.open.release(); });
        pool.reset(); // parks: on one processor the opener could not run otherwise
        EXPECT_EQ(ran, 10);
        opener.join();
      },
      {.processors = 1});
}

TEST(thread_pool_stop, work_that_was_asked_to_stop_before_it_began_is_not_called) {
  gate busy;
  thread_pool pool({.threads = 1});
  busy.block(pool);
  bool called = false;
  auto handle = pool.spawn([&] { called = true; });
  auto dropped = std::make_optional(pool.spawn([&] { called = true; }));
  EXPECT_TRUE(handle.request_stop());
  EXPECT_TRUE(dropped->request_stop());
  busy.open.release();
  dropped.reset(); // waits
  EXPECT_THROW(handle.join(), thrum::cancelled);
  EXPECT_FALSE(called);
}

// ---- exceptions, and what belongs to the work

TEST(thread_pool_work, who_joins_gets_the_exception) {
  thread_pool pool({.threads = 1});
  auto handle = pool.spawn([]() -> int { throw std::runtime_error("broken"); });
  EXPECT_THROW(handle.join(), std::runtime_error);
}

TEST(thread_pool_work, an_exception_that_nobody_joins_goes_to_the_handler_and_the_thread_goes_on) {
  std::vector<std::string> told;
  {
    thread_pool pool({.threads = 1, .on_unhandled = [&](std::exception_ptr e) {
                        try {
                          std::rethrow_exception(e);
                        } catch (const std::exception& x) { told.push_back(x.what()); }
                      }});
    pool.execute([] { throw std::runtime_error("one"); });
    pool.execute([] { throw thrum::cancelled(thrum::cancel_reason::user); }); // just ends it
    gate busy;
    busy.block(pool);
    pool.spawn([] { throw std::runtime_error("two"); }).detach();
    busy.open.release();
    pool.spawn([] {}).join();
  }
  EXPECT_EQ(told, (std::vector<std::string>{"one", "two"}));
}

TEST(thread_pool_work_death, an_exception_without_a_handler_is_reported_and_ends_the_program) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        thread_pool pool({.threads = 1, .name = "fragile"});
        pool.execute(thrum::attrs{.name = "bad"}, [] { throw std::runtime_error("broken"); });
      },
      "an exception left work of the thread pool 'fragile'\n.*what\\(\\): broken\n.*the work 'bad', spawned "
      "at");
}

TEST(thread_pool_work_death, a_pool_that_its_own_work_destroys_panics) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        auto* pool = new thread_pool({.threads = 1});
        pool->spawn([pool] { delete pool; }).join();
      },
      "a thread pool is destroyed by its own work");
}

thrum::fiber_local<int> counter;

TEST(thread_pool_work, fiber_locals_end_with_the_work) {
  thread_pool pool({.threads = 1, .idle_time = for_ever});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(pool.spawn([] { return ++*counter; }).join(), 1);
}

thrum::scoped<int> depth;

TEST(thread_pool_work, what_is_bound_where_it_is_posted_is_bound_where_it_runs) {
  thread_pool pool({.threads = 1});
  thrum::fiber<int> bound;
  depth.bind(5, [&] { bound = pool.spawn([] { return depth.get(); }); });
  EXPECT_EQ(bound.join(), 5);
  EXPECT_EQ(pool.spawn([] { return depth.get_or(0); }).join(), 0);
}

TEST(thread_pool_work, primitives_work_there_and_block_the_thread) {
  thread_pool pool({.threads = 2});
  thrum::run([&] {
    thrum::chan<int> to, from;
    auto echo = pool.spawn([=]() mutable {
      int sum = 0;
      while (auto v = to.recv()) {
        sum += *v;
        from.send(sum);
      }
      return sum;
    });
    for (int i = 1; i <= 100; ++i) {
      to.send(i);
      EXPECT_TRUE(from.recv());
    }
    to.close();
    EXPECT_EQ(echo.join(), 5050);
  });
}

// ---- the system refuses threads

std::atomic<int> threads_granted;

struct few_threads {
  explicit few_threads(int n) {
    threads_granted = n;
    thrum::env::linux_world().fault = [](thrum::env::fault_site s) noexcept {
      return s == thrum::env::fault_site::thread_start && threads_granted.fetch_sub(1) <= 0;
    };
  }
  ~few_threads() { thrum::env::linux_world().fault = nullptr; }
};

TEST(thread_pool_refused, without_a_first_thread_posting_is_an_error) {
  thread_pool pool({.threads = 2, .name = "poor"});
  const auto kept = std::make_shared<int>(1);
  {
    const few_threads none(0);
    EXPECT_THROW(pool.execute([kept] { FAIL(); }), std::system_error);
  }
  EXPECT_EQ(kept.use_count(), 1);
  EXPECT_EQ(pool.threads(), 0u);
  EXPECT_EQ(pool.spawn([] { return 1; }).join(), 1); // and then it can
}

TEST(thread_pool_refused, without_further_threads_those_that_there_are_do_the_work_and_it_is_reported_once) {
  gate busy;
  std::atomic<int> ran{0};
  testing::internal::CaptureStderr();
  {
    thread_pool pool({.threads = 4, .name = "poor"});
    const few_threads one(1);
    busy.block(pool);
    for (int i = 0; i < 10; ++i) pool.execute([&] { ++ran; });
    EXPECT_EQ(pool.threads(), 1u);
    EXPECT_EQ(pool.queued(), 10u);
    busy.open.release();
  }
  EXPECT_EQ(ran, 10);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(said, "thrum: thread pool 'poor': the system gives it no further thread (errno 11); those that "
                  "it has do the work: 1 "
                  "of 4\n  is the limit of processes reached? ulimit -u, or pids.max of the cgroup\n");
}

} // namespace
