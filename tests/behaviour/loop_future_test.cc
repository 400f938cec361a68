// Futures on an event_loop and in coroutines, beyond the order of their turns (models/promise_order_test.cc): stop requests, ends, misuse.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thrum/event_loop.h>
#include <thrum/future.h>
#include <thrum/future_all.h>
#include <thrum/operation.h>
#include <thrum/task.h>
#include <thrum/thrum.h>
#include <vector>

namespace {

using namespace std::chrono_literals;
using thrum::event_loop;
using thrum::future;
using thrum::promise;
using thrum::shared_future;
using thrum::task;

// ---- async_get, anywhere

TEST(async_get, gives_what_get_gives_whether_it_is_there_or_comes) {
  thrum::run([] {
    promise<std::unique_ptr<int>> p;
    auto waits = thrum::spawn([f = p.get_future()]() mutable -> task<int> {
      std::unique_ptr<int> n = co_await f.async_get();
      EXPECT_FALSE(f.valid());
      co_return *n + co_await thrum::make_ready_future(1).async_get();
    });
    p.set_value(std::make_unique<int>(41));
    EXPECT_EQ(waits.join(), 42);
    EXPECT_EQ(thrum::await(thrum::make_ready_future(7).async_get()), 7); // in a fiber
  });
}

TEST(async_get, of_a_shared_future_gives_many_the_same_object) {
  thrum::run([] {
    promise<std::string> p;
    const shared_future<std::string> f = p.get_future().share();
    std::vector<thrum::fiber<const std::string*>> all;
    for (int i = 0; i < 10; ++i)
      all.push_back(thrum::spawn([f]() -> task<const std::string*> { co_return &co_await f.async_get(); }));
    p.set_value("same");
    for (auto& one : all) EXPECT_EQ(one.join(), &f.get());
  });
}

TEST(async_get, throws_what_the_future_has_failed_with) {
  thrum::run([] {
    EXPECT_THROW(thrum::spawn([]() -> task<> {
                   co_await thrum::make_failed_future<void>(std::make_exception_ptr(std::runtime_error("no")))
                       .async_get();
                 }).join(),
                 std::runtime_error);
  });
}

TEST(async_get, that_is_stopped_leaves_the_future_as_it_was) {
  thrum::run([] {
    promise<int> p;
    future<int> f = p.get_future();
    auto waits = thrum::spawn([&f]() -> task<> { static_cast<void>(co_await f.async_get()); });
    waits.request_stop();
    EXPECT_THROW(waits.join(), thrum::cancelled);
    p.set_value(1);
    EXPECT_EQ(f.get(), 1);
  });
}

// ---- on a loop

TEST(loop_future, a_request_reaches_who_makes_the_value_past_a_promise_that_was_resolved) {
  event_loop loop;
  bool asked = false;
  auto inner = std::make_shared<promise<int>>();
  loop.run([&] {
    inner->on_stop([&] {
      asked = true;
      inner->set_value(1);
    });
    auto outer = std::make_shared<promise<int>>();
    outer->resolve(inner->get_future());
    auto f = std::make_shared<future<int>>(outer->get_future());
    loop.set_immediate([&, f, outer] {
      EXPECT_FALSE(asked);
      f->request_stop();
      EXPECT_TRUE(asked);
    });
  });
  EXPECT_TRUE(asked);
}

TEST(loop_future, a_request_before_the_job_that_looks_at_the_other_promise_is_not_lost) {
  event_loop loop;
  bool asked = false;
  loop.run([&] {
    promise<int> inner;
    inner.on_stop([&] { asked = true; });
    promise<int> outer;
    outer.resolve(inner.get_future());
    const future<int> f = outer.get_future();
    f.request_stop();
    EXPECT_FALSE(asked); // nobody has looked yet
    loop.queue_microtask([&asked, keep = std::make_shared<promise<int>>(std::move(inner))] {
      EXPECT_TRUE(asked);
      keep->set_value(1);
    });
  });
  EXPECT_TRUE(asked);
}

// Four continuations, each of which the loop has got to a further turn when it is gone.
TEST(loop_future, what_waits_for_its_turn_when_the_loop_is_gone_fails) {
  for (int turns = 0; turns < 4; ++turns) {
    promise<int> p;
    future<int> resolved = p.get_future(), returned, final_one;
    {
      event_loop loop;
      EXPECT_THROW(loop.run([&] {
        p.resolve(thrum::make_ready_future(1));
        returned = thrum::make_ready_future().then(loop, [] { return thrum::make_ready_future(2); });
        final_one = thrum::make_ready_future(3).finally(loop, [] {});
        struct after {
          event_loop& of;
          int turns;
          void operator()() const {
            if (turns == 0) throw std::runtime_error("ends the loop as it is");
            of.queue_microtask(after{of, turns - 1});
          }
        };
        if (turns == 0) throw std::runtime_error("ends the loop as it is");
        loop.queue_microtask(after{loop, turns - 1});
      }),
                   std::runtime_error);
    }
    // How far each has come differs; but each has settled, with its value or with why it never got its turn.
    for (future<int>* f : {&resolved, &returned, &final_one}) {
      ASSERT_TRUE(f->ready());
      try {
        EXPECT_GE(f->get(), 1);
        EXPECT_GT(turns, 1);
      } catch (const thrum::rejected&) { EXPECT_LT(turns, 3); }
    }
  }
}

TEST(loop_call_async, gives_a_future_of_what_the_coroutine_returns) {
  event_loop loop;
  std::vector<int> got;
  loop.run([&] {
    const auto note = [&](int n) { got.push_back(n); };
    static_cast<void>(loop.call_async([]() -> task<int> { co_return 1; }).then(loop, note));
    static_cast<void>(loop.call_async([]() -> task<int> {
                            co_await thrum::async_sleep_for(1us);
                            co_return 3;
                          })
                          .then(loop, note));
    static_cast<void>(loop.call_async([]() -> task<future<int>> { co_return thrum::make_ready_future(2); })
                          .then(loop, note));
    static int n = 4;
    static_cast<void>(
        loop.call_async([]() -> task<int&> { co_return n; }).then(loop, [&](int& r) { EXPECT_EQ(&r, &n); }));
  });
  // The sleep is over before or after the future has passed its value on.
  std::sort(got.begin(), got.end());
  EXPECT_EQ(got, (std::vector{1, 2, 3}));
}

TEST(loop_call_async, a_request_to_stop_reaches_the_coroutine) {
  event_loop loop;
  bool stopped = false, told = false;
  loop.run([&] {
    auto f = std::make_shared<shared_future<void>>(loop.call_async([&]() -> task<> {
      const thrum::chan<int> never;
      try {
        static_cast<void>(co_await never.async_recv());
      } catch (const thrum::cancelled&) {
        stopped = true;
        throw;
      }
    }));
    static_cast<void>(f->rescue(loop, [&](std::exception_ptr) { told = true; }));
    loop.set_immediate([f] { f->request_stop(); });
  });
  EXPECT_TRUE(stopped);
  EXPECT_TRUE(told);
}

TEST(loop_call_async, a_request_to_what_has_ended_is_harmless) {
  event_loop loop;
  loop.run([&] {
    future<void> f = loop.call_async([]() -> task<> { co_return; });
    f.request_stop();
    EXPECT_TRUE(f.ready());
    f.get();
  });
}

TEST(loop_call_async, keeps_the_loop_until_the_coroutine_has_ended) {
  event_loop loop;
  bool ended = false;
  loop.run([&] {
    static_cast<void>(loop.call_async([&]() -> task<> {
      co_await thrum::async_sleep_for(1ms);
      ended = true;
    }));
  });
  EXPECT_TRUE(ended);
}

TEST(loop_call_async, an_exception_is_the_futures) {
  event_loop loop;
  bool caught = false;
  loop.run([&] {
    static_cast<void>(
        loop.call_async([]() -> task<> {
              throw std::runtime_error("no");
              co_return;
            })
            .rescue<std::runtime_error>(loop, [&](const std::runtime_error&) { caught = true; }));
  });
  EXPECT_TRUE(caught);
}

// Others' threads settle what coroutines of the loop await: in the posts, each once.
TEST(loop_async_get, of_what_others_settle_goes_on_in_the_posts) {
  event_loop loop;
  int sum = 0; // the loop's own
  loop.run([&] {
    for (int i = 0; i < 200; ++i) {
      auto p = std::make_shared<promise<int>>();
      static_cast<void>(loop.call_async(
          [&sum, f = p->get_future()]() mutable -> task<> { sum += co_await f.async_get(); }));
      thrum::runtime::current().go([p] { p->set_value(1); });
    }
  });
  EXPECT_EQ(sum, 200);
}

} // namespace
