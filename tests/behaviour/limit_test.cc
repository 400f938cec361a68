// join_all.h, limit.h, singleflight.h, rate_limiter.h: what is built on groups of tasks.
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/generator.h>
#include <thrum/join_all.h>
#include <thrum/limit.h>
#include <thrum/rate_limiter.h>
#include <thrum/singleflight.h>
#include <thrum/thrum.h>

#include <atomic>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::times;
using test::until;
using thrum::cancelled;
using thrum::chan;
using thrum::concurrency_limit;
using thrum::for_each_limit;
using thrum::join_all;
using thrum::map_limit;
using thrum::race;
using thrum::spawn;
using thrum::this_fiber::yield;

class limits : public test::on_processors {};

void wait_for_ever() { static_cast<void>(chan<int>().recv()); }

// How many are in it at a time.
struct gauge {
  std::atomic<std::size_t> now{0};
  std::atomic<std::size_t> most{0};
  void visit() {
    const std::size_t n = ++now;
    for (std::size_t seen = most; n > seen && !most.compare_exchange_weak(seen, n);) {}
    yield();
    --now;
  }
};

thrum::generator<int> numbers(int end) {
  for (int i = 0; i < end; ++i) co_yield i;
}

} // namespace

TEST_P(limits, join_all_returns_all_results) {
  run([] {
    int n = 0;
    auto [number, nothing, owned] =
        join_all([] { return 7; }, [&] { n = 1; }, [] { return std::make_unique<int>(3); });
    EXPECT_EQ(number, 7);
    EXPECT_EQ(nothing, std::monostate());
    EXPECT_EQ(*owned, 3);
    EXPECT_EQ(n, 1);
    EXPECT_EQ(join_all(), std::tuple<>());
  });
}

TEST_P(limits, join_all_stops_the_others_when_one_fails) {
  run([] {
    bool stopped = false;
    EXPECT_THROW(join_all([] { throw std::runtime_error("x"); },
                          [&] {
                            try {
                              wait_for_ever();
                            } catch (const cancelled&) {
                              stopped = true;
                              throw;
                            }
                          }),
                 std::runtime_error);
    static_cast<void>(stopped); // or it never began
  });
}

TEST_P(limits, race_takes_the_first_that_ends_also_if_it_fails) {
  run([] {
    EXPECT_EQ(race([] { return 1; },
                   [] {
                     wait_for_ever();
                     return 2;
                   }),
              1);
    EXPECT_THROW(race([]() -> int { throw std::runtime_error("first"); },
                      [] {
                        wait_for_ever();
                        return 2;
                      }),
                 std::runtime_error);
    race([] {}, wait_for_ever);
  });
}

TEST_P(limits, map_limit_keeps_the_order_and_the_limit) {
  run([] {
    std::vector<int> in(100);
    std::iota(in.begin(), in.end(), 0);
    gauge g;
    const auto out = map_limit(7, in, [&](int n) {
      g.visit();
      return std::to_string(n);
    });
    ASSERT_EQ(out.size(), in.size());
    for (std::size_t i = 0; i < in.size(); ++i) EXPECT_EQ(out[i], std::to_string(in[i]));
    EXPECT_LE(g.most, 7u);
    EXPECT_TRUE(map_limit(1, std::vector<int>{}, [](int n) { return n; }).empty());
  });
}

TEST_P(limits, elements_of_a_variable_are_referred_to_and_others_copied) {
  run([] {
    std::vector<int> in{1, 2, 3};
    for_each_limit(2, in, [](int& n) { n *= 10; });
    EXPECT_EQ(in, (std::vector<int>{10, 20, 30}));
    std::atomic<int> sum{0};
    for_each_limit(3, numbers(10), [&](int n) {
      yield();
      sum += n;
    });
    EXPECT_EQ(sum, 45);
    EXPECT_EQ(map_limit(2, std::vector<int>{1, 2}, [](int n) { return n + 1; }), (std::vector<int>{2, 3}));
  });
}

TEST_P(limits, the_first_failure_ends_a_map) {
  run([] {
    std::atomic<int> begun{0};
    EXPECT_THROW(map_limit(2, numbers(1'000'000),
                           [&](int n) {
                             ++begun;
                             if (n == 5) throw std::runtime_error("five");
                             return n;
                           }),
                 std::runtime_error);
    EXPECT_LT(begun, 1'000'000);
  });
}

TEST_P(limits, a_limit_may_be_changed_while_it_is_used) {
  run([] {
    concurrency_limit places(1);
    gauge g;
    std::atomic<int> left{200};
    auto works = spawn([&] {
      for_each_limit(places, numbers(200), [&](int) {
        g.visit();
        --left;
      });
    });
    until([&] { return left < 150; });
    EXPECT_EQ(g.most, 1u);
    places.set(5);
    EXPECT_EQ(places.places(), 5u);
    until([&] { return left < 50; });
    EXPECT_LE(g.most, 5u);
    places.set(2);
    works.join();
    EXPECT_LE(g.most, 5u);
    EXPECT_EQ(places.active(), 0u);
    EXPECT_EQ(places.waiting(), 0u);
    places.acquire();
    places.acquire();
    auto third = spawn([&] { places.acquire(); });
    until([&] { return places.waiting() == 1; });
    third.request_stop();
    EXPECT_THROW(third.join(), cancelled);
    EXPECT_EQ(places.waiting(), 0u);
    EXPECT_EQ(places.active(), 2u);
    places.release();
    places.release();
  });
}

TEST_P(limits, singleflight_calls_once_for_all_who_ask_meanwhile) {
  run([] {
    thrum::singleflight<int, std::string> flights;
    std::atomic<int> calls{0};
    chan<int> go_on;
    std::atomic<int> asking{0};
    std::vector<thrum::fiber<std::string>> callers;
    for (int i = 0; i < 10; ++i)
      callers.push_back(spawn([&] {
        ++asking;
        return flights.run(7, [&] {
          ++calls;
          static_cast<void>(go_on.recv());
          return std::string("seven");
        });
      }));
    until([&] { return asking == 10 && calls == 1; });
    for (int i = 0; i < 20; ++i) yield(); // all are in it: nothing else can be waited for
    EXPECT_EQ(flights.running(), 1u);
    go_on.close();
    for (auto& c : callers) EXPECT_EQ(c.join(), "seven");
    EXPECT_EQ(flights.running(), 0u);
    EXPECT_EQ(flights.run(7, [] { return std::string("again"); }), "again");
    EXPECT_THROW(flights.run(8, []() -> std::string { throw std::runtime_error("eight"); }),
                 std::runtime_error);
  });
}

TEST_P(limits, a_flight_is_stopped_when_all_who_asked_have_left) {
  run([] {
    thrum::singleflight<int, int> flights;
    std::atomic<bool> begun{false};
    std::atomic<bool> stopped{false};
    const auto fetch = [&] {
      begun = true;
      try {
        wait_for_ever();
      } catch (const cancelled&) {
        stopped = true;
        throw;
      }
      return 1;
    };
    auto one = spawn([&] { return flights.run(7, fetch); });
    auto other = spawn([&] { return flights.run(7, fetch); });
    until([&] { return begun.load(); });
    for (int i = 0; i < 20; ++i) yield();
    one.request_stop();
    EXPECT_THROW(one.join(), cancelled);
    other.request_stop();
    EXPECT_THROW(other.join(), cancelled);
    EXPECT_TRUE(stopped);
    EXPECT_EQ(flights.running(), 0u);
  });
}

TEST_P(limits, callers_of_a_flight_may_leave_at_any_time) {
  run([] {
    for (std::size_t i = 0; i < times(100); ++i) {
      thrum::singleflight<int, int> flights;
      std::vector<thrum::fiber<int>> callers;
      for (int k = 0; k < 4; ++k)
        callers.push_back(spawn([&] {
          return flights.run(7, [] {
            yield();
            return 7;
          });
        }));
      if (i % 2 == 0) yield();
      for (auto& c : callers) c.request_stop();
      for (auto& c : callers) try {
          EXPECT_EQ(c.join(), 7);
        } catch (const cancelled&) {}
    }
  });
}

TEST_P(limits, no_more_permits_are_given_than_the_rate_allows) {
  run([] {
    const auto began = std::chrono::steady_clock::now();
    thrum::rate_limiter limiter(10'000, 5);
    EXPECT_TRUE(limiter.try_acquire(5));
    EXPECT_FALSE(limiter.try_acquire(6)); // never
    std::atomic<int> given{5};
    std::vector<thrum::fiber<>> all;
    for (int i = 0; i < 4; ++i)
      all.push_back(spawn([&] {
        for (int k = 0; k < 10; ++k) {
          limiter.acquire();
          ++given;
        }
      }));
    for (auto& f : all) f.join();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    EXPECT_LE(given, 5 + 10'000 * took.count() + 1);
    EXPECT_GE(took, 3ms); // 40 more, of which 5 perhaps at once
  });
}

TEST_P(limits, who_gives_up_gives_his_permits_back) {
  run([] {
    thrum::rate_limiter limiter(1, 1);
    limiter.acquire();
    auto waits = spawn([&] { limiter.acquire(3'600); });
    yield();
    waits.request_stop();
    EXPECT_THROW(waits.join(), cancelled);
    limiter.set_rate(1e9);
    EXPECT_THROW(thrum::with_timeout(0ms, [&] { limiter.acquire(5'000'000); }), thrum::timed_out);
  });
}

THRUM_ON_PROCESSORS(limits);
