// thrum/simulate.h: what a run is, what fails it, and that a seed gives it again.
#include <thrum/simulate.h>

#include "support/child.h"

#include <thrum/event_loop.h>
#include <thrum/future.h>
#include <thrum/task.h>
#include <thrum/thrum.h>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

thrum::simulation_options quiet(std::uint64_t seed, std::uint64_t runs = 1) {
  return {.seed = seed, .runs = runs, .quiet = true};
}

// Channels, a select, a lock, sleeps, a group, yields.
bool program_of_many_parts() {
  thrum::chan<int> work(2);
  thrum::chan<int> results;
  thrum::mutex m;
  int shared = 0;
  thrum::task_group<> group;
  for (int i = 0; i < 3; ++i)
    group.spawn([&] {
      for (const int v : work) {
        {
          const std::lock_guard hold(m);
          ++shared;
        }
        thrum::this_fiber::sleep_for(std::chrono::milliseconds(v % 3));
        results.send(v);
      }
    });
  group.spawn([&] {
    for (int i = 0; i < 20; ++i) {
      work.send(i);
      if (i % 5 == 0) thrum::this_fiber::yield();
    }
    work.close();
  });
  int sum = 0;
  for (int n = 0; n < 20;) {
    std::optional<int> got;
    if (thrum::select(thrum::recv(results, got), thrum::after(1ms)) != 0) continue;
    sum += *got;
    ++n;
  }
  group.join();
  return sum == 190 && shared == 20;
}

TEST(simulate, the_same_seed_makes_the_same_decisions) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const auto once = thrum::simulate(quiet(seed), program_of_many_parts);
    const auto again = thrum::simulate(quiet(seed), program_of_many_parts);
    ASSERT_FALSE(once.failed) << once.failure;
    EXPECT_EQ(once.trace_hash, again.trace_hash) << "seed " << seed;
    EXPECT_EQ(once.steps, again.steps);
    EXPECT_EQ(once.time, again.time);
  }
}

TEST(simulate, another_seed_makes_other_decisions) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 1; seed <= 100; ++seed)
    seen.insert(thrum::simulate(quiet(seed), program_of_many_parts).trace_hash);
  EXPECT_EQ(seen.size(), 100u);
}

TEST(simulate, three_fibers_run_in_every_order) {
  for (const auto how : {thrum::simulation_strategy::uniform, thrum::simulation_strategy::priorities}) {
    std::set<std::array<int, 3>> orders;
    const auto found = thrum::simulate({.runs = 300, .strategy = how, .quiet = true}, [&] {
      std::array<int, 3> order{};
      int next = 0;
      thrum::wait_group all;
      for (int i = 0; i < 3; ++i) all.go([&, i] { order[static_cast<std::size_t>(next++)] = i; });
      all.wait();
      orders.insert(order);
    });
    EXPECT_FALSE(found.failed) << found.failure;
    EXPECT_EQ(orders.size(), 6u);
  }
}

TEST(simulate, timers_of_one_instant_fire_in_either_order) {
  std::set<int> first;
  const auto found = thrum::simulate({.runs = 200, .quiet = true}, [&] {
    thrum::chan<int> order(2);
    for (int i = 0; i < 2; ++i)
      thrum::go([=] {
        thrum::this_fiber::sleep_for(1ms);
        order.send(i);
      });
    first.insert(*order.recv());
  });
  EXPECT_FALSE(found.failed) << found.failure;
  EXPECT_EQ(first.size(), 2u);
}

TEST(simulate, two_processes_make_the_same_decisions) {
  const std::string program = test::own_folder() + "/simulated";
  const test::child once = test::run_child({program, "hashes"});
  const test::child again = test::run_child({program, "hashes"});
  EXPECT_EQ(once.exit_code, 0) << once.summary();
  EXPECT_EQ(once.out, again.out);
  EXPECT_GT(once.out.size(), 100u);
}

TEST(simulate, a_failing_program_names_the_seed_that_replays_it) {
  const std::string program = test::own_folder() + "/simulated";
  const test::child found = test::run_child({program, "fails"});
  EXPECT_EQ(found.exit_code, 1) << found.summary();
  const std::string mark = "THRUM_SEED=";
  const std::size_t at = found.err.find(mark);
  ASSERT_NE(at, std::string::npos) << found.summary();
  const std::string seed = found.err.substr(at, found.err.find(',', at) - at);
  EXPECT_NE(found.err.find("the last decisions"), std::string::npos) << found.err;
  const test::child replay = test::run_child({"/usr/bin/env", seed, program, "fails"});
  EXPECT_EQ(replay.exit_code, 1) << replay.summary();
  EXPECT_NE(replay.err.find("the run with seed " + seed.substr(mark.size()) + " failed"), std::string::npos)
      << replay.err;
  EXPECT_EQ(replay.out.substr(replay.out.find("hash")), found.out.substr(found.out.find("hash")));
  EXPECT_NE(replay.out.find("1 runs"), std::string::npos) << replay.out;
  const test::child other = test::run_child({"/usr/bin/env", "THRUM_SEED=many", program, "fails"});
  EXPECT_NE(other.err.find("THRUM_SEED is no number"), std::string::npos) << other.summary();
}

struct meaningless {
  const char* name;
  const char* says;
};

class simulated_program : public testing::TestWithParam<meaningless> {};

TEST_P(simulated_program, panics_with_a_sentence_and_its_seed) {
  const test::child c = test::run_child({test::own_folder() + "/simulated", GetParam().name});
  EXPECT_EQ(c.signal, SIGABRT) << c.summary();
  EXPECT_NE(c.err.find(GetParam().says), std::string::npos) << c.summary();
  EXPECT_NE(c.err.find("simulation"), std::string::npos) << c.summary();
  const bool by_a_fiber = std::string(GetParam().name) != "thread";
  EXPECT_EQ(c.err.find("THRUM_SEED=17") != std::string::npos, by_a_fiber) << c.summary();
}

INSTANTIATE_TEST_SUITE_P(
    about, simulated_program,
    testing::Values(meaningless{"thread",
                                "a fiber of a simulation is started or woken up from outside of it"},
                    meaningless{"pinned", "a fiber is pinned in a simulation"},
                    meaningless{"processors", "the number of processors of a simulation is to change"},
                    meaningless{"descriptor", "a simulated program passes a descriptor through a socket"},
                    meaningless{"child", "a simulated program starts a child process"},
                    meaningless{"nested", "simulate() was called inside a fiber"}),
    [](const auto& p) { return p.param.name; });

// ---- time

TEST(simulated_time, hours_of_sleeps_are_exact_and_nobody_waits_for_them) {
  const auto found = thrum::simulate(quiet(1, 4), [] {
    const auto begin = thrum::simulation::steady_now();
    thrum::wait_group all;
    for (int i = 1; i <= 60; ++i)
      all.go([i] {
        for (int n = 0; n < 60 / i; ++n) thrum::this_fiber::sleep_for(std::chrono::minutes(i));
      });
    all.wait();
    return thrum::simulation::steady_now() - begin == 1h;
  });
  EXPECT_FALSE(found.failed) << found.failure;
  EXPECT_EQ(found.runs, 4u);
  EXPECT_EQ(found.time, 1h);
}

TEST(simulated_time, a_crowd_that_sleeps_equally_long_wakes_at_one_instant) {
  const auto found = thrum::simulate(quiet(1, 10), [] {
    const auto begin = thrum::simulation::steady_now();
    thrum::wait_group all;
    bool exact = true;
    for (int i = 0; i < 200; ++i)
      all.go([&] {
        thrum::this_fiber::sleep_for(10ms);
        exact &= thrum::simulation::steady_now() - begin == 10ms;
      });
    all.wait();
    return exact;
  });
  EXPECT_FALSE(found.failed) << found.failure;
}

TEST(simulated_time, deadlines_of_all_kinds_are_virtual) {
  const auto found = thrum::simulate(quiet(1, 20), [] {
    const auto begin = thrum::simulation::steady_now();
    thrum::chan<int> nobody_sends;
    if (thrum::select(thrum::recv(nobody_sends), thrum::after(24h)) != 1) return false;
    try {
      thrum::with_timeout(24h, [&] { static_cast<void>(nobody_sends.recv()); });
      return false;
    } catch (const thrum::timed_out&) {}
    thrum::this_fiber::sleep_until(begin + 72h);
    int ticks = 0;
    thrum::chan<int> done(1);
    thrum::timer t(24h, [&] { ++ticks, done.send(1); });
    static_cast<void>(done.recv());
    return ticks == 1 && thrum::simulation::steady_now() - begin == 96h;
  });
  EXPECT_FALSE(found.failed) << found.failure;
}

TEST(simulated_time, goes_on_while_fibers_only_yield) {
  const auto found = thrum::simulate(quiet(1, 20), [] {
    bool flag = false;
    auto sleeper = thrum::spawn([&] {
      thrum::this_fiber::sleep_for(1h);
      flag = true;
    });
    auto other = thrum::spawn([&] {
      while (!flag) thrum::this_fiber::yield();
    });
    while (!flag) thrum::this_fiber::yield();
    other.join();
    sleeper.join();
  });
  EXPECT_FALSE(found.failed) << found.failure;
}

// ---- what fails a run

TEST(simulate, an_exception_of_the_function_is_a_failure) {
  const auto found = thrum::simulate(quiet(7, 10), [] { throw std::runtime_error("the dog ate it"); });
  EXPECT_TRUE(found.failed);
  EXPECT_EQ(found.runs, 1u);
  EXPECT_EQ(found.seed, 7u);
  EXPECT_EQ(found.exit_code(), 1);
  EXPECT_NE(found.failure.find("the dog ate it"), std::string::npos) << found.failure;
}

TEST(simulate, an_exception_of_a_detached_fiber_is_a_failure_and_ends_the_run) {
  const auto found = thrum::simulate(quiet(1), [] {
    thrum::go({.name = "guilty"}, [] { throw std::runtime_error("the dog ate it"); });
    thrum::this_fiber::sleep_for(1h);
  });
  EXPECT_TRUE(found.failed);
  EXPECT_NE(found.failure.find("'guilty'"), std::string::npos) << found.failure;
  EXPECT_NE(found.failure.find("the dog ate it"), std::string::npos) << found.failure;
  EXPECT_LT(found.time, 1h);
}

// Work, and then one update that is lost now and then.
bool loses_an_update_amid_other_work() {
  static_cast<void>(program_of_many_parts());
  int counter = 0;
  thrum::wait_group all;
  for (int i = 0; i < 3; ++i)
    all.go([&] {
      const int before = counter;
      for (std::uint64_t n = thrum::simulation::random() % 50; n != 0; --n) thrum::this_fiber::yield();
      counter = before + 1;
    });
  all.wait();
  return counter == 3;
}

TEST(simulate, a_failure_with_fewer_steps_is_looked_for) {
  const auto first = thrum::simulate(quiet(1, 1'000), loses_an_update_amid_other_work);
  thrum::simulation_options how = quiet(1, 1'000);
  how.shorter = 100;
  const auto shorter = thrum::simulate(how, loses_an_update_amid_other_work);
  ASSERT_TRUE(first.failed);
  ASSERT_TRUE(shorter.failed);
  EXPECT_EQ(shorter.runs, first.runs + 100);
  EXPECT_LT(shorter.steps, first.steps);
  const auto again = thrum::simulate(quiet(shorter.seed), loses_an_update_amid_other_work);
  EXPECT_TRUE(again.failed);
  EXPECT_EQ(again.trace_hash, shorter.trace_hash);
  EXPECT_EQ(again.failure, shorter.failure);
}

TEST(simulate, what_does_not_fail_is_not_run_more_often) {
  thrum::simulation_options how = quiet(5, 10);
  how.shorter = 100;
  const auto found = thrum::simulate(how, [] {});
  EXPECT_EQ(found.runs, 10u);
  EXPECT_EQ(found.seed, 14u);
}

TEST(simulate, false_is_a_failure) {
  EXPECT_TRUE(thrum::simulate(quiet(1), [] { return false; }).failed);
  EXPECT_FALSE(thrum::simulate(quiet(1), [] { return true; }).failed);
}

TEST(simulate, a_deadlock_is_a_failure_and_what_listens_is_unwound) {
  bool unwound = false;
  const auto found = thrum::simulate(quiet(1), [&] {
    struct mark {
      bool& to;
      ~mark() { to = true; }
    } at_end{unwound};
    thrum::chan<int> nobody_sends;
    static_cast<void>(nobody_sends.recv());
  });
  EXPECT_TRUE(found.failed);
  EXPECT_TRUE(unwound);
  EXPECT_NE(found.failure.find("deadlock: the only fiber is asleep"), std::string::npos) << found.failure;
  EXPECT_NE(found.failure.find("channel"), std::string::npos) << found.failure;
  EXPECT_EQ(found.time, 0ns);
}

TEST(simulate, what_has_no_end_is_a_failure) {
  const auto found = thrum::simulate({.max_steps = 10'000, .quiet = true}, [] {
    for (;;) {
      thrum::this_fiber::check();
      thrum::this_fiber::yield();
    }
  });
  EXPECT_TRUE(found.failed);
  EXPECT_NE(found.failure.find("no end after 10000 steps"), std::string::npos) << found.failure;
}

TEST(simulate, what_does_not_even_stop_is_left_behind) {
  const auto found = thrum::simulate({.max_steps = 10'000, .quiet = true}, [] {
    for (;;) thrum::this_fiber::yield();
  });
  EXPECT_TRUE(found.failed);
  EXPECT_NE(found.failure.find("no end after 10000 steps"), std::string::npos) << found.failure;
}

TEST(simulate, fibers_are_asked_to_stop_when_the_function_returns) {
  int unwound = 0; // of the last run
  const auto found = thrum::simulate(quiet(1, 50), [&] {
    unwound = 0;
    for (int i = 0; i < 3; ++i)
      thrum::go([&] {
        try {
          thrum::this_fiber::sleep_for(1h);
        } catch (const thrum::cancelled&) {
          ++unwound;
          throw;
        }
      });
    thrum::this_fiber::sleep_for(1ms);
  });
  EXPECT_FALSE(found.failed) << found.failure;
  EXPECT_EQ(unwound, 3);
  EXPECT_LT(found.time, 1h);
}

TEST(simulate, fibers_that_do_not_stop_then_are_a_failure) {
  const auto found = thrum::simulate(quiet(1), [] {
    thrum::go([] {
      for (;;) try {
          thrum::this_fiber::sleep_for(1ms);
        } catch (const thrum::cancelled&) { thrum::this_fiber::yield(); }
    });
    thrum::this_fiber::sleep_for(1ms);
  });
  EXPECT_TRUE(found.failed);
}

// ---- the rest of the library

TEST(simulate, an_event_loop_and_coroutines_run_in_it) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto f = [] {
      thrum::event_loop loop;
      std::string order;
      loop.set_timeout(10s, [&] { order += "3"; });
      loop.set_immediate([&] { order += "2"; });
      loop.next_tick([&] { order += "1"; });
      loop.run();
      const int answer = loop.run([]() -> thrum::task<int> { co_return 42; });
      thrum::promise<int> p;
      auto later = p.get_future();
      thrum::go([p = std::move(p)]() mutable {
        thrum::this_fiber::sleep_for(1s);
        p.set_value(1);
      });
      return order == "123" && answer == 42 && later.get() == 1;
    };
    const auto once = thrum::simulate(quiet(seed), f);
    EXPECT_FALSE(once.failed) << once.failure;
    EXPECT_EQ(once.trace_hash, thrum::simulate(quiet(seed), f).trace_hash);
    seen.insert(once.trace_hash);
  }
  EXPECT_GT(seen.size(), 10u);
}

TEST(simulate, random_numbers_and_the_choice_of_a_select_come_from_the_seed) {
  const auto draw = [](std::uint64_t seed) {
    std::vector<std::uint64_t> drawn;
    const auto found = thrum::simulate(quiet(seed), [&] {
      thrum::chan<int> a(64), b(64);
      for (int i = 0; i < 64; ++i) a.send(i), b.send(i);
      for (int i = 0; i < 64; ++i) drawn.push_back(thrum::select(thrum::recv(a), thrum::recv(b)));
      drawn.push_back(thrum::simulation::random());
      return thrum::simulation::active() && thrum::simulation::seed() == seed;
    });
    EXPECT_FALSE(found.failed) << found.failure;
    return drawn;
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
  EXPECT_FALSE(thrum::simulation::active());
  EXPECT_EQ(thrum::simulation::seed(), 0u);
}

TEST(simulate, fibers_are_numbered_from_one_in_each_run) {
  const auto found = thrum::simulate(quiet(1, 3), [] {
    const std::uint64_t mine = thrum::this_fiber::id();
    const std::uint64_t next = thrum::spawn([] { return thrum::this_fiber::id(); }).join();
    return mine == 1 && next == 2;
  });
  EXPECT_FALSE(found.failed) << found.failure;
}

TEST(simulate, a_blocking_call_runs_in_place) {
  const auto found = thrum::simulate(quiet(1), [] {
    const auto here = std::this_thread::get_id();
    return thrum::blocking([] { return std::this_thread::get_id(); }) == here;
  });
  EXPECT_FALSE(found.failed) << found.failure;
  EXPECT_EQ(found.time, 0ns);
}

} // namespace
