#include <thrum/barrier.h>
#include <thrum/condition_variable.h>
#include <thrum/guarded.h>
#include <thrum/runtime.h>
#include <thrum/task_group.h>
#include <thrum/this_fiber.h>

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace thrum {
namespace {

TEST(guarded, is_reached_only_with_the_lock_held) {
  guarded<long> sum;
  run(
      [&] {
        task_group<> all;
        for (int i = 0; i < 8; ++i)
          all.spawn([&] {
            for (int n = 0; n < 1000; ++n) {
              sum.with([](long& s) { s += 1; });
              *sum.lock() += 1;
            }
          });
        all.join();
      },
      {.processors = 4});
  EXPECT_EQ(*sum.lock(), 16'000);
}

TEST(guarded, is_unlocked_on_every_way_out) {
  guarded<std::string> name(std::in_place, 3, 'x');
  EXPECT_THROW(name.with([](std::string&) -> int { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_EQ(name.with([](const std::string& s) { return s.size(); }), 3u);
  { const auto held = name.lock(); }
  EXPECT_EQ(*name.lock(), "xxx");
}

TEST(guarded, readers_are_beside_each_other_if_the_mutex_can_be_shared) {
  run(
      [] {
        const guarded<int, shared_mutex> value(7);
        barrier<> both_read(2); // neither passes without the other
        task_group<> readers;
        readers.spawn([&] {
          value.with([&](const int& v) {
            both_read.arrive_and_wait();
            EXPECT_EQ(v, 7);
          });
        });
        readers.spawn([&] {
          const auto reading = value.lock_shared();
          both_read.arrive_and_wait();
          EXPECT_EQ(*reading, 7);
        });
        readers.join();
      },
      {.processors = 2});
}

TEST(guarded, a_const_one_gives_a_const_value_whatever_the_mutex) {
  const guarded<int> by_mutex(1);
  const guarded<int, std::mutex> by_the_standards(2);
  const guarded<int, recursive_mutex> again(3);
  static_assert(std::is_same_v<decltype(*by_mutex.lock()), const int&>);
  EXPECT_EQ(*by_mutex.lock() + *by_the_standards.lock(), 3);
  const auto outer = again.lock();
  EXPECT_EQ(*again.lock(), 3);
}

TEST(guarded, several_are_locked_in_any_order_without_a_deadlock) {
  guarded<long> a(1000), b(1000);
  const auto move_one = [](guarded<long>& from, guarded<long>& to) {
    auto [f, t] = lock_all(from, to);
    *f -= 1;
    this_fiber::yield();
    *t += 1;
  };
  run(
      [&] {
        task_group<> both;
        both.spawn([&] {
          for (int i = 0; i < 500; ++i) move_one(a, b);
        });
        both.spawn([&] {
          for (int i = 0; i < 500; ++i) move_one(b, a);
        });
        both.join();
      },
      {.processors = 2});
  const auto [x, y] = lock_all(a, b);
  EXPECT_EQ(*x, 1000);
  EXPECT_EQ(*y, 1000);
}

TEST(guarded, a_condition_is_waited_for_with_the_lock_released) {
  run(
      [] {
        guarded<std::deque<int>> queue;
        condition_variable changed;
        std::vector<int> taken;
        task_group<> both;
        both.spawn([&] {
          for (int i = 0; i < 100; ++i) {
            auto items = queue.lock();
            changed.wait(items, [&] { return !items->empty(); });
            taken.push_back(items->front());
            items->pop_front();
          }
        });
        both.spawn([&] {
          for (int i = 0; i < 100; ++i) {
            queue.lock()->push_back(i);
            changed.notify_one();
          }
        });
        both.join();
        ASSERT_EQ(taken.size(), 100u);
        for (int i = 0; i < 100; ++i) EXPECT_EQ(taken[static_cast<std::size_t>(i)], i);
      },
      {.processors = 2});
}

TEST(guarded, holds_what_can_only_be_moved_and_serves_plain_threads) {
  guarded<std::unique_ptr<int>> owned(std::make_unique<int>(0));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) ++**owned.lock();
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(*owned.with([](std::unique_ptr<int>& p) { return std::move(p); }), 4000);
}

} // namespace
} // namespace thrum
