#include "sync/testing.h"

#include <thrum/latch.h>
#include <thrum/select.h>
#include <thrum/semaphore.h>
#include <thrum/timer.h>
#include <thrum/wait_group.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace thrum {
namespace {

using namespace testing;

class timers : public on_processors {};
INSTANTIATE_TEST_SUITE_P(on, timers, processor_counts());

template <class Run> void check_call(Run run_it) {
  run_it([] {
    binary_semaphore called(0);
    const auto start = steady_clock::now();
    timer t(2ms, [&] { called.release(); });
    called.acquire();
    EXPECT_GE(steady_clock::now() - start, 2ms);
    EXPECT_FALSE(t.stop());
    const auto later = steady_clock::now() + 1ms;
    timer u(later, [&] { called.release(); });
    called.acquire();
    EXPECT_GE(steady_clock::now(), later);
    timer v(-1s, [&] { called.release(); }); // at once
    called.acquire();
  });
}
TEST_P(timers, call_when_the_time_has_come_and_not_early) {
  run([] { check_call([](auto f) { f(); }); });
}
TEST(timer, of_a_thread_calls_when_the_time_has_come) {
  check_call([](auto f) { f(); });
}

TEST_P(timers, that_are_stopped_do_not_call) {
  run([] {
    std::atomic<int> calls = 0;
    for (int i = 0; i < repetitions(); ++i) {
      timer t(1h, [&] { ++calls; });
      EXPECT_TRUE(t.stop());
      EXPECT_FALSE(t.stop());
    }
    for (int i = 0; i < repetitions(); ++i) timer(1h, [&] { ++calls; });
    EXPECT_EQ(calls, 0);
  });
}

TEST(timer, of_a_thread_that_is_stopped_does_not_call) {
  std::atomic<int> calls = 0;
  timer t(1h, [&] { ++calls; });
  EXPECT_TRUE(t.stop());
  EXPECT_FALSE(t.stop());
  EXPECT_EQ(calls, 0);
}

TEST_P(timers, reset_sets_it_again) {
  run([] {
    binary_semaphore called(0);
    timer t(1h, [&] { called.release(); });
    EXPECT_TRUE(t.reset(1ms));
    called.acquire();
    EXPECT_FALSE(t.reset(steady_clock::now() + 1ms));
    called.acquire();
    EXPECT_FALSE(t.reset(1h));
    EXPECT_TRUE(t.stop());
    EXPECT_FALSE(t.reset(1ms));
    called.acquire();
  });
}

TEST_P(timers, may_be_stopped_and_reset_by_other_agents) {
  run([] {
    std::atomic<int> calls = 0;
    binary_semaphore called(0);
    timer t(1h, [&] {
      ++calls;
      called.release();
    });
    EXPECT_TRUE(spawn([&] { return t.reset(1h); }).join());
    std::thread([&] { EXPECT_TRUE(t.reset(1h)); }).join();
    EXPECT_TRUE(t.reset(1h));
    std::thread([&] { EXPECT_TRUE(t.reset(100us)); }).join();
    called.acquire();
    EXPECT_EQ(calls, 1);
  });
}

TEST(timer, may_reset_itself) {
  thrum::run(
      [] {
        int calls = 0;
        latch ten(10);
        std::optional<timer> t;
        mutex making; // the first call waits until there is a t
        making.lock();
        t.emplace(100us, [&] {
          making.lock();
          making.unlock();
          ++calls;
          if (calls < 10) t->reset(50us);
          ten.count_down();
        });
        making.unlock();
        ten.wait();
        EXPECT_EQ(calls, 10);
      },
      {.processors = 2});
}

TEST(timer, may_destroy_itself) {
  thrum::run(
      [] {
        auto owned = std::make_shared<int>(7);
        binary_semaphore called(0);
        struct holder {
          std::optional<timer> t;
          mutex making;
        };
        auto h = std::make_shared<holder>();
        h->making.lock();
        h->t.emplace(100us, [&called, owned, weak = std::weak_ptr(h)] {
          auto locked = weak.lock();
          locked->making.lock();
          locked->t.reset(); // the function goes on living until it returns
          EXPECT_EQ(*owned, 7);
          locked->making.unlock();
          called.release();
        });
        h->making.unlock();
        called.acquire();
        while (owned.use_count() != 1) this_fiber::yield();
      },
      {.processors = 2});
}

TEST(timer, may_be_moved) {
  on_one_processor([] {
    binary_semaphore called(0);
    timer a(1ms, [&] { called.release(); });
    timer b(std::move(a));
    EXPECT_FALSE(a.stop());
    a = timer(1h, [] { ADD_FAILURE(); });
    timer c;
    EXPECT_FALSE(c.stop());
    c = std::move(b);
    called.acquire();
    EXPECT_TRUE(a.stop());
  });
}

// What counts how many of it live.
struct counted {
  explicit counted(std::atomic<int>& n) : alive(&n) { ++*alive; }
  counted(const counted& other) : alive(other.alive) { ++*alive; }
  ~counted() { --*alive; }
  std::atomic<int>* alive;
};

TEST_P(timers, destroy_their_function_whoever_leaves_last) {
  run([] {
    std::atomic<int> alive = 0;
    {
      const counted one(alive);
      timer stopped(1h, [one] {});
    }
    EXPECT_EQ(alive, 0);
    {
      binary_semaphore called(0);
      std::optional<timer> t;
      t.emplace(0s, [one = counted(alive), &called] { called.release(); });
      called.acquire();
      t.reset();
    }
    while (alive != 0) this_fiber::yield();
    {
      binary_semaphore inside(0);
      binary_semaphore go_on(0);
      std::optional<timer> t;
      t.emplace(0s, [one = counted(alive), &inside, &go_on] {
        inside.release();
        go_on.acquire();
        EXPECT_EQ(*one.alive, 1);
      });
      inside.acquire();
      t.reset(); // does not wait
      EXPECT_EQ(alive, 1);
      go_on.release();
      while (alive != 0) this_fiber::yield();
    }
  });
}

TEST(timer, takes_functions_of_every_size_and_that_can_only_be_moved) {
  on_one_processor([] {
    latch called(3);
    timer small(1ms, [&] { called.count_down(); });
    timer moved(1ms, [&, p = std::make_unique<int>(1)] { called.count_down(*p); });
    struct {
      char filler[1'000];
    } large{};
    timer big(1ms, [&, large] { called.count_down(large.filler[999] + 1); });
    called.wait();
  });
}

TEST(timer, a_function_that_cannot_be_copied_in_leaves_nothing_behind) {
  on_one_processor([] {
    struct throws {
      throws() = default;
      throws(const throws&) { throw std::runtime_error("no copy"); }
      void operator()() const {}
    };
    const throws f;
    EXPECT_THROW(timer(1h, f), std::runtime_error);
  });
}

TEST(timer, the_fiber_has_the_name_that_was_given) {
  on_one_processor([] {
    std::string name;
    binary_semaphore called(0);
    timer t({.name = "alarm"}, 0s, [&] {
      name = this_fiber::name();
      called.release();
    });
    called.acquire();
    EXPECT_EQ(name, "alarm");
  });
}

// It comes due again while its function runs: the calls do not overlap, and none is left out.
TEST_P(timers, calls_of_one_timer_do_not_overlap) {
  run([] {
    std::atomic<int> inside = 0;
    binary_semaphore begun(0);
    binary_semaphore go_on(0);
    binary_semaphore ended(0);
    timer t(0s, [&] {
      EXPECT_EQ(++inside, 1);
      begun.release();
      go_on.acquire();
      --inside;
      ended.release();
    });
    begun.acquire();
    EXPECT_FALSE(t.reset(0s));
    this_fiber::sleep_for(1ms); // has come due by now, or will
    EXPECT_FALSE(begun.try_acquire());
    go_on.release();
    ended.acquire();
    begun.acquire();
    go_on.release();
    ended.acquire();
  });
}

// stop() that says true has prevented the call, false: it takes place. Both in every race with the deadline.
template <class Run> void check_stop_result(Run start) {
  std::atomic<int> calls = 0;
  int not_stopped = 0;
  int stopped = 0;
  dice d(5);
  for (int i = 0; i < repetitions(); ++i) {
    timer t(std::chrono::microseconds(d.roll(30)), [&] { ++calls; });
    for (auto k = d.roll(20); k != 0; --k) d.jitter();
    bool prevented = false;
    if (d.roll(2) == 0)
      prevented = t.stop();
    else
      prevented = start([&] { return t.stop(); });
    prevented ? ++stopped : ++not_stopped;
    while (calls < not_stopped) this_fiber::yield();
    EXPECT_EQ(calls, not_stopped);
  }
  EXPECT_EQ(stopped + not_stopped, repetitions());
}
TEST_P(timers, stop_says_whether_it_has_prevented_the_call) {
  run([] { check_stop_result([](auto f) { return spawn(f).join(); }); });
}
TEST(timer, stop_by_a_thread_says_whether_it_has_prevented_the_call) {
  check_stop_result([](auto f) { return f(); });
}

// Everybody resets and stops the same timers all the time.
template <class Run> void check_stress(Run run_all) {
  struct one {
    std::atomic<int> calls = 0;
    std::atomic<int> inside = 0;
    std::atomic<int> settings = 0;
    std::atomic<int> prevented = 0;
    timer t{1h, [this] {
              EXPECT_EQ(++inside, 1);
              ++calls;
              dice(static_cast<std::uint64_t>(calls)).jitter();
              --inside;
            }};
  };
  std::vector<std::unique_ptr<one>> all;
  for (int i = 0; i < 8; ++i) all.push_back(std::make_unique<one>());
  run_all(4, [&](int who) {
    dice d(static_cast<std::uint64_t>(who));
    for (int i = 0; i < repetitions(); ++i) {
      one& o = *all[d.roll(8)];
      if (d.roll(4) != 0) {
        ++o.settings;
        if (o.t.reset(std::chrono::microseconds(d.roll(20)))) ++o.prevented;
      } else {
        if (o.t.stop()) ++o.prevented;
      }
      d.jitter();
    }
  });
  for (auto& o : all) {
    if (o->t.stop()) ++o->prevented;
    while (o->calls < 1 + o->settings - o->prevented || o->inside != 0) this_fiber::yield();
    EXPECT_EQ(o->calls, 1 + o->settings - o->prevented);
  }
}
TEST_P(timers, each_setting_is_called_or_prevented) {
  run([] { check_stress([](int n, auto f) { in_fibers(n, f); }); });
}
TEST(timer, each_setting_is_called_or_prevented_with_threads) {
  check_stress([](int n, auto f) { in_threads(n, f); });
}
TEST(timer, each_setting_is_called_or_prevented_across_runtimes) {
  check_stress([](int n, auto f) { in_everything(n / 2, f); });
}

// Destroyed at the moment it is due, thousands of times.
TEST_P(timers, may_be_destroyed_at_any_time) {
  run([] {
    std::atomic<int> alive = 0;
    dice d(11);
    for (int i = 0; i < repetitions(); ++i) {
      auto t = std::make_unique<timer>(std::chrono::microseconds(d.roll(20)),
                                       [one = counted(alive)] { this_fiber::yield(); });
      for (auto k = d.roll(10); k != 0; --k) d.jitter();
      t.reset();
    }
    while (alive != 0) this_fiber::yield();
  });
}

TEST(timer, an_exception_goes_to_the_handler_and_the_timer_works_on) {
  std::atomic<int> handled = 0;
  thrum::run(
      [&] {
        timer t(0s, [] { throw std::runtime_error("of a timer"); });
        while (handled < 1) this_fiber::yield();
        t.reset(0s);
        while (handled < 2) this_fiber::yield();
      },
      {.processors = 2, .on_unhandled = [&](std::exception_ptr) { ++handled; }});
  EXPECT_EQ(handled, 2);
}

TEST(timer, the_end_of_the_runtime_stops_the_call) {
  std::atomic<bool> stopped = false;
  std::optional<timer> t; // outlives the runtime; it has fired, so it does not refer to that any more
  thrum::run(
      [&] {
        onlooker seen;
        t.emplace(0s, [&] {
          seen.here();
          try {
            this_fiber::sleep_for(1h);
          } catch (const cancelled& c) {
            stopped = c.reason() == cancel_reason::shutdown;
            throw;
          }
        });
        seen.wait_until_parked();
      },
      {.processors = 2});
  EXPECT_TRUE(stopped);
  EXPECT_FALSE(t->stop());
}

// ---- ticker

TEST_P(timers, a_ticker_ticks_at_whole_periods) {
  run([] {
    constexpr auto period = 500us;
    const auto start = steady_clock::now();
    ticker t(period);
    std::optional<steady_clock::time_point> first;
    std::optional<steady_clock::time_point> last;
    for (int i = 0; i < 5; ++i) {
      const auto tick = t.recv();
      ASSERT_TRUE(tick.has_value());
      EXPECT_GE(steady_clock::now(), *tick);
      EXPECT_GE(*tick - start, period);
      if (!first) first = tick;
      EXPECT_EQ((*tick - *first) % period, 0ns);
      if (last) { EXPECT_GT(*tick, *last); }
      last = tick;
    }
  });
}

TEST(ticker, of_a_thread_ticks) {
  ticker t(200us);
  const auto a = t.recv();
  const auto b = t.recv();
  EXPECT_GT(*b, *a);
}

TEST(ticker, drops_ticks_for_a_slow_receiver) {
  on_one_processor([] {
    const auto start = steady_clock::now();
    ticker t(100us);
    while (t.size() == 0) this_fiber::yield();
    this_fiber::sleep_for(2ms);
    EXPECT_EQ(t.size(), 1u);
    const auto first = t.recv(); // has waited all the time
    const auto second = t.recv();
    EXPECT_GE(*first - start, 100us);
    EXPECT_GE(*second - *first, 1ms);
  });
}

TEST_P(timers, a_stopped_ticker_has_no_tick_left) {
  run([] {
    ticker t(50us);
    for (int i = 0; i < repetitions() / 20; ++i) {
      while (t.size() == 0) this_fiber::yield();
      t.stop();
      EXPECT_EQ(t.size(), 0u);
      for (int k = 0; k < 3; ++k) this_fiber::yield();
      EXPECT_FALSE(t.try_recv().has_value());
      const auto now = steady_clock::now();
      t.reset(50us);
      EXPECT_GE(*t.recv() - now, 50us); // none from before
    }
  });
}

TEST(ticker, can_be_selected_and_iterated) {
  thrum::run(
      [] {
        ticker t(100us);
        std::optional<steady_clock::time_point> got;
        EXPECT_EQ(select(recv(t, got), after(1h)), 0u);
        EXPECT_TRUE(got.has_value());
        int ticks = 0;
        for (const auto tick : t) {
          static_cast<void>(tick);
          if (++ticks == 3) break;
        }
      },
      {.processors = 2});
}

TEST(ticker, its_destruction_ends_the_loops_over_it) {
  thrum::run(
      [] {
        auto t = std::make_unique<ticker>(100us);
        latch first(1);
        auto f = spawn([&first, ticks = receiver<ticker::time_point>(*t)] {
          int n = 0;
          for (const auto tick : ticks) {
            static_cast<void>(tick);
            if (++n == 1) first.count_down();
          }
        });
        first.wait();
        t.reset();
        f.join();
      },
      {.processors = 2});
}

TEST(ticker, may_be_moved) {
  on_one_processor([] {
    ticker a(100us);
    ticker b(std::move(a));
    EXPECT_FALSE(a);
    EXPECT_TRUE(b.recv().has_value());
    b = ticker(200us);
    EXPECT_TRUE(b.recv().has_value());
  });
}

using timer_misuse = deadly;
TEST_F(timer_misuse, resetting_an_empty_timer_panics) {
  timer t;
  EXPECT_DEATH(t.reset(1s), "reset of a timer that has no function");
}
TEST_F(timer_misuse, a_ticker_without_a_period_panics) {
  EXPECT_DEATH(ticker t(0s), "a ticker was given a period of zero or less");
}
TEST_F(timer_misuse, an_exception_of_the_function_ends_the_program) {
  EXPECT_DEATH(on_one_processor([] {
                 timer t(0s, [] { throw std::runtime_error("of a timer"); });
                 this_fiber::sleep_for(1h);
               }),
               "an exception left a detached fiber\n.*of a timer");
}

} // namespace
} // namespace thrum
