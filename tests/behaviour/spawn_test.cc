// go and spawn: arguments in, results and exceptions out, and the life of a handle.
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/thrum.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::times;
using test::until;
using thrum::chan;
using thrum::fiber;
using thrum::spawn;

class spawning : public test::on_processors {};

int twice(int v) { return 2 * v; }
struct account {
  int balance = 5;
  int add(int v) { return balance += v; }
};

} // namespace

TEST_P(spawning, join_returns_what_the_fiber_returns) {
  run([] {
    EXPECT_EQ(spawn([] { return 42; }).join(), 42);
    EXPECT_EQ(spawn([] { return std::string(1000, 'y'); }).join(), std::string(1000, 'y'));
    EXPECT_EQ(*spawn([] { return std::make_unique<int>(7); }).join(), 7);
    EXPECT_EQ((spawn([] { return std::array<int, 500>{1, 2, 3}; }).join()[2]), 3);
    static_assert(std::is_same_v<decltype(spawn([] {}).join()), void>);
    spawn([] {}).join();

    int variable = 1;
    int& same = spawn([&]() -> int& { return variable; }).join();
    EXPECT_EQ(&same, &variable);
    const int& same_const = spawn([&]() -> const int& { return variable; }).join();
    EXPECT_EQ(&same_const, &variable);
    auto moved = std::make_unique<int>(9);
    auto&& out = spawn([&]() -> std::unique_ptr<int>&& { return std::move(moved); }).join();
    EXPECT_EQ(&out, &moved);
  });
}

TEST_P(spawning, whatever_can_be_called_can_be_spawned) {
  run([] {
    EXPECT_EQ(spawn(twice, 4).join(), 8);
    EXPECT_EQ(spawn(&twice, 4).join(), 8);
    account a;
    EXPECT_EQ(spawn(&account::add, &a, 3).join(), 8);
    EXPECT_EQ(spawn(&account::add, std::ref(a), 3).join(), 11);
    EXPECT_EQ(spawn(&account::add, a, 100).join(), 111) << "a copy";
    EXPECT_EQ(a.balance, 11);
    EXPECT_EQ(spawn(std::function<int(int)>(twice), 5).join(), 10);
    EXPECT_EQ(spawn(std::plus<>(), 1, 2).join(), 3);
    EXPECT_EQ(spawn([](int x, int y, int z) { return x * 100 + y * 10 + z; }, 1, 2, 3).join(), 123);
    EXPECT_EQ(
        spawn([](int x, int y, int z, int u) { return x * 1000 + y * 100 + z * 10 + u; }, 1, 2, 3, 4).join(),
        1234);
    const auto constant = [] { return 5; };
    EXPECT_EQ(spawn(constant).join(), 5);
    auto only_moved = [p = std::make_unique<int>(6)] { return *p; };
    EXPECT_EQ(spawn(std::move(only_moved)).join(), 6);
    auto called_as_an_rvalue = [] {
      struct once {
        int operator()() && { return 1; }
        int operator()() & = delete;
      };
      return once();
    };
    EXPECT_EQ(spawn(called_as_an_rvalue()).join(), 1);
    EXPECT_EQ(spawn([](std::unique_ptr<int> p) { return *p; }, std::make_unique<int>(8)).join(), 8);
    EXPECT_EQ(spawn([](const char* text) { return std::string(text); }, "literal").join(), "literal");
  });
}

TEST_P(spawning, go_takes_any_number_of_arguments) {
  run([] {
    const chan<int> sum(10);
    thrum::go([=] { sum.send(1); });
    thrum::go([=](int a) { sum.send(a); }, 1);
    thrum::go([=](int a, int b) { sum.send(a + b); }, 1, 1);
    thrum::go([=](int a, int b, int c) { sum.send(a + b + c); }, 1, 1, 1);
    thrum::go([=](int a, int b, int c, int d) { sum.send(a + b + c + d); }, 1, 1, 1, 1);
    thrum::go([=](int a, int b, int c, int d, int e) { sum.send(a + b + c + d + e); }, 1, 1, 1, 1, 1);
    thrum::go([=](auto... all) { sum.send((all + ...)); }, 1, 1, 1, 1, 1, 1, 1, 1, 1);
    thrum::go({.name = "named"}, [=] {
      EXPECT_STREQ(thrum::this_fiber::name(), "named");
      sum.send(1);
    });
    int total = 0;
    for (int i = 0; i < 8; ++i) total += sum.recv().value();
    EXPECT_EQ(total, 1 + 1 + 2 + 3 + 4 + 5 + 9 + 1);
  });
}

namespace {

struct counted {
  static inline std::atomic<int> alive{0};
  static inline std::atomic<int> copies{0};
  counted() { ++alive; }
  counted(const counted&) {
    ++alive;
    ++copies;
  }
  counted(counted&&) noexcept { ++alive; }
  ~counted() { --alive; }
};

} // namespace

TEST_P(spawning, arguments_are_copied_once_and_moved_from_then_on) {
  run([] {
    counted::copies = 0;
    const counted original;
    spawn([](const counted&) {}, original).join();
    EXPECT_EQ(counted::copies, 1);
    spawn([](counted) {}, counted()).join();
    EXPECT_EQ(counted::copies, 1);
    spawn([kept = counted()] {}).join();
    EXPECT_EQ(counted::copies, 1);
  });
  EXPECT_EQ(counted::alive, 0);
}

TEST_P(spawning, what_a_fiber_captured_is_gone_when_join_returns) {
  run([] {
    for (std::size_t i = 0; i < times(2000); ++i) {
      auto shared = std::make_shared<int>(1);
      auto f = spawn([shared] {
        if (*shared == 0) throw 1;
      });
      f.join();
      EXPECT_EQ(shared.use_count(), 1);
      auto failing = spawn([shared] { throw std::runtime_error("x"); });
      EXPECT_THROW(failing.join(), std::runtime_error);
      EXPECT_EQ(shared.use_count(), 1);
      shared.reset();
    }
  });
}

TEST_P(spawning, the_result_is_destroyed_once_whether_or_not_it_is_taken) {
  run([] {
    static_cast<void>(spawn([] { return counted(); }).join());
    EXPECT_EQ(counted::alive, 0);
    {
      auto dropped = spawn([] { return counted(); });
      until([&] { return dropped.ended(); });
      EXPECT_EQ(counted::alive, 1);
    }
    EXPECT_EQ(counted::alive, 0);
    {
      auto still_running = spawn([] { return counted(); });
    }
    EXPECT_EQ(counted::alive, 0);
    auto given_up = spawn([] { return counted(); });
    until([&] { return given_up.ended(); });
    given_up.detach();
    EXPECT_EQ(counted::alive, 0);
  });
  EXPECT_EQ(counted::alive, 0);
}

TEST_P(spawning, join_rethrows_what_the_fiber_threw) {
  run([] {
    EXPECT_THROW(spawn([] { throw 5; }).join(), int);
    try {
      spawn([]() -> std::string { throw std::runtime_error("the reason"); }).join();
      ADD_FAILURE();
    } catch (const std::runtime_error& e) { EXPECT_STREQ(e.what(), "the reason"); }
    auto f = spawn([]() -> int& { throw std::make_unique<int>(5); });
    EXPECT_THROW(f.join(), std::unique_ptr<int>);
    EXPECT_FALSE(f.joinable());
    EXPECT_THROW(spawn([] { spawn([] { spawn([] { throw 'c'; }).join(); }).join(); }).join(), char);
  });
  EXPECT_THROW(run([] { throw 7L; }), long);
}

TEST_P(spawning, join_outcome_has_what_the_fiber_returned_or_threw_as_a_value) {
  run([] {
    EXPECT_EQ(spawn([] { return 5; }).join_outcome(), 5);
    EXPECT_TRUE(spawn([] {}).join_outcome().has_value());
    EXPECT_EQ(**spawn([] { return std::make_unique<int>(6); }).join_outcome(), 6);
    int referred = 7;
    EXPECT_EQ(&spawn([&]() -> int& { return referred; }).join_outcome()->get(), &referred);
    const std::exception_ptr thrown = std::make_exception_ptr(std::runtime_error("the reason"));
    auto f = spawn([=]() -> std::string { std::rethrow_exception(thrown); });
    const thrum::outcome<std::string> failed = f.join_outcome();
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error(), thrown); // that very one
    EXPECT_FALSE(f.joinable());
    auto stopped = spawn([] { thrum::this_fiber::sleep_for(24h); });
    stopped.request_stop();
    EXPECT_THROW(std::rethrow_exception(stopped.join_outcome().error()), thrum::cancelled);
  });
}

// The caller's own stop request is thrown, as by every wait, and takes nothing from the handle.
TEST_P(spawning, join_outcome_of_a_caller_that_is_asked_to_stop_throws_cancelled) {
  run([] {
    auto outer = spawn([] {
      while (!thrum::this_fiber::stop_requested()) thrum::this_fiber::yield();
      auto waits = spawn([] { thrum::this_fiber::sleep_for(24h); });
      EXPECT_THROW(static_cast<void>(waits.join_outcome()), thrum::cancelled);
      EXPECT_TRUE(waits.joinable());
    });
    outer.request_stop();
    outer.join();
  });
}

// What a fiber's callable throws when it is moved in is the caller's, and nothing was started.
TEST_P(spawning, a_throwing_copy_reaches_the_caller) {
  struct fragile {
    fragile() = default;
    fragile(const fragile&) { throw std::runtime_error("copied"); }
    fragile(fragile&&) = default;
  };
  run([] {
    const fragile f;
    EXPECT_THROW(thrum::go([](const fragile&) { ADD_FAILURE(); }, f), std::runtime_error);
    EXPECT_THROW(static_cast<void>(spawn([](const fragile&) { ADD_FAILURE(); }, f)), std::runtime_error);
    const auto holding = [f = fragile()] { ADD_FAILURE(); };
    EXPECT_THROW(thrum::go(holding), std::runtime_error);
    EXPECT_THROW(static_cast<void>(spawn(holding)), std::runtime_error);
  });
}

// A callable whose move may throw stays where it was made.
TEST_P(spawning, a_callable_that_is_hard_to_move_is_called_in_place) {
  struct heavy {
    std::string name = "heavy";
    heavy() = default;
    heavy(const heavy& other) : name(other.name) {} // and so moves by copying, which may throw
  };
  run([] {
    const chan<std::string> out;
    thrum::go([out, h = heavy()] { out.send(h.name); });
    EXPECT_EQ(out.recv(), "heavy");
  });
}

TEST_P(spawning, callables_of_every_size_and_alignment_arrive_whole) {
  run([] {
    const auto check = [](auto size) {
      std::array<unsigned char, decltype(size)::value> data;
      for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<unsigned char>(i * 7);
      const auto is_whole = [data] {
        for (std::size_t i = 0; i < data.size(); ++i)
          if (data[i] != static_cast<unsigned char>(i * 7)) return false;
        return true;
      };
      EXPECT_TRUE(spawn(is_whole).join());
      const chan<bool> out;
      thrum::go([=] { out.send(is_whole()); });
      EXPECT_EQ(out.recv(), true);
    };
    check(std::integral_constant<std::size_t, 1>());
    check(std::integral_constant<std::size_t, 40>());
    check(std::integral_constant<std::size_t, 100>());
    check(std::integral_constant<std::size_t, 250>());
    check(std::integral_constant<std::size_t, 300>());
    check(std::integral_constant<std::size_t, 5000>());
    struct alignas(64) line {
      int v = 3;
    };
    EXPECT_EQ(spawn([l = line()] {
                return reinterpret_cast<std::uintptr_t>(&l) % 64 + static_cast<unsigned>(l.v);
              }).join(),
              3u);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&spawn([]() -> line& {
                                                  static line l;
                                                  return l;
                                                }).join()) %
                  64,
              0u);
    EXPECT_EQ(spawn([] { return line(); }).join().v, 3);
  });
}

TEST_P(spawning, spawn_takes_any_number_of_arguments) {
  run([] {
    EXPECT_EQ(spawn([](int a, int b, int c, int d) { return a + b + c + d; }, 1, 2, 3, 4).join(), 10);
    EXPECT_EQ(
        spawn([](int a, int b, int c, int d, int e) { return a + b + c + d + e; }, 1, 2, 3, 4, 5).join(), 15);
    EXPECT_EQ(spawn([](auto... all) { return (all + ...); }, 1, 2, 3, 4, 5, 6, 7, 8, 9).join(), 45);
    auto moved = [](std::unique_ptr<int> p, int, int, int, int) { return *p; };
    EXPECT_EQ(spawn(moved, std::make_unique<int>(8), 1, 1, 1, 1).join(), 8);
  });
}

TEST_P(spawning, a_handle_says_whether_its_fiber_has_ended) {
  run([] {
    fiber<int> none;
    EXPECT_FALSE(none.joinable());
    EXPECT_TRUE(none.ended());
    EXPECT_FALSE(none.request_stop());
    const chan<int> hold;
    auto f = spawn([=] { return hold.recv().value(); });
    EXPECT_TRUE(f.joinable());
    EXPECT_FALSE(f.ended());
    EXPECT_FALSE(f.wait_for(0s));
    EXPECT_FALSE(f.wait_for(200us));
    EXPECT_FALSE(f.wait_until(std::chrono::steady_clock::now() - 1s));
    hold.send(3);
    EXPECT_TRUE(f.wait_for(1h));
    EXPECT_TRUE(f.wait_for(0s));
    EXPECT_TRUE(f.ended());
    EXPECT_FALSE(f.request_stop()) << "too late";
    fiber<int> moved = std::move(f);
    EXPECT_FALSE(f.joinable()); // NOLINT
    EXPECT_EQ(moved.join(), 3);
    EXPECT_FALSE(moved.joinable());
  });
}

TEST_P(spawning, assigning_to_a_handle_stops_and_joins_what_it_held) {
  run([] {
    std::atomic<bool> ended{false};
    auto f = spawn([&] {
      struct note {
        std::atomic<bool>& flag;
        ~note() { flag = true; }
      } at_end{ended};
      static_cast<void>(chan<int>().recv());
    });
    f = spawn([] {});
    EXPECT_TRUE(ended);
    f.join();
  });
}

TEST_P(spawning, a_detached_fiber_runs_on) {
  run([] {
    const chan<int> in;
    const chan<int> out;
    {
      auto f = spawn([=] { out.send(in.recv().value() + 1); });
      f.detach();
      EXPECT_FALSE(f.joinable());
    }
    in.send(1);
    EXPECT_EQ(out.recv(), 2);
  });
}

TEST_P(spawning, fibers_may_be_joined_by_others_and_in_any_order) {
  run([] {
    std::vector<fiber<int>> all;
    for (int i = 0; i < 100; ++i) all.push_back(spawn([i] { return i; }));
    auto joining = spawn([other = std::move(all[50])]() mutable { return other.join(); });
    for (int i = 99; i >= 0; --i)
      if (i != 50) { EXPECT_EQ(all[static_cast<std::size_t>(i)].join(), i); }
    EXPECT_EQ(joining.join(), 50);
  });
}

TEST_P(spawning, plain_threads_spawn_join_and_are_joined_with) {
  thrum::runtime r(options());
  std::vector<std::thread> threads;
  std::atomic<int> sum{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < times(500); ++i) {
        auto f = r.spawn([t] { return t; });
        if (i % 2 == 0) thrum::this_fiber::yield();
        EXPECT_EQ(f.join(), t);
        r.go([&] { ++sum; });
      }
    });
  for (auto& t : threads) t.join();
  until([&] { return sum == static_cast<int>(4 * times(500)); });
}

TEST_P(spawning, a_handle_may_outlive_its_runtime) {
  fiber<std::string> kept;
  fiber<std::string> failed;
  {
    thrum::runtime r(options());
    kept = r.spawn([] { return std::string("result"); });
    failed = r.spawn([]() -> std::string { throw 5; });
  }
  EXPECT_TRUE(kept.ended());
  EXPECT_FALSE(kept.request_stop());
  EXPECT_TRUE(kept.wait_for(0s));
  EXPECT_EQ(kept.join(), "result");
  EXPECT_THROW(failed.join(), int);
}

TEST_P(spawning, numbers_and_names_belong_to_the_fiber) {
  EXPECT_EQ(thrum::this_fiber::id(), 0u);
  EXPECT_EQ(thrum::this_fiber::name(), nullptr);
  run([] {
    EXPECT_STREQ(thrum::this_fiber::name(), "main");
    const std::uint64_t mine = thrum::this_fiber::id();
    EXPECT_NE(mine, 0u);
    std::vector<fiber<std::uint64_t>> all;
    for (int i = 0; i < 3000; ++i)
      all.push_back(spawn([] {
        const std::uint64_t before = thrum::this_fiber::id();
        thrum::this_fiber::yield();
        EXPECT_EQ(thrum::this_fiber::id(), before);
        return before;
      }));
    std::vector<std::uint64_t> seen{mine};
    for (auto& f : all) seen.push_back(f.join());
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end());
    spawn({.name = "other"}, [] { EXPECT_STREQ(thrum::this_fiber::name(), "other"); }).join();
    spawn([] { EXPECT_EQ(thrum::this_fiber::name(), nullptr); }).join();
    EXPECT_EQ(thrum::this_fiber::id(), mine);
  });
}

TEST_P(spawning, numbers_differ_between_runtimes) {
  thrum::runtime one(options());
  thrum::runtime two(options());
  EXPECT_NE(one.run([] { return thrum::this_fiber::id(); }), two.run([] { return thrum::this_fiber::id(); }));
}

// fib by spawning: depth first, so few stacks are alive at a time.
TEST_P(spawning, a_tree_of_fibers_computes_its_sum) {
  struct tree {
    static int leaves(int depth) {
      if (depth == 0) return 1;
      auto left = spawn([=] { return leaves(depth - 1); });
      const int right = leaves(depth - 1);
      return left.join() + right;
    }
  };
  const int depth = test::tsan ? 8 : test::asan ? 10 : 13;
  EXPECT_EQ(run([=] { return tree::leaves(depth); }), 1 << depth);
}

THRUM_ON_PROCESSORS(spawning);
