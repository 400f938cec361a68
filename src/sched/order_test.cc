// The order in which one processor runs its fibers: the rules of processor.h, to the dispatch.
#include "sched/processor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <string>
#include <thrum/chan.h>
#include <thrum/runtime.h>
#include <thrum/spawn.h>
#include <thrum/this_fiber.h>
#include <thrum/wait_group.h>
#include <vector>

namespace thrum::sched {
namespace {

template <class F> void on_one_processor(F f) { thrum::run(f, {.processors = 1, .max_threads = 1}); }

TEST(order, new_fibers_begin_newest_first) {
  on_one_processor([] {
    std::string order;
    wait_group all;
    for (char name : {'a', 'b', 'c', 'd'}) all.go([&, name] { order += name; });
    all.wait();
    EXPECT_EQ(order, "dcba");
  });
}

TEST(order, fibers_that_yield_take_turns) {
  on_one_processor([] {
    std::string order;
    wait_group all;
    for (char name : {'a', 'b', 'c'})
      all.go([&, name] {
        for (int i = 0; i < 4; ++i) {
          order += name;
          this_fiber::yield();
        }
      });
    all.wait();
    ASSERT_EQ(order.size(), 12u);
    for (std::size_t i = 3; i < order.size(); ++i) EXPECT_EQ(order[i], order[i - 3]) << order;
    EXPECT_NE(order[0], order[1]);
  });
}

TEST(order, who_was_just_made_ready_runs_before_those_who_wait_for_their_turn) {
  on_one_processor([] {
    const chan<int> c;
    std::string order;
    wait_group all;
    all.go([&] {
      static_cast<void>(c.recv());
      order += 'r';
    });
    this_fiber::yield(); // the receiver waits now
    for (char name : {'a', 'b'})
      all.go([&, name] {
        this_fiber::yield();
        order += name;
      });
    this_fiber::yield(); // both stand in the queue now
    c.send(1);
    this_fiber::yield();
    order += 'm';
    all.wait();
    EXPECT_EQ(order[0], 'r') << order;
    EXPECT_EQ(order.size(), 4u);
  });
}

TEST(order, a_pair_that_talks_all_the_time_lets_others_in_after_its_budget) {
  on_one_processor([] {
    const chan<int> there;
    const chan<int> back;
    std::uint64_t exchanges = 0;
    bool stop = false;
    wait_group all;
    all.go([&] {
      while (!stop) {
        there.send(1);
        static_cast<void>(back.recv());
        ++exchanges;
      }
      there.close();
    });
    all.go([&] {
      while (there.recv()) back.send(1);
    });
    std::uint64_t longest = 0;
    for (int turn = 0; turn < 200; ++turn) {
      const std::uint64_t before = exchanges;
      this_fiber::yield();
      longest = std::max(longest, exchanges - before);
    }
    stop = true;
    all.wait();
    EXPECT_GT(longest, 0u);
    EXPECT_LE(longest, 2u * next_budget) << "one exchange is at least one dispatch by `next`";
  });
}

// `begun` fibers keep starting another one each, so the newest is never the one that came first.
TEST(order, the_oldest_new_fiber_begins_although_newer_ones_keep_coming) {
  on_one_processor([] {
    bool oldest_has_begun = false;
    std::uint64_t begun = 0;
    bool stop = false;
    wait_group all;
    all.go([&] { oldest_has_begun = true; });
    struct chain {
      wait_group& all;
      std::uint64_t& begun;
      bool& stop;
      void operator()() const {
        ++begun;
        if (!stop) all.go(*this);
      }
    };
    all.go(chain{all, begun, stop});
    while (!oldest_has_begun && begun < 1'000'000) this_fiber::yield();
    stop = true;
    all.wait();
    EXPECT_TRUE(oldest_has_begun);
    EXPECT_LE(begun, 4u * look_interval);
  });
}

TEST(order, new_fibers_begin_although_old_ones_only_yield) {
  on_one_processor([] {
    bool begun = false;
    std::uint64_t yields = 0;
    wait_group all;
    for (int i = 0; i < 10; ++i)
      all.go([&] {
        while (!begun) {
          ++yields;
          this_fiber::yield();
        }
      });
    for (int i = 0; i < 100; ++i) this_fiber::yield(); // all ten run
    const std::uint64_t before = yields;
    all.go([&] { begun = true; });
    all.wait();
    EXPECT_LE(yields - before, 20u * look_interval);
  });
}

// What comes from outside is behind everything of the processor, but not for ever.
TEST(order, work_from_other_threads_is_seen_by_a_processor_that_is_never_idle) {
  thrum::runtime r({.processors = 1});
  std::atomic<bool> came{false};
  std::atomic<bool> runs{false};
  auto busy = r.spawn([&] {
    runs = true;
    std::uint64_t yields = 0;
    while (!came) {
      this_fiber::yield();
      ++yields;
    }
    return yields;
  });
  while (!runs) this_fiber::yield();
  r.go([&] { came = true; });
  EXPECT_GT(busy.join(), 0u);
}

TEST(order, a_fiber_keeps_its_error_number_when_others_run_between) {
  on_one_processor([] {
    wait_group all;
    for (int n = 1; n <= 3; ++n)
      all.go([n] {
        errno = n;
        for (int i = 0; i < 5; ++i) {
          this_fiber::yield();
          EXPECT_EQ(errno, n);
        }
      });
    all.wait();
  });
}

TEST(order, ids_are_never_used_twice) {
  std::vector<std::uint64_t> ids;
  for (int round = 0; round < 3; ++round)
    on_one_processor([&] {
      for (int i = 0; i < 2'000; ++i) ids.push_back(spawn([] { return this_fiber::id(); }).join());
    });
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end());
  EXPECT_GT(ids.front(), 0u);
}

} // namespace
} // namespace thrum::sched
