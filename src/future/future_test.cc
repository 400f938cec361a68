// Promises and futures: what settles one, who learns it, and what is left behind.
#include "future/test_kit.h"
#include "sync/testing.h"

#include <array>
#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <thrum/future_all.h>
#include <thrum/scoped.h>
#include <thrum/select.h>
#include <vector>

namespace {

using namespace thrum::testing;
using thrum::async;
using thrum::future;
using thrum::promise;
using thrum::shared_future;

TEST(promises, settle_once_and_the_first_settlement_counts) {
  promise<int> p;
  future<int> f = p.get_future();
  EXPECT_FALSE(f.ready());
  EXPECT_TRUE(p.set_value(1));
  EXPECT_TRUE(f.ready());
  EXPECT_FALSE(p.set_value(2));
  EXPECT_FALSE(p.set_exception(failure("late")));
  EXPECT_FALSE(p.resolve(thrum::make_ready_future(3)));
  EXPECT_EQ(f.get(), 1);
  EXPECT_FALSE(f.valid());
}

TEST(promises, a_late_value_is_left_alone) {
  promise<std::unique_ptr<int>> p;
  future<std::unique_ptr<int>> f = p.get_future();
  auto first = std::make_unique<int>(1), second = std::make_unique<int>(2);
  EXPECT_TRUE(p.set_value(std::move(first)));
  EXPECT_FALSE(p.set_value(std::move(second)));
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(*f.get(), 1);
}

TEST(promises, of_many_settlers_one_wins) {
  for (int round = 0; round < 50; ++round) {
    promise<int> p;
    future<int> f = p.get_future();
    std::atomic<int> won{-1};
    std::atomic<int> winners{0};
    in_threads(4, [&](int i) {
      if (i == 3 ? p.set_exception(failure(error_a("3"))) : p.set_value(i)) {
        won = i;
        ++winners;
      }
    });
    EXPECT_EQ(winners, 1);
    if (won == 3)
      EXPECT_THROW(f.get(), error_a);
    else
      EXPECT_EQ(f.get(), won);
  }
}

TEST(promises, that_die_unsettled_break_their_future) {
  future<int> f;
  {
    promise<int> p;
    f = p.get_future();
  }
  try {
    f.get();
    FAIL() << "no exception";
  } catch (const std::future_error& e) { EXPECT_EQ(e.code(), std::future_errc::broken_promise); }
}

TEST(promises, that_are_assigned_to_break_the_future_they_had) {
  promise<int> p;
  future<int> f = p.get_future();
  p = promise<int>();
  EXPECT_TRUE(f.ready());
  EXPECT_THROW(f.get(), std::future_error);
  p.set_value(1);
  EXPECT_EQ(p.get_future().get(), 1);
}

TEST(promises, a_value_that_cannot_be_made_settles_nothing) {
  struct touchy {
    explicit touchy(int n) : n_(n) {
      if (n == 0) throw error_a("zero");
    }
    int n_;
  };
  promise<touchy> p;
  future<touchy> f = p.get_future();
  EXPECT_THROW(p.set_value(0), error_a);
  EXPECT_FALSE(f.ready());
  EXPECT_TRUE(p.set_value(7));
  EXPECT_EQ(f.get().n_, 7);
}

TEST(promises, resolved_with_a_future_become_what_that_becomes) {
  promise<int> inner;
  promise<int> p;
  future<int> f = p.get_future();
  EXPECT_TRUE(p.resolve(inner.get_future()));
  EXPECT_FALSE(f.ready());
  EXPECT_FALSE(p.set_value(1)); // it is decided
  EXPECT_FALSE(f.ready());
  inner.set_value(2);
  EXPECT_EQ(f.get(), 2);

  promise<int> failed;
  f = failed.get_future();
  failed.resolve(thrum::make_failed_future<int>(failure(error_a("inner"))));
  EXPECT_THROW(f.get(), error_a);
}

TEST(promises, resolved_with_a_future_may_die_before_it_settles) {
  promise<int> inner;
  future<int> f;
  {
    promise<int> p;
    f = p.get_future();
    p.resolve(inner.get_future());
  }
  EXPECT_FALSE(f.ready());
  inner.set_value(2);
  EXPECT_EQ(f.get(), 2);
}

TEST(promises, resolved_with_their_own_future_fail) {
  promise<int> p;
  shared_future<int> f = p.get_future();
  EXPECT_TRUE(p.resolve(f));
  EXPECT_THROW(f.get(), std::logic_error);
}

TEST(promises, adopt_along_a_chain_of_any_length) {
  constexpr int links = 100'000;
  promise<int> first;
  future<int> last = first.get_future();
  for (int i = 0; i < links; ++i) {
    promise<int> next;
    future<int> f = next.get_future();
    next.resolve(std::move(last));
    last = std::move(f);
  }
  first.set_value(5);
  EXPECT_EQ(last.get(), 5);
}

TEST(futures, carry_void_references_and_what_can_only_be_moved) {
  promise<void> nothing;
  future<void> done = nothing.get_future();
  nothing.set_value();
  done.get();

  int n = 1;
  promise<int&> reference;
  future<int&> referred = reference.get_future();
  reference.set_value(n);
  int& got = referred.get();
  EXPECT_EQ(&got, &n);

  promise<std::unique_ptr<int>> unique;
  future<std::unique_ptr<int>> moved = unique.get_future();
  unique.set_value(std::make_unique<int>(3));
  EXPECT_EQ(*moved.get(), 3);
}

TEST(futures, rethrow_the_very_exception) {
  promise<int> p;
  future<int> f = p.get_future();
  const std::exception_ptr thrown = failure(error_a("the one"));
  p.set_exception(thrown);
  try {
    f.get();
    FAIL() << "no exception";
  } catch (...) { EXPECT_EQ(std::current_exception(), thrown); }
}

TEST(futures, get_outcome_has_the_value_or_the_very_exception) {
  const std::exception_ptr thrown = failure(error_a("the one"));
  promise<std::unique_ptr<int>> good;
  good.set_value(std::make_unique<int>(5));
  EXPECT_EQ(**good.get_future().get_outcome(), 5);
  promise<void> bad;
  bad.set_exception(thrown);
  future<void> f = bad.get_future();
  EXPECT_EQ(f.get_outcome().error(), thrown);
  EXPECT_FALSE(f.valid());
  promise<int> many;
  const shared_future<int> all = many.get_future().share();
  many.set_value(6);
  EXPECT_EQ(all.get_outcome(), 6);
  EXPECT_EQ(all.get_outcome(), 6);
  promise<int> failed;
  const shared_future<int> none = failed.get_future().share();
  failed.set_exception(thrown);
  EXPECT_EQ(none.get_outcome().error(), thrown);
  EXPECT_EQ(none.get_outcome().error(), thrown);
}

TEST(futures, a_fiber_waits_for_a_thread_and_a_thread_for_a_fiber) {
  promise<int> p;
  future<int> f = p.get_future();
  std::thread giver;
  thrum::run([&] {
    onlooker fiber;
    auto waiter = thrum::spawn([&] {
      fiber.here();
      return f.get();
    });
    fiber.wait_until_parked();
    giver = std::thread([&] { p.set_value(4); });
    EXPECT_EQ(waiter.join(), 4);
  });
  giver.join();

  thrum::runtime r({.processors = 1});
  EXPECT_EQ(async(r, [] { return 5; }).get(), 5);
}

TEST(futures, waits_with_a_deadline_end_at_it) {
  promise<int> p;
  future<int> f = p.get_future();
  EXPECT_FALSE(f.wait_for(0s));
  EXPECT_FALSE(f.wait_until(steady_clock::now() + 1ms));
  thrum::run([&] { EXPECT_FALSE(f.wait_for(1ms)); });
  p.set_value(1);
  EXPECT_TRUE(f.wait_for(1h));
  EXPECT_TRUE(f.wait_until(steady_clock::now()));
  EXPECT_EQ(f.get(), 1);
}

TEST(futures, a_wait_that_is_stopped_leaves_the_future_as_it_was) {
  thrum::run([] {
    promise<int> p;
    future<int> f = p.get_future();
    for (const bool timed : {false, true}) {
      onlooker seen;
      auto waiter = thrum::spawn([&] {
        seen.here();
        if (timed)
          static_cast<void>(f.wait_for(1h));
        else
          f.get();
      });
      seen.wait_until_parked();
      waiter.request_stop();
      EXPECT_THROW(waiter.join(), thrum::cancelled);
      EXPECT_TRUE(f.valid());
    }
    p.set_value(1);
    EXPECT_EQ(f.get(), 1);
  });
}

TEST(futures, shared_ones_show_one_value_to_all) {
  promise<std::string> p;
  shared_future<std::string> f = p.get_future();
  const shared_future<std::string> other = f;
  thrum::run([&] {
    std::vector<thrum::fiber<const std::string*>> all;
    for (int i = 0; i < 4; ++i) all.push_back(thrum::spawn([f] { return &f.get(); }));
    p.set_value("seen");
    for (auto& one : all) EXPECT_EQ(one.join(), &other.get());
  });
  EXPECT_EQ(f.get(), "seen");
  EXPECT_TRUE(f.valid());

  shared_future<int> failed = thrum::make_failed_future<int>(failure(error_a("again")));
  EXPECT_THROW(failed.get(), error_a);
  EXPECT_THROW(failed.get(), error_a);
}

TEST(futures, are_cases_of_a_select) {
  thrum::run([] {
    promise<int> p, q;
    future<int> f = p.get_future();
    shared_future<int> g = q.get_future();
    EXPECT_EQ(thrum::select(thrum::ready(f), thrum::ready(g), thrum::otherwise()), 2u);
    onlooker seen;
    auto waiter = thrum::spawn([&] {
      seen.here();
      return thrum::select(thrum::ready(f), thrum::ready(g), thrum::after(1h));
    });
    seen.wait_until_parked();
    q.set_value(1);
    EXPECT_EQ(waiter.join(), 1u);
    EXPECT_EQ(thrum::select(thrum::ready(f), thrum::ready(g), thrum::otherwise()), 1u);
    EXPECT_EQ(thrum::select(thrum::ready(future<int>()), thrum::otherwise()), 1u);
    p.set_value(1);
    f.get();
  });
}

// Who waits gets the reference of who settles (core.cc).
TEST(futures, that_were_waited_for_may_be_used_in_any_way) {
  static std::atomic<int> alive{0};
  struct counted {
    counted() { ++alive; }
    counted(const counted&) { ++alive; }
    ~counted() { --alive; }
  };
  thrum::run([] {
    const auto waited_for = [] {
      future<counted> f = async([] { return counted(); });
      f.wait();
      return f;
    };
    waited_for().get();
    static_cast<void>(waited_for());
    {
      const shared_future<counted> one = waited_for().share(), other = one;
      one.get();
      other.then([](const counted&) {}).get();
    }
    waited_for().then([](counted) {}).get();
    waited_for().then_inline([](counted) {}).get();
    waited_for().or_timeout(1h).get();
    {
      promise<counted> p;
      future<counted> f = p.get_future();
      p.resolve(waited_for());
      f.get();
    }
    async(waited_for).get();
    std::vector<future<counted>> several;
    for (int i = 0; i < 3; ++i) several.push_back(waited_for());
    EXPECT_EQ(thrum::all(std::move(several)).get().size(), 3u);
  });
  EXPECT_EQ(alive, 0);
}

TEST(futures, the_promise_may_die_with_who_was_woken) {
  thrum::run(
      [] {
        for (int i = 0; i < repetitions(); ++i) {
          auto* p = new promise<int>;
          future<int> f = p->get_future();
          auto giver = thrum::spawn([p] { p->set_value(1); });
          EXPECT_EQ(f.get(), 1);
          if (i % 2 == 0) giver.join();
          // set_value() may still be on its way out: it must not touch the promise any more.
          delete p;
        }
      },
      {.processors = 2});
}

TEST(async, runs_in_a_fiber_and_rethrows_what_it_threw) {
  thrum::run([] {
    const auto own = thrum::this_fiber::id();
    EXPECT_NE(async([] { return thrum::this_fiber::id(); }).get(), own);
    EXPECT_THROW(async([]() -> int { throw error_a("a"); }).get(), error_a);
    async([] {}).get();
    EXPECT_EQ(*async([] { return std::make_unique<int>(2); }).get(), 2);
    int n = 0;
    EXPECT_EQ(&async([&n]() -> int& { return n; }).get(), &n);
    EXPECT_EQ(async({.name = "worker"}, [] { return std::string(thrum::this_fiber::name()); }).get(),
              "worker");
  });
}

TEST(async, sees_the_scoped_values_of_its_caller) {
  static thrum::scoped<int> level;
  thrum::run([] {
    future<int> f;
    {
      const thrum::scoped<int>::binding bound(level, 1);
      f = async([] { return level.get_or(0); });
    }
    EXPECT_EQ(f.get(), 1);
    EXPECT_EQ(async([] { return level.get_or(0); }).get(), 0);
  });
}

TEST(async, of_a_function_that_returns_a_future_is_no_future_of_a_future) {
  thrum::run([] {
    promise<int> p;
    future<int> f = async([&] { return p.get_future(); });
    p.set_value(3);
    EXPECT_EQ(f.get(), 3);
    EXPECT_EQ(async([] { return async([] { return async([] { return 4; }); }); }).get(), 4);
    EXPECT_EQ(failure_of(async([] { return future<int>(); })),
              std::future_error(std::future_errc::no_state).what());
  });
}

TEST(async, what_the_function_holds_is_gone_when_the_result_is_seen) {
  thrum::run([] {
    auto held = std::make_shared<int>(1);
    future<void> f = async([held] { thrum::this_fiber::yield(); });
    f.get();
    EXPECT_EQ(held.use_count(), 1);
  });
}

TEST(async, throws_what_the_executor_refuses_with) {
  refusing where;
  auto held = std::make_shared<int>(1);
  EXPECT_THROW(static_cast<void>(async(where, [held] { return 1; })), std::runtime_error);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(async, goes_on_when_its_future_is_dropped) {
  thrum::run([] {
    promise<int> p;
    future<int> ran = p.get_future();
    {
      auto dropped = async([p = std::move(p)]() mutable { p.set_value(1); });
    }
    EXPECT_EQ(ran.get(), 1);
  });
}

TEST(futures, that_are_ready_from_the_start_are_as_others) {
  struct refuses_to_be_copied {
    refuses_to_be_copied() = default;
    refuses_to_be_copied(const refuses_to_be_copied&) { throw error_a("copied"); }
  };
  const refuses_to_be_copied original;
  EXPECT_THROW(static_cast<void>(thrum::make_ready_future(original)), error_a);
  thrum::run([] {
    auto shared = thrum::make_ready_future(std::string("ready")).share();
    std::vector<future<std::size_t>> sizes;
    for (int i = 0; i < 3; ++i) sizes.push_back(shared.then([](const std::string& s) { return s.size(); }));
    for (auto& each : sizes) EXPECT_EQ(each.get(), 5u);
    shared.request_stop(); // nobody is left to be asked
    EXPECT_EQ(thrum::make_ready_future(2).or_timeout(std::chrono::hours(1)).get(), 2);
    thrum::make_ready_future().then_inline([] {}).get();
    EXPECT_EQ(thrum::select(thrum::ready(shared), thrum::otherwise()), 0u);
  });
}

TEST(future_sizes, a_future_is_64_bytes_and_its_value) {
  EXPECT_EQ(sizeof(thrum::detail::future_core), 64u);
  EXPECT_EQ(sizeof(thrum::detail::result_core<void*>), 64 + sizeof(void*));
  EXPECT_EQ(sizeof(thrum::detail::result_core<std::array<char, 64>>), 64u + 64u);
  EXPECT_EQ(sizeof(future<int>), sizeof(void*));
}

TEST(future_sizes, a_value_may_be_aligned_to_64_bytes) {
  struct alignas(64) wide {
    int n;
  };
  promise<wide> p;
  future<wide> f = p.get_future();
  p.set_value(wide{3});
  EXPECT_EQ(f.get().n, 3);
  EXPECT_THROW(thrum::make_failed_future<wide>(failure(error_a("wide"))).get(), error_a);
}

using misuse_of_futures = deadly;
TEST_F(misuse_of_futures, panics) {
  EXPECT_DEATH(future<int>().get(), "wait for a future or promise that refers to nothing");
  EXPECT_DEATH(static_cast<void>(future<int>().then([](int) {})), "a continuation of a future or promise");
  EXPECT_DEATH(
      {
        promise<int> p;
        static_cast<void>(p.get_future());
        static_cast<void>(p.get_future());
      },
      "a second get_future");
  EXPECT_DEATH(
      {
        promise<int> p;
        promise<int> q(std::move(p));
        p.set_value(1);
      },
      "refers to nothing");
  EXPECT_DEATH(promise<int>().set_exception(nullptr), "null exception_ptr");
}

} // namespace
