// Processors that go, seen from inside: each goes to rest, whatever its holder does, and leaves nothing behind.
#include "sched/runtime_core.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <thrum/chan.h>
#include <thrum/runtime.h>
#include <thrum/spawn.h>
#include <thrum/this_fiber.h>
#include <thrum/wait_group.h>
#include <unistd.h>

namespace thrum::sched {
namespace {

using namespace std::chrono_literals;

template <class Condition> void until(Condition condition) {
  while (!condition()) std::this_thread::sleep_for(100us);
}

unsigned active(runtime& r) { return core_of(r).active.load(std::memory_order_relaxed); }

unsigned resting(runtime& r) {
  const base::spin_guard guard(core_of(r).idle_lock);
  unsigned n = 0;
  for (const processor* p = core_of(r).resting_processors; p != nullptr; p = p->idle_link) {
    ++n;
    EXPECT_EQ(p->holder.load(std::memory_order_relaxed), nullptr);
    EXPECT_EQ(p->queued_hint(), 0u);
    EXPECT_EQ(p->next, nullptr);
    EXPECT_EQ(p->due, nullptr);
    EXPECT_EQ(p->cached_stacks, 0u);
    for (const unsigned batches : p->free_batch_count) EXPECT_EQ(batches, 0u);
    for (const unsigned loose : p->free_loose_count) EXPECT_EQ(loose, 0u);
  }
  return n;
}

// Of a runtime that has had 8 processors, all but so many rest.
void expect_rest(runtime& r, unsigned n) {
  until([&] { return active(r) == n; });
  EXPECT_EQ(resting(r), 8 - n);
}

TEST(resize, idle_processors_rest_at_once) {
  runtime r({.processors = 8});
  EXPECT_EQ(resting(r), 0u);
  r.set_processors(3);
  EXPECT_EQ(active(r), 3u);
  EXPECT_EQ(resting(r), 5u);
  r.set_processors(8);
  EXPECT_EQ(active(r), 8u);
  EXPECT_EQ(resting(r), 0u);
  EXPECT_EQ(core_of(r).count_made(), 8u);
}

TEST(resize, those_that_rest_come_back_before_new_ones_are_made) {
  runtime r({.processors = 2});
  for (const unsigned n : {5u, 1u, 5u, 2u, 3u}) r.set_processors(n);
  EXPECT_EQ(core_of(r).count_made(), 5u);
  r.set_processors(6);
  EXPECT_EQ(core_of(r).count_made(), 6u);
  EXPECT_EQ(active(r), 6u);
}

TEST(resize, processors_of_fibers_that_yield_rest) {
  std::atomic<bool> enough{false}; // dies after the runtime
  runtime r({.processors = 8});
  for (int k = 0; k < 40; ++k)
    r.go([&] {
      while (!enough) {
        for (int i = 0; i < 20'000; ++i) asm volatile(""); // or it does not pay to share them
        this_fiber::yield();
      }
    });
  until([&] { return core_of(r).idle_count.load(std::memory_order_relaxed) == 0; });
  r.set_processors(2);
  expect_rest(r, 2);
  enough = true;
}

TEST(resize, processors_of_fibers_that_wait_rest) {
  std::atomic<bool> enough{false}; // dies after the runtime
  runtime r({.processors = 8});
  for (int k = 0; k < 10; ++k) {
    const chan<int> there, back;
    r.go([=] {
      for (const int v : there) back.send(v);
    });
    r.go([=, &enough] {
      while (!enough) {
        there.send(1);
        EXPECT_EQ(back.recv(), 1);
      }
      there.close();
    });
  }
  until([&] { return r.report().spawned == 20; });
  r.set_processors(1);
  expect_rest(r, 1);
  enough = true;
}

TEST(resize, processors_of_fibers_that_compute_rest) {
  std::atomic<bool> enough{false}; // these die after the runtime
  std::atomic<int> begun{0};
  runtime r({.processors = 8});
  for (int k = 0; k < 3; ++k)
    r.go([&] {
      ++begun;
      while (!enough) std::this_thread::yield(); // computes, for the runtime
    });
  until([&] { return begun == 3; });
  r.set_processors(1);
  expect_rest(r, 1);
  EXPECT_EQ(r.spawn([] { return 5; }).join(), 5); // the one that is left is not kept by those
  enough = true;
}

TEST(resize, processors_of_fibers_that_block_rest) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  std::atomic<int> begun{0};
  runtime r({.processors = 8});
  for (int k = 0; k < 3; ++k)
    r.go([&] {
      ++begun;
      char byte;
      EXPECT_EQ(::read(ends[0], &byte, 1), 1);
    });
  until([&] { return begun == 3; });
  r.set_processors(1);
  expect_rest(r, 1);
  EXPECT_EQ(r.spawn([] { return 5; }).join(), 5);
  EXPECT_EQ(::write(ends[1], "abc", 3), 3);
  until([&] { return r.report().finished == r.report().spawned; });
  ::close(ends[0]);
  ::close(ends[1]);
}

// With one processor and one thread, one fiber runs at a time; also if there were more before.
TEST(resize, one_processor_and_one_thread_run_one_fiber_at_a_time_again) {
  runtime r({.processors = 1, .max_threads = 1});
  constexpr std::size_t fibers = 8;
  for (int round = 0; round < 5; ++round) {
    r.set_processors(4);
    std::atomic<bool> enough{false}, alone{false};
    std::atomic<int> inside{0}, most{0};
    std::array<std::atomic<int>, fibers> turns{};
    const auto all_turned = [&](int n) {
      int before[fibers];
      for (std::size_t k = 0; k < fibers; ++k) before[k] = turns[k];
      until([&] {
        for (std::size_t k = 0; k < fibers; ++k)
          if (turns[k] < before[k] + n) return false;
        return true;
      });
    };
    for (std::size_t k = 0; k < fibers; ++k)
      r.go([&, k] {
        while (!enough) {
          const int with_me = ++inside;
          if (alone && with_me > most) most = with_me;
          --inside;
          ++turns[k];
          this_fiber::yield();
        }
      });
    all_turned(100);
    r.set_processors(1);
    until([&] { return active(r) == 1; });
    all_turned(3); // those that ran on beside have yielded since
    alone = true;
    all_turned(500);
    enough = true;
    until([&] { return r.report().finished == r.report().spawned; });
    EXPECT_EQ(most, 1);
  }
}

TEST(resize, a_runtime_may_end_while_processors_are_on_their_way) {
  for (int round = 0; round < 30; ++round) {
    std::atomic<int> ran{0}; // dies after the runtime
    runtime r({.processors = 1});
    r.set_processors(8);
    for (int k = 0; k < 50; ++k)
      r.go([&] {
        this_fiber::yield();
        ++ran;
      });
    r.set_processors(1 + static_cast<unsigned>(round) % 3);
  }
}

} // namespace
} // namespace thrum::sched
