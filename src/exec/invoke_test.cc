#include <thrum/invoke.h>

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thrum/runtime.h>
#include <thrum/semaphore.h>
#include <thrum/strand.h>
#include <thrum/this_fiber.h>
#include <thrum/thread_pool.h>
#include <vector>

namespace {

using namespace std::chrono_literals;
using thrum::invoke_all;
using thrum::invoke_any;
using thrum::thread_pool;

struct bad : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class E> bool is(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const E&) { return true; } catch (...) {
    return false;
  }
}

void until_asked(const std::stop_token& token) {
  thrum::binary_semaphore asked(0);
  const std::stop_callback wake(token, [&asked] { asked.release(); });
  asked.acquire();
}

TEST(invoke_all, returns_what_each_returned_in_order) {
  thread_pool pool({.threads = 3});
  std::vector<std::function<int()>> jobs;
  for (int i = 0; i < 100; ++i) jobs.push_back([i] { return i * i; });
  const auto check = [&] {
    const std::vector<thrum::outcome<int>> squares = invoke_all(pool, jobs);
    ASSERT_EQ(squares.size(), 100u);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(squares[static_cast<std::size_t>(i)], i * i);
  };
  check();              // on a thread
  thrum::run(check);    // in a fiber
  EXPECT_TRUE(jobs[0]); // copied, not moved
}

TEST(invoke_all, runs_what_has_failed_and_what_has_not) {
  thread_pool pool({.threads = 2});
  std::atomic<int> calls{0};
  std::vector<std::function<void()>> jobs;
  for (int i = 0; i < 10; ++i)
    jobs.push_back([&calls, i] {
      ++calls;
      if (i % 3 == 0) throw bad(std::to_string(i));
    });
  const auto ended = invoke_all(pool, jobs);
  EXPECT_EQ(calls, 10);
  for (std::size_t i = 0; i < 10; ++i) {
    ASSERT_EQ(ended[i].has_value(), i % 3 != 0);
    if (i % 3 == 0) { EXPECT_TRUE(is<bad>(ended[i].error())); }
  }
}

TEST(invoke_all, moves_functions_that_cannot_be_copied_and_returns_references) {
  thread_pool pool({.threads = 2});
  int a = 1, b = 2;
  std::vector<std::move_only_function<int&()>> jobs;
  jobs.emplace_back([&a, kept = std::make_unique<int>(1)]() -> int& { return a; });
  jobs.emplace_back([&b]() -> int& { return b; });
  const auto ended = invoke_all(pool, std::move(jobs));
  EXPECT_EQ(&ended[0]->get(), &a);
  EXPECT_EQ(&ended[1]->get(), &b);
}

TEST(invoke_all, of_no_functions_has_no_results) {
  thread_pool pool({.threads = 1});
  EXPECT_TRUE(invoke_all(pool, std::vector<std::function<int()>>()).empty());
  EXPECT_THROW(invoke_any(pool, std::vector<std::function<int()>>()), std::invalid_argument);
}

TEST(invoke_all, works_on_any_executor) {
  thrum::run([] {
    const auto jobs = std::views::iota(0, 5) | std::views::transform([](int i) {
                        return [i] { return thrum::this_fiber::yield(), i; };
                      });
    thrum::strand one_at_a_time;
    for (thrum::executor* where : {static_cast<thrum::executor*>(&thrum::runtime::current()),
                                   static_cast<thrum::executor*>(&one_at_a_time)}) {
      const auto ended = invoke_all(*where, jobs);
      for (int i = 0; i < 5; ++i) EXPECT_EQ(ended[static_cast<std::size_t>(i)], i);
    }
  });
}

TEST(invoke_all, asks_who_is_late_to_stop_and_does_not_begin_what_has_not_begun) {
  thread_pool pool({.threads = 1});
  std::atomic<int> first{0}, others{0};
  std::vector<std::function<int(std::stop_token)>> jobs;
  jobs.push_back([&](const std::stop_token& token) {
    ++first;
    until_asked(token);
    return 1; // it has a result all the same
  });
  for (int i = 0; i < 3; ++i)
    jobs.push_back([&](const std::stop_token&) {
      ++others;
      return 2;
    });
  std::vector<thrum::outcome<int>> ended;
  while (first == 0) ended = thrum::invoke_all_for(pool, 1ms, jobs); // 0: the thread took longer to begin
  EXPECT_EQ(ended[0], 1);
  for (std::size_t i = 1; i < 4; ++i) {
    ASSERT_FALSE(ended[i]);
    EXPECT_TRUE(is<thrum::timed_out>(ended[i].error()));
  }
  EXPECT_EQ(others, 0);
}

TEST(invoke_all, does_not_ask_anybody_before_the_deadline) {
  thread_pool pool({.threads = 2});
  std::vector<std::function<bool(std::stop_token)>> jobs(
      10, [](const std::stop_token& token) { return token.stop_requested(); });
  for (const auto& each : thrum::invoke_all_for(pool, 24h, jobs)) EXPECT_EQ(each, false);
  for (const auto& each : thrum::invoke_all_until(pool, std::chrono::steady_clock::now() + 24h, jobs))
    EXPECT_EQ(each, false);
}

TEST(invoke_all, asks_and_waits_if_the_caller_is_asked) {
  thrum::run([] {
    std::atomic<int> begun{0}, ended{0};
    std::vector<std::function<void()>> jobs(5, [&] {
      ++begun;
      try {
        thrum::this_fiber::sleep_for(24h);
      } catch (const thrum::cancelled&) {
        ++ended;
        throw;
      }
    });
    auto caller = thrum::spawn([&] { static_cast<void>(invoke_all(thrum::runtime::current(), jobs)); });
    while (begun != 5) thrum::this_fiber::yield();
    caller.request_stop();
    EXPECT_THROW(caller.join(), thrum::cancelled);
    EXPECT_EQ(ended, 5);
  });
}

TEST(invoke_all, ends_what_it_has_begun_if_the_executor_refuses_the_rest) {
  thread_pool pool({.threads = 1, .capacity = 1});
  const auto kept = std::make_shared<int>();
  std::atomic<int> begun{0};
  std::vector<std::function<void(std::stop_token)>> jobs(4, [kept, &begun](const std::stop_token& token) {
    ++begun;
    until_asked(token);
  });
  EXPECT_THROW(static_cast<void>(invoke_all(pool, jobs)), thrum::rejected);
  EXPECT_LE(begun, 1); // 0: asked before its thread had begun
  jobs.clear();
  EXPECT_EQ(kept.use_count(), 1); // nothing runs, and nothing is kept
}

TEST(invoke_all, tells_what_was_dropped) {
  thread_pool pool({.threads = 1, .capacity = 0, .full = thrum::when_full::discard});
  std::vector<std::function<int()>> jobs(2, [&pool] {
    while (pool.rejected() == 0) thrum::this_fiber::yield();
    return 1;
  });
  const auto ended = invoke_all(pool, jobs);
  EXPECT_EQ(ended[0], 1);
  ASSERT_FALSE(ended[1]);
  EXPECT_TRUE(is<thrum::rejected>(ended[1].error()));
}

TEST(invoke_any, returns_the_first_result_and_stops_the_others) {
  thread_pool pool({.threads = 4});
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> failed{0}, asked{0}, waiting{0};
    std::vector<std::function<std::string(std::stop_token)>> jobs(2,
                                                                  [&](const std::stop_token&) -> std::string {
                                                                    ++failed;
                                                                    throw bad("not me");
                                                                  });
    jobs.push_back([&](const std::stop_token& token) {
      ++waiting;
      until_asked(token);
      ++asked;
      return std::string("late");
    });
    jobs.push_back([&](const std::stop_token&) {
      while (failed != 2 || waiting != 1) thrum::this_fiber::yield();
      return std::string("first");
    });
    EXPECT_EQ(invoke_any(pool, jobs), "first");
    EXPECT_EQ(asked, 1); // it was asked, and waited for
  }
}

TEST(invoke_any, throws_all_failures_if_all_fail) {
  thread_pool pool({.threads = 2});
  std::vector<std::function<int()>> jobs(3, []() -> int { throw bad("no"); });
  try {
    static_cast<void>(invoke_any(pool, jobs));
    FAIL();
  } catch (const thrum::exception_group& all) {
    ASSERT_EQ(all.errors().size(), 3u);
    for (const auto& error : all.errors()) EXPECT_TRUE(is<bad>(error));
  }
}

TEST(invoke_any, may_be_of_void_and_of_references) {
  thread_pool pool({.threads = 2});
  int n = 0;
  std::vector<std::function<int&()>> jobs(2, [&n]() -> int& { return n; });
  EXPECT_EQ(&invoke_any(pool, jobs), &n);
  std::vector<std::function<void()>> nothing(2, [] {});
  invoke_any(pool, nothing);
}

TEST(invoke_any, throws_timed_out_if_nobody_has_succeeded_in_time) {
  thread_pool pool({.threads = 2});
  std::atomic<int> inside{0};
  std::vector<std::function<void(std::stop_token)>> jobs(5, [&](const std::stop_token& token) {
    ++inside;
    until_asked(token);
    --inside;
  });
  EXPECT_THROW(thrum::invoke_any_for(pool, 1ms, jobs), thrum::timed_out);
  EXPECT_EQ(inside, 0);
  EXPECT_THROW(thrum::invoke_any_until(pool, std::chrono::steady_clock::now(), jobs), thrum::timed_out);
  EXPECT_EQ(inside, 0);
}

} // namespace
