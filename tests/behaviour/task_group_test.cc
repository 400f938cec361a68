// task_group.h: tasks that end together, joiners, limits, timeouts, and what becomes of failures.
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/scoped.h>
#include <thrum/thrum.h>

#include <atomic>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::times;
using test::until;
using thrum::cancel_reason;
using thrum::cancelled;
using thrum::chan;
using thrum::exception_group;
using thrum::spawn;
using thrum::subtask;
using thrum::task_group;
using thrum::timed_out;
using thrum::with_group;
using thrum::this_fiber::yield;

class groups : public test::on_processors {};

void wait_for_ever() { static_cast<void>(chan<int>().recv()); }

std::string what_of(const std::exception_ptr& e) {
  try {
    std::rethrow_exception(e);
  } catch (const std::exception& x) { return x.what(); } catch (const cancelled&) {
    return "cancelled";
  }
}

[[noreturn]] void fail(const char* what) { throw std::runtime_error(what); }

} // namespace

TEST_P(groups, join_waits_for_all_and_keeps_their_results) {
  run([] {
    task_group<> group;
    auto number = group.spawn([] {
      for (int i = 0; i < 5; ++i) yield();
      return 7;
    });
    auto nothing = group.spawn([] { yield(); });
    auto owned = group.spawn([p = std::make_unique<int>(3)]() mutable { return std::move(p); });
    int here = 1;
    auto reference = group.spawn([&]() -> int& { return here; });
    group.join();
    EXPECT_EQ(*number, 7);
    EXPECT_TRUE(nothing.succeeded());
    nothing.get();
    EXPECT_EQ(**owned, 3);
    EXPECT_EQ(&reference.get(), &here);
    EXPECT_EQ(group.running(), 0u);
    EXPECT_TRUE(group.failures().empty());
  });
}

TEST_P(groups, a_group_without_tasks_is_joined_at_once) {
  run([] {
    task_group<> group;
    group.join();
    task_group<> never_joined;
  });
}

TEST_P(groups, the_first_failure_stops_the_others_and_is_thrown) {
  run([] {
    task_group<> group;
    std::atomic<int> stopped{0};
    std::vector<subtask<>> others;
    for (int i = 0; i < 10; ++i)
      others.push_back(group.spawn([&] {
        try {
          wait_for_ever();
        } catch (const cancelled& c) {
          EXPECT_EQ(c.reason(), cancel_reason::sibling_failed);
          ++stopped;
          throw;
        }
      }));
    yield();
    auto bad = group.spawn([] { fail("bad"); });
    try {
      group.join();
      ADD_FAILURE();
    } catch (const std::runtime_error& e) { EXPECT_STREQ(e.what(), "bad"); }
    EXPECT_TRUE(group.stopped());
    EXPECT_EQ(what_of(bad.error()), "bad");
    EXPECT_THROW(bad.get(), std::runtime_error);
    EXPECT_EQ(group.failures().size(), 1u);
    for (auto& o : others) {
      EXPECT_FALSE(o.succeeded());
      EXPECT_EQ(what_of(o.error()), "cancelled");
    }
    EXPECT_LE(stopped, 10); // some may not have begun
  });
}

TEST_P(groups, what_is_spawned_after_the_stop_does_not_begin) {
  run([] {
    task_group<> group;
    EXPECT_TRUE(group.stop());
    EXPECT_FALSE(group.stop());
    bool begun = false;
    auto late = group.spawn([&] { begun = true; });
    EXPECT_TRUE(late.ended());
    EXPECT_EQ(what_of(late.error()), "cancelled");
    group.join();
    EXPECT_FALSE(begun);
  });
}

TEST_P(groups, collect_waits_for_all_and_throws_all_failures) {
  run([] {
    task_group<thrum::joiner::collect> group;
    auto good = group.spawn([] {
      for (int i = 0; i < 20; ++i) yield();
      return 7;
    });
    for (int i = 0; i < 5; ++i) group.spawn([i] { fail(std::to_string(i).c_str()); });
    try {
      group.join();
      ADD_FAILURE();
    } catch (const exception_group& e) {
      EXPECT_EQ(e.errors().size(), 5u);
      EXPECT_TRUE(std::string(e.what()).starts_with("thrum: 5 failures: ")) << e.what();
      EXPECT_TRUE(std::string(e.what()).ends_with("; and others")) << e.what();
    }
    EXPECT_EQ(*good, 7);
    EXPECT_FALSE(group.stopped());
  });
}

TEST_P(groups, the_first_success_stops_the_others_and_is_returned) {
  run([] {
    task_group<thrum::joiner::first_success<std::string>> group;
    auto unlucky = group.spawn([]() -> std::string { fail("no luck"); });
    group.spawn([]() -> std::string {
      wait_for_ever();
      return "never";
    });
    group.spawn([&unlucky]() -> std::string {
      until([&] { return unlucky.ended(); });
      return "fastest";
    });
    EXPECT_EQ(group.join(), "fastest");
    EXPECT_EQ(group.failures().size(), 1u);

    task_group<thrum::joiner::first_success<int>> hopeless;
    hopeless.spawn([]() -> int { fail("a"); });
    hopeless.spawn([]() -> int { fail("b"); });
    try {
      hopeless.join();
      ADD_FAILURE();
    } catch (const exception_group& e) { EXPECT_EQ(e.errors().size(), 2u); }
  });
}

namespace {

// The sum of the first three.
struct sum_of_three {
  int sum = 0;
  int count = 0;
  bool on_success(int& n) noexcept {
    if (count == 3) return true;
    sum += n;
    return ++count == 3;
  }
  bool on_failure(const std::exception_ptr&) noexcept { return false; }
  int result(const std::vector<std::exception_ptr>&) const { return sum; }
};

} // namespace

TEST_P(groups, a_joiner_of_ones_own_decides_when_it_is_enough) {
  run([] {
    task_group<sum_of_three> group;
    for (int i = 0; i < 3; ++i) group.spawn([] { return 7; });
    auto slow = group.spawn([] {
      wait_for_ever();
      return 1;
    });
    EXPECT_EQ(group.join(), 21);
    EXPECT_EQ(what_of(slow.error()), "cancelled");
  });
}

TEST_P(groups, no_more_than_the_limit_run_at_a_time) {
  run([] {
    std::atomic<int> now{0};
    std::atomic<int> most{0};
    task_group<> group({.limit = 3});
    for (int i = 0; i < 50; ++i)
      group.spawn([&] {
        int n = ++now;
        for (int seen = most; n > seen && !most.compare_exchange_weak(seen, n);) {}
        yield();
        --now;
      });
    group.join();
    EXPECT_LE(most, 3);
    EXPECT_GE(most, 1);
  });
}

TEST_P(groups, the_timeout_stops_the_tasks) {
  run([] {
    std::optional<cancel_reason> why;
    for (auto limit = 1ms; !why; limit *= 2) { // until the task has begun in time
      task_group<> group({.name = "slow", .timeout = limit});
      auto slow = group.spawn([&] {
        try {
          wait_for_ever();
        } catch (const cancelled& c) {
          why = c.reason();
          throw;
        }
      });
      EXPECT_THROW(group.join(), timed_out);
    }
    EXPECT_EQ(why, cancel_reason::deadline);
    task_group<> quick({.timeout = 1h});
    auto seven = quick.spawn([] { return 7; });
    quick.join();
    EXPECT_EQ(*seven, 7);
  });
}

TEST_P(groups, one_that_is_left_stops_its_tasks_and_waits_for_them) {
  run([] {
    std::atomic<int> ended{0};
    try {
      task_group<> group;
      for (int i = 0; i < 10; ++i)
        group.spawn([&] {
          struct tell {
            std::atomic<int>& n;
            ~tell() { ++n; }
          } at_end{ended};
          wait_for_ever();
        });
      until([&] { return group.running() == 10; });
      throw 7;
    } catch (int) {}
    const int then = ended;
    for (int i = 0; i < 10; ++i) yield();
    EXPECT_EQ(ended, then); // nothing outlived it
  });
}

TEST_P(groups, an_owner_who_is_stopped_while_joining_stops_the_tasks) {
  run([] {
    std::atomic<bool> task_ended{false};
    auto owner = spawn([&] {
      task_group<> group;
      group.spawn([&] {
        try {
          wait_for_ever();
        } catch (const cancelled&) {
          for (int i = 0; i < 5; ++i) yield();
          task_ended = true;
          throw;
        }
      });
      try {
        group.join();
      } catch (const cancelled&) {
        EXPECT_TRUE(group.stopped());
        EXPECT_EQ(group.running(), 0u);
        throw;
      }
    });
    for (int i = 0; i < 10; ++i) yield();
    owner.request_stop();
    EXPECT_THROW(owner.join(), cancelled);
    // and by a deadline around it
    EXPECT_THROW(thrum::with_timeout(1ms,
                                     [] {
                                       task_group<> group;
                                       group.spawn(wait_for_ever);
                                       group.join();
                                     }),
                 timed_out);
  });
}

TEST_P(groups, failures_that_nobody_is_told_go_to_the_handler) {
  std::atomic<int> told{0};
  thrum::options o = options();
  o.on_unhandled = [&](const std::exception_ptr& e) {
    EXPECT_EQ(what_of(e), "unseen");
    ++told;
  };
  thrum::run(
      [] {
        task_group<thrum::joiner::collect> group;
        auto bad = group.spawn([] { fail("unseen"); });
        until([&] { return bad.ended(); });
      },
      o);
  EXPECT_EQ(told, 1);
}

TEST_P(groups, a_subtask_may_be_dropped_or_outlive_its_group) {
  run([] {
    subtask<std::string> kept;
    {
      task_group<> group;
      kept = group.spawn([] { return std::string(100, 'x'); });
      for (int i = 0; i < 10; ++i) static_cast<void>(group.spawn([] { return std::string(100, 'y'); }));
      auto dropped = group.spawn([] { yield(); });
      dropped = {};
      group.join();
    }
    EXPECT_EQ(kept->size(), 100u);
  });
}

TEST_P(groups, one_task_can_be_stopped_alone) {
  run([] {
    task_group<> group;
    auto one = group.spawn(wait_for_ever);
    auto other = group.spawn([] { return 7; });
    yield();
    EXPECT_TRUE(one.request_stop());
    group.join(); // that is no failure
    EXPECT_EQ(what_of(one.error()), "cancelled");
    EXPECT_EQ(*other, 7);
  });
}

TEST_P(groups, groups_nest_and_a_failure_takes_the_whole_tree) {
  run([] {
    std::atomic<int> leaves{0};
    std::atomic<int> ended{0};
    const std::function<void(int)> tree = [&](int depth) {
      if (depth == 0) {
        ++leaves;
        struct tell {
          std::atomic<int>& n;
          ~tell() { ++n; }
        } at_end{ended};
        wait_for_ever();
      }
      task_group<> group;
      for (int i = 0; i < 4; ++i) group.spawn([&tree, depth] { tree(depth - 1); });
      group.join();
    };
    task_group<> group;
    group.spawn([&] { tree(3); });
    group.spawn([&] {
      until([&] { return leaves == 64; });
      fail("one");
    });
    EXPECT_THROW(group.join(), std::runtime_error);
    EXPECT_EQ(ended, 64);
  });
}

TEST_P(groups, tasks_inherit_scoped_values) {
  run([] {
    static thrum::scoped<int> level;
    level.bind(7, [] {
      task_group<> group;
      auto seen = group.spawn([] { return level.get(); });
      group.join();
      EXPECT_EQ(*seen, 7);
    });
  });
}

// ---- deadlines that are told

namespace {

using std::chrono::steady_clock;
constexpr auto no_deadline = steady_clock::time_point::max();

steady_clock::time_point told_now() { return thrum::this_fiber::deadline(); }

} // namespace

TEST_P(groups, a_task_is_told_the_deadline_around_its_spawn) {
  run([] {
    const auto soon = steady_clock::now() + 1h;
    task_group<> group;
    auto before = group.spawn(told_now);
    subtask<steady_clock::time_point> inside, inside_both, sheltered, sheltered_and_inside;
    thrum::with_deadline(soon, [&] {
      inside = group.spawn(told_now);
      thrum::with_deadline(soon + 1h, [&] { inside_both = group.spawn(told_now); });
      thrum::shield([&] {
        sheltered = group.spawn(told_now);
        thrum::with_deadline(soon + 2h, [&] { sheltered_and_inside = group.spawn(told_now); });
      });
    });
    auto behind = group.spawn(told_now);
    group.join();
    EXPECT_EQ(*before, no_deadline);
    EXPECT_EQ(*inside, soon);
    EXPECT_EQ(*inside_both, soon);
    EXPECT_EQ(*sheltered, no_deadline);
    EXPECT_EQ(*sheltered_and_inside, soon + 2h);
    EXPECT_EQ(*behind, no_deadline);
  });
}

TEST_P(groups, a_task_is_told_the_groups_deadline_or_an_earlier_one_around) {
  run([] {
    const auto before = steady_clock::now();
    task_group<> group({.timeout = 1h});
    const auto after = steady_clock::now();
    auto alone = group.spawn(told_now);
    subtask<steady_clock::time_point> earlier, later;
    thrum::with_deadline(before + 30min, [&] { earlier = group.spawn(told_now); });
    thrum::with_deadline(after + 2h, [&] { later = group.spawn(told_now); });
    group.join();
    EXPECT_GE(*alone, before + 1h);
    EXPECT_LE(*alone, after + 1h);
    EXPECT_EQ(*earlier, before + 30min);
    EXPECT_EQ(*later, *alone);
  });
}

TEST_P(groups, deadlines_of_a_task_nest_in_those_it_was_told) {
  run([] {
    const auto soon = steady_clock::now() + 1h;
    thrum::with_deadline(soon, [&] {
      task_group<> group;
      group.spawn([&] {
        thrum::with_deadline(soon + 1h, [&] { EXPECT_EQ(told_now(), soon); });
        thrum::with_deadline(soon - 30min, [&] { EXPECT_EQ(told_now(), soon - 30min); });
        EXPECT_THROW(thrum::with_timeout(1ms, wait_for_ever), timed_out);
        EXPECT_EQ(told_now(), soon);
        EXPECT_EQ(thrum::shield(told_now), no_deadline);
        // And on to the tasks of a group inside.
        task_group<> inner;
        auto leaf = inner.spawn(told_now);
        auto own = thrum::with_deadline(soon - 10min, [&] { return inner.spawn(told_now); });
        inner.join();
        EXPECT_EQ(*leaf, soon);
        EXPECT_EQ(*own, soon - 10min);
      });
      group.join();
    });
  });
}

// What is told asks nobody: the task runs on until its group is asked, and is asked as ever.
TEST_P(groups, a_deadline_that_has_passed_is_told_and_the_group_asks) {
  run([] {
    const auto past = steady_clock::now() - 1s;
    std::atomic<bool> told{false};
    std::optional<cancel_reason> why;
    EXPECT_THROW(thrum::with_deadline(past,
                                      [&] {
                                        task_group<> group;
                                        group.spawn([&] {
                                          EXPECT_EQ(told_now(), past);
                                          EXPECT_FALSE(thrum::this_fiber::stop_requested());
                                          yield();
                                          told = true;
                                          try {
                                            wait_for_ever();
                                          } catch (const cancelled& c) {
                                            why = c.reason();
                                            throw;
                                          }
                                        });
                                        until([&] { return told.load(); });
                                        group.join();
                                      }),
                 timed_out);
    EXPECT_EQ(why, cancel_reason::deadline);
  });
}

TEST_P(groups, a_runner_that_ends_a_task_keeps_nothing_of_its_deadline) {
  run([] {
    const auto soon = steady_clock::now() + 1h;
    for (int i = 0; i < 20; ++i) {
      thrum::with_deadline(soon, [&] {
        task_group<> group;
        group.spawn([] { fail("one"); });
        EXPECT_THROW(group.join(), std::runtime_error);
      });
      EXPECT_EQ(spawn(told_now).join(), no_deadline); // often on the stack of a task
    }
  });
}

TEST_P(groups, the_tasks_of_plain_threads_are_told_the_groups_deadline) {
  task_group<> limited({.timeout = 1h});
  task_group<> unlimited;
  auto some = limited.spawn(told_now);
  auto none = unlimited.spawn(told_now);
  limited.join();
  unlimited.join();
  EXPECT_LE(*some, steady_clock::now() + 1h);
  EXPECT_EQ(*none, no_deadline);
}

TEST_P(groups, plain_threads_own_groups_too) {
  task_group<> group({.limit = 2, .timeout = 1h});
  std::vector<subtask<int>> all;
  for (int i = 0; i < 20; ++i) all.push_back(group.spawn([i] { return i; }));
  group.join();
  EXPECT_EQ(std::accumulate(all.begin(), all.end(), 0, [](int sum, auto& s) { return sum + *s; }), 190);
}

TEST_P(groups, failures_and_ends_meet_in_any_order) {
  run([] {
    for (std::size_t i = 0; i < times(200); ++i) {
      task_group<> group;
      std::atomic<int> begun{0};
      for (int k = 0; k < 8; ++k)
        group.spawn([&, k] {
          ++begun;
          if (k % 3 == 0) yield();
          if (k == 4) fail("four");
          if (k % 2 == 0) wait_for_ever();
        });
      if (i % 2 == 0) yield();
      EXPECT_THROW(group.join(), std::runtime_error);
      EXPECT_EQ(group.running(), 0u);
    }
  });
}

// ---- with_group

TEST_P(groups, the_body_of_with_group_is_told_the_groups_deadline) {
  run([] {
    const auto before = steady_clock::now();
    const auto told = with_group({.timeout = 1h}, [](task_group<>&) { return told_now(); });
    EXPECT_GE(told, before + 1h);
    EXPECT_LE(told, steady_clock::now() + 1h);
    const auto soon = before + 30min;
    thrum::with_deadline(soon, [&] {
      EXPECT_EQ(with_group({.timeout = 1h}, [](task_group<>&) { return told_now(); }), soon);
      EXPECT_EQ(with_group([](task_group<>&) { return told_now(); }), soon);
    });
    EXPECT_EQ(told_now(), no_deadline);
  });
}

TEST_P(groups, with_group_joins_and_returns_what_the_body_returned) {
  run([] {
    EXPECT_EQ(with_group([](task_group<>& group) {
                static_cast<void>(group.spawn([] { yield(); }));
                return 7;
              }),
              7);
    int n = 0;
    with_group([&](task_group<>& group) { static_cast<void>(group.spawn([&] { ++n; })); });
    EXPECT_EQ(n, 1);
    EXPECT_EQ(&with_group([&](task_group<>&) -> int& { return n; }), &n);
  });
}

TEST_P(groups, a_failure_asks_the_body_of_with_group_to_stop) {
  run([] {
    bool stopped = false;
    EXPECT_THROW(with_group([&](task_group<>& group) {
                   group.spawn([] { fail("task"); });
                   try {
                     wait_for_ever();
                   } catch (const cancelled& c) {
                     EXPECT_EQ(c.reason(), cancel_reason::sibling_failed);
                     stopped = true;
                     throw;
                   }
                 }),
                 std::runtime_error);
    EXPECT_TRUE(stopped);
    EXPECT_FALSE(thrum::this_fiber::stop_requested());
    EXPECT_THROW(with_group({.timeout = 1ms}, [](task_group<>&) { wait_for_ever(); }), timed_out);
    EXPECT_THROW(with_group([](task_group<>&) { fail("body"); }), std::runtime_error);
    EXPECT_THROW(with_group([](task_group<>& group) {
                   group.stop();
                   wait_for_ever();
                 }),
                 cancelled);
  });
}

TEST_P(groups, a_stop_of_the_caller_goes_through_with_group) {
  run([] {
    auto f = spawn([] {
      with_group([](task_group<>& group) {
        group.spawn(wait_for_ever);
        wait_for_ever();
      });
    });
    yield();
    f.request_stop();
    EXPECT_THROW(f.join(), cancelled);
  });
}

THRUM_ON_PROCESSORS(groups);
