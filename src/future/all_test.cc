// all, all_settled, any, race: JavaScript's table, for ranges and for arguments.
#include "future/test_kit.h"
#include "sync/testing.h"

#include <atomic>
#include <list>
#include <memory>
#include <ranges>
#include <thrum/future_all.h>
#include <thrum/latch.h>
#include <vector>

namespace {

using namespace thrum::testing;
using thrum::aggregate_error;
using thrum::all;
using thrum::all_settled;
using thrum::any;
using thrum::async;
using thrum::future;
using thrum::make_failed_future;
using thrum::make_ready_future;
using thrum::promise;
using thrum::race;
using thrum::shared_future;

template <class T = int> struct several {
  explicit several(std::size_t n) : promises(n) {}
  std::vector<future<T>> futures() {
    std::vector<future<T>> list;
    for (auto& p : promises) list.push_back(p.get_future());
    return list;
  }
  promise<T>& operator[](std::size_t i) { return promises[i]; }
  std::vector<promise<T>> promises;
};

TEST(all, gives_the_values_in_the_order_of_the_futures) {
  several<> p(3);
  future<std::vector<int>> f = all(p.futures());
  p[2].set_value(2);
  p[0].set_value(0);
  EXPECT_FALSE(f.ready());
  p[1].set_value(1);
  EXPECT_TRUE(f.ready());
  EXPECT_EQ(f.get(), (std::vector<int>{0, 1, 2}));
}

TEST(all, fails_at_once_with_the_first_failure_and_the_others_go_on) {
  several<> p(3);
  auto f = all(p.futures());
  p[1].set_exception(failure(error_a("first")));
  EXPECT_TRUE(f.ready());
  EXPECT_TRUE(p[0].set_value(1));
  EXPECT_TRUE(p[2].set_exception(failure("second, seen by nobody")));
  EXPECT_THROW(f.get(), error_a);
}

TEST(all, of_nothing_is_ready) {
  auto f = all(std::vector<future<int>>());
  EXPECT_TRUE(f.ready());
  EXPECT_TRUE(f.get().empty());
}

TEST(all, of_arguments_gives_a_tuple) {
  promise<int> number;
  promise<void> nothing;
  promise<std::unique_ptr<int>> unique;
  int n = 0;
  promise<int&> reference;
  auto f = all(number.get_future(), nothing.get_future(), unique.get_future(), reference.get_future());
  static_assert(std::is_same_v<
                decltype(f),
                future<std::tuple<int, std::monostate, std::unique_ptr<int>, std::reference_wrapper<int>>>>);
  reference.set_value(n);
  unique.set_value(std::make_unique<int>(2));
  nothing.set_value();
  EXPECT_FALSE(f.ready());
  number.set_value(1);
  auto [a, b, c, d] = f.get();
  EXPECT_EQ(a, 1);
  EXPECT_EQ(*c, 2);
  EXPECT_EQ(&d.get(), &n);

  promise<int> good;
  auto g = all(good.get_future(), make_failed_future<std::string>(failure(error_a("a"))));
  EXPECT_THROW(g.get(), error_a);
}

TEST(all, takes_any_range_and_leaves_shared_futures_as_they_were) {
  const std::vector<shared_future<std::string>> shared{make_ready_future(std::string("a")),
                                                       make_ready_future(std::string("b"))};
  EXPECT_EQ(all(shared).get(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(shared[0].get(), "a");
  EXPECT_EQ(std::get<0>(all(shared[1], make_ready_future(1)).get()), "b");
  EXPECT_EQ(shared[1].get(), "b");
  std::list<future<void>> list;
  list.push_back(make_ready_future());
  EXPECT_EQ(all(std::move(list)).get().size(), 1u);
  auto made = std::views::iota(0, 3) | std::views::transform([](int i) { return make_ready_future(i); }) |
              std::views::filter([](const auto&) { return true; });
  static_assert(!std::ranges::sized_range<decltype(made)>);
  EXPECT_EQ(all(std::move(made)).get().size(), 3u);
}

TEST(all, of_a_range_that_throws_leaves_nothing_behind) {
  auto held = std::make_shared<int>(1);
  auto made = std::views::iota(0, 3) | std::views::transform([&](int i) {
                if (i == 2) throw error_a("range");
                return make_ready_future(held);
              });
  EXPECT_THROW(static_cast<void>(all(std::move(made))), error_a);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(all, starts_everything_at_once_and_waits_for_all) {
  thrum::run(
      [] {
        std::vector<future<int>> parts;
        thrum::latch here(1);
        std::atomic<int> begun{0};
        for (int i = 0; i < 100; ++i)
          parts.push_back(async([&, i] {
            if (++begun == 100) here.count_down();
            here.wait();
            return i;
          }));
        const std::vector<int> values = all(std::move(parts)).get();
        for (int i = 0; i < 100; ++i) EXPECT_EQ(values[static_cast<std::size_t>(i)], i);
      },
      {.processors = 2});
}

TEST(all, of_many_that_settle_at_once_loses_none) {
  for (int round = 0; round < repetitions() / 20; ++round) {
    constexpr int n = 32;
    several<> p(n);
    auto f = all(p.futures());
    auto g = std::move(f).then_inline([](std::vector<int> v) { return v.size(); });
    in_threads(4, [&](int t) {
      for (int i = t; i < n; i += 4) p[static_cast<std::size_t>(i)].set_value(i);
    });
    EXPECT_TRUE(g.ready());
    EXPECT_EQ(g.get(), 32u);
  }
}

TEST(all_settled, gives_an_outcome_of_each_and_never_fails) {
  several<> p(3);
  auto f = all_settled(p.futures());
  p[1].set_exception(failure("failed"));
  p[0].set_value(1);
  EXPECT_FALSE(f.ready());
  p[2].set_value(3);
  const auto outcomes = f.get();
  EXPECT_EQ(outcomes[0], 1);
  EXPECT_FALSE(outcomes[1]);
  EXPECT_EQ(outcomes[2], 3);
  EXPECT_TRUE(all_settled(std::vector<future<void>>()).get().empty());

  auto [number, nothing] =
      all_settled(make_ready_future(1), make_failed_future<void>(failure("failed"))).get();
  EXPECT_EQ(number, 1);
  EXPECT_FALSE(nothing.has_value());
}

TEST(any, becomes_the_first_value) {
  several<> p(3);
  auto f = any(p.futures());
  p[0].set_exception(failure("failed"));
  EXPECT_FALSE(f.ready());
  p[2].set_value(2);
  EXPECT_TRUE(f.ready());
  p[1].set_value(1);
  EXPECT_EQ(f.get(), 2);
  EXPECT_EQ(any(make_failed_future<int>(failure("failed")), make_ready_future(1)).get(), 1);
}

TEST(any, fails_with_all_exceptions_in_the_order_of_the_futures) {
  several<> p(3);
  auto f = any(p.futures());
  for (const std::size_t i : {2u, 0u, 1u}) p[i].set_exception(failure(std::to_string(i).c_str()));
  try {
    f.get();
    FAIL() << "no exception";
  } catch (const aggregate_error& e) {
    ASSERT_EQ(e.errors().size(), 3u);
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_EQ(failure_of(make_failed_future<int>(e.errors()[i])), std::to_string(i));
  }
}

TEST(any, of_nothing_fails_with_no_exceptions) {
  auto f = any(std::vector<future<int>>());
  ASSERT_TRUE(f.ready());
  try {
    f.get();
    FAIL() << "no exception";
  } catch (const aggregate_error& e) { EXPECT_TRUE(e.errors().empty()); }
}

TEST(race, becomes_what_the_first_to_settle_becomes) {
  several<> p(2);
  auto f = race(p.futures());
  p[1].set_value(1);
  EXPECT_TRUE(f.ready());
  p[0].set_exception(failure("late"));
  EXPECT_EQ(f.get(), 1);

  several<> q(2);
  f = race(q.futures());
  q[0].set_exception(failure(error_a("first")));
  q[1].set_value(1);
  EXPECT_THROW(f.get(), error_a);
  shared_future<int> shared = make_ready_future(5);
  EXPECT_EQ(race(shared, make_ready_future(6)).get(), 5);
}

TEST(race, of_nothing_never_settles_and_nothing_is_left_behind) {
  auto held = std::make_shared<int>(1);
  {
    auto f = race(std::vector<future<int>>());
    EXPECT_FALSE(f.wait_for(1ms));
    auto g = std::move(f).then([held](int n) { return n; }).rescue([held](std::exception_ptr) { return 1; });
    EXPECT_FALSE(g.ready());
    promise<int> p;
    auto h = p.get_future().then_inline([held](int n) { return n; });
    std::vector<future<int>> both;
    both.push_back(std::move(g));
    both.push_back(std::move(h));
    auto every = all(std::move(both)).then_inline([held](const std::vector<int>&) {});
    p.set_value(1);
    EXPECT_FALSE(every.ready());
    promise<int> q;
    auto adopted = q.get_future().then_inline([held](int) {});
    q.resolve(race(std::vector<future<int>>()));
    EXPECT_FALSE(adopted.ready());
    auto later =
        make_ready_future().then_inline([held] { return race(std::vector<future<int>>()); }).finally([held] {
        });
    EXPECT_FALSE(later.ready());
  }
  EXPECT_EQ(held.use_count(), 1);
  // One that never settles does not hide a failure, nor a value.
  EXPECT_THROW(all(race(std::vector<future<int>>()), make_failed_future<int>(failure(error_a("a")))).get(),
               error_a);
  EXPECT_EQ(any(race(std::vector<future<int>>()), make_ready_future(1)).get(), 1);
}

TEST(combinations, ask_those_to_stop_whom_nobody_else_waits_for) {
  promise<int> own, others;
  shared_future<int> shared = others.get_future();
  auto f = race(own.get_future(), shared);
  f.request_stop();
  EXPECT_TRUE(own.stop_requested());
  EXPECT_FALSE(others.stop_requested());
  own.set_value(1);
  EXPECT_EQ(f.get(), 1);
  others.set_value(2);
}

TEST(combinations, losers_that_fail_are_not_told_as_unobserved) {
  int told = 0;
  thrum::run(
      [] {
        several<> p(2);
        auto f = race(p.futures());
        p[0].set_value(1);
        p[1].set_exception(failure("loser"));
        EXPECT_EQ(f.get(), 1);
      },
      {.processors = 1, .on_unhandled = [&](std::exception_ptr) { ++told; }});
  EXPECT_EQ(told, 0);
}

TEST(combinations, of_combinations) {
  thrum::run([] {
    std::vector<future<std::vector<int>>> outer;
    for (int i = 0; i < 3; ++i) {
      std::vector<future<int>> inner;
      for (int k = 0; k < 3; ++k) inner.push_back(async([i, k] { return i * k; }));
      outer.push_back(all(std::move(inner)));
    }
    int sum = 0;
    for (const auto& row : all(std::move(outer)).get())
      for (const int n : row) sum += n;
    EXPECT_EQ(sum, 9);
  });
}

} // namespace
