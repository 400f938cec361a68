// Continuations: what each kind gets and gives, where it runs, and in which order.
#include "future/test_kit.h"
#include "sync/testing.h"

#include <memory>
#include <thrum/scoped.h>
#include <vector>

namespace {

using namespace thrum::testing;
using thrum::async;
using thrum::future;
using thrum::make_failed_future;
using thrum::make_ready_future;
using thrum::promise;
using thrum::shared_future;

future<int> failed_with_a() { return make_failed_future<int>(failure(error_a("a"))); }

TEST(then, gets_the_value_and_gives_another) {
  thrum::run([] {
    EXPECT_EQ(make_ready_future(1).then([](int n) { return n + 1; }).get(), 2);
    EXPECT_EQ(make_ready_future().then([] { return std::string("text"); }).get(), "text");
    make_ready_future(1).then([](int) {}).get();
    EXPECT_EQ(
        *make_ready_future(std::make_unique<int>(3)).then([](std::unique_ptr<int> p) { return p; }).get(), 3);
    int n = 0;
    promise<int&> p;
    p.set_value(n);
    EXPECT_EQ(&p.get_future().then([](int& r) -> int& { return r; }).get(), &n);
  });
}

TEST(then, may_be_given_what_can_only_be_moved_and_what_is_invoked_otherwise) {
  struct point {
    int x = 7;
    int twice() const { return 2 * x; }
  };
  thrum::run([] {
    auto held = std::make_unique<int>(1);
    EXPECT_EQ(make_ready_future(1).then([held = std::move(held)](int n) { return n + *held; }).get(), 2);
    EXPECT_EQ(make_ready_future(point()).then(&point::twice).get(), 14);
    EXPECT_EQ(make_ready_future(point()).then(&point::x).get(), 7);
  });
}

TEST(then, is_passed_by_a_failure) {
  thrum::run([] {
    bool called = false;
    EXPECT_THROW(failed_with_a().then([&](int) { called = true; }).get(), error_a);
    EXPECT_FALSE(called);
    const std::exception_ptr thrown = failure(error_a("the one"));
    try {
      make_failed_future<int>(thrown).then([](int n) { return n; }).then([](int) {}).get();
    } catch (...) { EXPECT_EQ(std::current_exception(), thrown); }
  });
}

TEST(then, fails_with_what_the_function_throws) {
  thrum::run([] {
    EXPECT_THROW(make_ready_future(1).then([](int) -> int { throw error_a("thrown"); }).get(), error_a);
  });
}

TEST(then, flattens_the_future_that_the_function_returns) {
  thrum::run([] {
    promise<std::string> inner;
    auto f = make_ready_future(1).then([&](int) { return inner.get_future(); });
    static_assert(std::is_same_v<decltype(f), future<std::string>>);
    inner.set_value("inside");
    EXPECT_EQ(f.get(), "inside");

    shared_future<int> shared = make_ready_future(5);
    EXPECT_EQ(make_ready_future().then([&] { return shared; }).get(), 5);
    EXPECT_EQ(shared.get(), 5);
    EXPECT_THROW(make_ready_future().then([] { return failed_with_a(); }).get(), error_a);
  });
}

TEST(then, runs_later_and_never_inside_then_or_set_value) {
  hand_driven later;
  bool called = false;
  promise<int> p;
  auto f = p.get_future().then(later, [&](int) { called = true; });
  p.set_value(1);
  EXPECT_FALSE(called);
  EXPECT_FALSE(f.ready());
  EXPECT_EQ(later.run(), 1);
  EXPECT_TRUE(called);
  f.get();

  called = false;
  auto g = make_ready_future(1).then(later, [&](int) { called = true; });
  EXPECT_FALSE(called);
  later.run();
  EXPECT_TRUE(called);
  g.get();
}

TEST(then, of_one_future_run_in_the_order_of_the_calls) {
  hand_driven later;
  std::vector<int> order;
  promise<int> p;
  shared_future<int> f = p.get_future();
  std::vector<future<void>> all;
  for (int i = 0; i < 10; ++i) {
    if (i == 5) p.set_value(1);
    all.push_back(f.then(later, [&order, i](const int&) { order.push_back(i); }));
  }
  later.run();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST(then, called_while_the_others_are_told_is_told_after_them) {
  hand_driven later;
  std::vector<int> order;
  promise<int> p;
  shared_future<int> f = p.get_future();
  std::vector<future<void>> all;
  all.push_back(f.then_inline([&](const int&) {
    order.push_back(0);
    all.push_back(f.then_inline([&](const int&) { order.push_back(2); }));
    EXPECT_EQ(order.size(), 1u);
  }));
  all.reserve(3);
  all.push_back(f.then_inline([&](const int&) { order.push_back(1); }));
  p.set_value(1);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

TEST(then, uses_the_executor_of_its_caller_unless_it_is_told_another) {
  thrum::runtime one({.processors = 1, .name = "one"});
  thrum::runtime other({.processors = 1, .name = "other"});
  one.run([&] {
    const auto here = [](auto&&...) { return &thrum::runtime::current(); };
    EXPECT_EQ(async(other, here).get(), &other);
    EXPECT_EQ(async(other, [] {}).then(here).get(), &one);
    EXPECT_EQ(make_ready_future(1).then(other, here).get(), &other);
    EXPECT_EQ(make_ready_future(1).settle(other, here).get(), &other);
  });
}

TEST(then, fails_with_what_the_executor_refuses_with) {
  refusing where;
  auto held = std::make_shared<int>(1);
  EXPECT_EQ(failure_of(make_ready_future(1).then(where, [held](int) {})), "refused");
  EXPECT_EQ(held.use_count(), 1);
  promise<int> p;
  auto f = p.get_future().then(where, [held](int) {}).then_inline([] {});
  p.set_value(1);
  EXPECT_EQ(failure_of(std::move(f)), "refused");
  EXPECT_EQ(held.use_count(), 1);
}

TEST(then, fails_with_the_reason_for_which_the_executor_drops_it) {
  hand_driven where;
  auto held = std::make_shared<int>(1);
  auto f = make_ready_future(1).then(where, [held](int) {}).then_inline([] {});
  auto g = async(where, [held] { return 1; });
  where.drop(failure(error_a("dropped")));
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_THROW(f.get(), error_a);
  EXPECT_THROW(g.get(), error_a);
  f = make_failed_future<void>(failure("seen by nobody")).then(where, [held] {});
  where.drop(nullptr);
  EXPECT_THROW(f.get(), thrum::rejected);
}

TEST(then, sees_the_scoped_values_of_its_caller) {
  static thrum::scoped<int> level;
  thrum::run([] {
    promise<int> p;
    future<int> f, g;
    {
      const thrum::scoped<int>::binding bound(level, 1);
      f = p.get_future().then([](int) { return level.get_or(0); });
      g = make_ready_future(1).then([](int) { return level.get_or(0); });
    }
    {
      const thrum::scoped<int>::binding bound(level, 2);
      p.set_value(1);
    }
    EXPECT_EQ(f.get(), 1);
    EXPECT_EQ(g.get(), 1);
    promise<int> q;
    f = q.get_future().then([](int) { return level.get_or(0); });
    const thrum::scoped<int>::binding bound(level, 2);
    q.set_value(1);
    EXPECT_EQ(f.get(), 0);
  });
}

TEST(then, may_wait_for_other_futures) {
  thrum::run([] {
    promise<int> p;
    auto f = make_ready_future(1).then([f = p.get_future()](int n) mutable { return n + f.get(); });
    p.set_value(2);
    EXPECT_EQ(f.get(), 3);
  });
}

TEST(then, what_it_holds_is_gone_when_its_result_is_seen) {
  thrum::run([] {
    auto held = std::make_shared<int>(1);
    make_ready_future(1).then([held](int) {}).get();
    EXPECT_EQ(held.use_count(), 1);
    failed_with_a().then([held](int) {}).rescue([](std::exception_ptr) {}).get();
    EXPECT_EQ(held.use_count(), 1);
  });
}

TEST(then_inline, runs_in_who_settles_or_at_once) {
  int called = 0;
  promise<int> p;
  auto f = p.get_future().then_inline([&](int n) { return called = n; });
  EXPECT_EQ(called, 0);
  p.set_value(1);
  EXPECT_EQ(called, 1);
  EXPECT_EQ(f.get(), 1);
  EXPECT_EQ(make_ready_future(2).then_inline([&](int n) { return called = n; }).get(), 2);
  EXPECT_EQ(make_ready_future(2).then_inline([](int n) { return make_ready_future(n + 1); }).get(), 3);
}

TEST(then_inline, chains_need_no_deep_stack) {
  constexpr int links = 100'000;
  promise<int> p;
  future<int> f = p.get_future();
  for (int i = 0; i < links; ++i) {
    if (i % 2 == 0)
      f = std::move(f).then_inline([](int n) { return n + 1; });
    else
      f = std::move(f).then_inline([](int n) { return make_ready_future(n + 1); });
  }
  p.set_value(0);
  EXPECT_EQ(f.get(), links);
}

TEST(then, chains_need_no_deep_stack) {
  thrum::run([] {
    constexpr int links = 20'000;
    promise<int> p;
    future<int> f = p.get_future();
    for (int i = 0; i < links; ++i) f = std::move(f).then([](int n) { return n + 1; });
    p.set_value(0);
    EXPECT_EQ(f.get(), links);
    // Nobody settles it, but a stop request goes all the way.
    promise<int> q;
    f = q.get_future();
    for (int i = 0; i < links; ++i) f = std::move(f).then([](int n) { return n + 1; });
    f.request_stop();
    EXPECT_TRUE(q.stop_requested());
    q.set_value(0);
    EXPECT_EQ(f.get(), links);
  });
}

TEST(rescue, makes_a_value_of_a_failure_and_is_passed_by_a_value) {
  thrum::run([] {
    EXPECT_EQ(failed_with_a().rescue([](std::exception_ptr) { return 1; }).get(), 1);
    EXPECT_EQ(make_ready_future(2).rescue([](std::exception_ptr) { return 1; }).get(), 2);
    EXPECT_EQ(failed_with_a().rescue([](std::exception_ptr) { return make_ready_future(3); }).get(), 3);
    EXPECT_EQ(*make_ready_future(std::make_unique<int>(4))
                   .rescue([](std::exception_ptr) { return std::unique_ptr<int>(); })
                   .get(),
              4);
    EXPECT_THROW(failed_with_a().rescue([](std::exception_ptr e) -> int { std::rethrow_exception(e); }).get(),
                 error_a);
  });
}

TEST(rescue, of_one_type_lets_others_pass) {
  thrum::run([] {
    EXPECT_EQ(
        failed_with_a().rescue<error_a>([](const error_a& e) { return e.what()[0] == 'a' ? 1 : 0; }).get(),
        1);
    EXPECT_EQ(failed_with_a().rescue<std::exception>([](const std::exception&) { return 2; }).get(), 2);
    EXPECT_THROW(failed_with_a().rescue<std::logic_error>([](const std::logic_error&) { return 3; }).get(),
                 error_a);
    EXPECT_EQ(make_ready_future(4).rescue<error_a>([](const error_a&) { return 3; }).get(), 4);
  });
}

TEST(finally, lets_pass_what_there_was_unless_it_throws) {
  thrum::run([] {
    int called = 0;
    EXPECT_EQ(make_ready_future(1).finally([&] { ++called; }).get(), 1);
    EXPECT_THROW(failed_with_a().finally([&] { ++called; }).get(), error_a);
    EXPECT_EQ(called, 2);
    EXPECT_THROW(make_ready_future(1).finally([] { throw std::logic_error("after"); }).get(),
                 std::logic_error);
    EXPECT_THROW(failed_with_a().finally([] { throw std::logic_error("after"); }).get(), std::logic_error);
  });
}

TEST(finally, waits_for_the_future_that_it_returns) {
  thrum::run([] {
    promise<void> closed;
    auto f = make_ready_future(std::make_unique<int>(1)).finally([&] { return closed.get_future(); });
    EXPECT_FALSE(f.wait_for(0s));
    closed.set_value();
    EXPECT_EQ(*f.get(), 1);
    EXPECT_THROW(make_ready_future(1).finally([] { return failed_with_a(); }).get(), error_a);
    shared_future<int> shared = make_ready_future(2);
    EXPECT_EQ(shared.finally([] { return make_ready_future(1); }).get(), 2);
    EXPECT_THROW(failed_with_a().finally([] { return make_ready_future(); }).get(), error_a);
  });
}

TEST(settle, gets_the_value_or_the_exception) {
  const auto describe = [](thrum::outcome<int> o) -> std::string {
    if (o) return std::to_string(*o);
    return failure_of(make_failed_future<int>(o.error()));
  };
  thrum::run([&] {
    EXPECT_EQ(make_ready_future(1).settle(describe).get(), "1");
    EXPECT_EQ(failed_with_a().settle(describe).get(), "a");
    EXPECT_TRUE(make_ready_future().settle([](thrum::outcome<void> o) { return o.has_value(); }).get());
    int n = 0;
    promise<int&> p;
    p.set_value(n);
    EXPECT_EQ(p.get_future().settle([](thrum::outcome<int&> o) { return &o->get(); }).get(), &n);
  });
}

TEST(shared_futures, stay_usable_and_keep_their_value) {
  thrum::run([] {
    shared_future<std::string> f = make_ready_future(std::string("kept"));
    const std::string* at = &f.get();
    EXPECT_EQ(f.then([](const std::string& s) { return &s; }).get(), at);
    EXPECT_EQ(f.rescue([](std::exception_ptr) { return std::string(); }).get(), "kept");
    EXPECT_EQ(f.finally([] {}).get(), "kept");
    EXPECT_EQ(f.settle([](thrum::outcome<std::string> o) { return *o; }).get(), "kept");
    EXPECT_EQ(f.rescue<error_a>([](const error_a&) { return std::string(); }).get(), "kept");
    EXPECT_EQ(f.get(), "kept");
  });
}

TEST(continuations, race_with_settlement_and_none_is_lost) {
  for (int round = 0; round < repetitions() / 10; ++round) {
    promise<int> p;
    shared_future<int> f = p.get_future();
    std::atomic<int> told{0};
    in_threads(3, [&](int i) {
      if (i == 0) {
        p.set_value(1);
      } else {
        for (int k = 0; k < 10; ++k) {
          auto done = f.then_inline([&](const int& n) { told += n; });
          if (i == 2) done.get();
        }
      }
    });
    f.then_inline([&](const int& n) { told += n; }).get();
    EXPECT_EQ(told, 21);
  }
}

TEST(continuations, of_fibers_on_several_processors_all_arrive) {
  thrum::run(
      [] {
        in_fibers(8, [](int i) {
          dice die(static_cast<std::uint64_t>(i));
          for (int k = 0; k < 200; ++k) {
            promise<int> p;
            future<int> f = p.get_future();
            auto giver = thrum::spawn([&p, roll = die.roll(3)] {
              if (roll == 0) thrum::this_fiber::yield();
              p.set_value(1);
            });
            die.jitter();
            auto g = std::move(f).then([](int n) { return async([n] { return n + 1; }); }).finally([] {});
            if (die.roll(2) == 0) { EXPECT_EQ(g.get(), 2); }
            giver.join();
          }
        });
      },
      {.processors = 4});
}

} // namespace
