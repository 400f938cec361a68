// with_timeout.h and stop_token.h: parts of a fiber's work that are asked to stop by themselves, and shields.
#include "support/ledger.h"
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/thrum.h>

#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using test::times;
using test::until;
using thrum::cancel_reason;
using thrum::cancelled;
using thrum::chan;
using thrum::shield;
using thrum::spawn;
using thrum::timed_out;
using thrum::with_deadline;
using thrum::with_timeout;
using thrum::this_fiber::yield;

class scopes : public test::on_processors {};

void wait_for_ever() { static_cast<void>(chan<int>().recv()); }

[[gnu::noinline]] std::stop_source new_source() { return {}; } // or g++ 12 warns of it, falsely

// The reason why f was left, or nothing.
template <class F> std::optional<cancel_reason> left(F f) {
  try {
    f();
    return {};
  } catch (const cancelled& c) { return c.reason(); }
}

} // namespace

TEST_P(scopes, what_is_done_in_time_is_returned) {
  run([] {
    EXPECT_EQ(with_timeout(1h, [] { return 7; }), 7);
    int n = 1;
    static_assert(std::is_same_v<decltype(with_timeout(1h, [&]() -> int& { return n; })), int&>);
    with_timeout(1h, [&]() -> int& { return n; }) = 2;
    EXPECT_EQ(n, 2);
    EXPECT_EQ(*with_timeout(1h, [] { return std::make_unique<int>(3); }), 3);
    EXPECT_THROW(with_timeout(1h, [] { throw std::runtime_error("own"); }), std::runtime_error);
    EXPECT_FALSE(thrum::this_fiber::stop_requested());
  });
}

TEST_P(scopes, a_wait_ends_when_the_time_is_up) {
  run([] {
    const auto began = steady_clock::now();
    EXPECT_THROW(with_timeout(2ms, wait_for_ever), timed_out);
    EXPECT_GE(steady_clock::now() - began, 2ms);
    EXPECT_THROW(with_timeout(1ms, [] { thrum::this_fiber::sleep_for(1h); }), timed_out);
    EXPECT_THROW(with_deadline(steady_clock::now() + 1ms, [] { thrum::select(); }), timed_out);
    EXPECT_FALSE(thrum::this_fiber::stop_requested());
    yield();
  });
}

TEST_P(scopes, a_time_that_is_up_already_ends_the_first_wait) {
  run([] {
    bool begun = false;
    EXPECT_THROW(with_timeout(0ms,
                              [&] {
                                begun = true;
                                EXPECT_TRUE(thrum::this_fiber::stop_requested());
                                wait_for_ever();
                              }),
                 timed_out);
    EXPECT_TRUE(begun);
    EXPECT_THROW(with_deadline(steady_clock::now() - 1h, wait_for_ever), timed_out);
    EXPECT_EQ(with_timeout(-1s, [] { return 7; }), 7); // it never waited
  });
}

TEST_P(scopes, every_wait_throws_until_the_scope_is_left) {
  run([] {
    int swallowed = 0;
    EXPECT_EQ(with_timeout(1ms,
                           [&] {
                             for (int i = 0; i < 3; ++i) try {
                                 wait_for_ever();
                               } catch (const cancelled& c) {
                                 EXPECT_EQ(c.reason(), cancel_reason::deadline);
                                 ++swallowed;
                               }
                             return 7;
                           }),
              7);
    EXPECT_EQ(swallowed, 3);
  });
}

TEST_P(scopes, a_fiber_that_computes_sees_the_deadline_with_check) {
  run([] {
    EXPECT_THROW(with_timeout(1ms,
                              [] {
                                for (;;) thrum::this_fiber::check();
                              }),
                 timed_out);
  });
}

TEST_P(scopes, deadlines_nest_and_each_reports_its_own) {
  run([] {
    const auto far = steady_clock::now() + 1h;
    EXPECT_EQ(thrum::this_fiber::deadline(), steady_clock::time_point::max());
    with_deadline(far, [&] {
      EXPECT_EQ(thrum::this_fiber::deadline(), far);
      with_deadline(far + 1h, [&] { EXPECT_EQ(thrum::this_fiber::deadline(), far); });
      EXPECT_THROW(with_timeout(1ms, wait_for_ever), timed_out);
      EXPECT_FALSE(thrum::this_fiber::stop_requested());
      // The outer one passes through the inner one.
      bool passed_through = false;
      EXPECT_THROW(with_timeout(1ms,
                                [&] {
                                  try {
                                    with_timeout(1h, wait_for_ever);
                                  } catch (const cancelled&) {
                                    passed_through = true;
                                    throw;
                                  }
                                }),
                   timed_out);
      EXPECT_TRUE(passed_through);
    });
    EXPECT_EQ(thrum::this_fiber::deadline(), steady_clock::time_point::max());
  });
}

TEST_P(scopes, a_stop_of_the_fiber_goes_through_them) {
  run([] {
    auto f = spawn([] {
      const auto why = left([] { with_timeout(1h, [] { with_timeout(2h, wait_for_ever); }); });
      EXPECT_EQ(why, cancel_reason::user);
      EXPECT_TRUE(thrum::this_fiber::stop_requested());
      EXPECT_THROW(with_timeout(1h, wait_for_ever), cancelled);
      // Both: the stop of the whole is what counts.
      EXPECT_EQ(left([] { with_timeout(0s, wait_for_ever); }), cancel_reason::user);
    });
    yield();
    f.request_stop();
    f.join();
  });
}

TEST_P(scopes, a_shield_keeps_requests_out_until_it_is_left) {
  run([] {
    for (const bool before : {true, false}) {
      chan<int> given;
      chan<int> begun;
      bool passed = false;
      auto f = spawn([&] {
        if (before) until([] { return thrum::this_fiber::stop_requested(); });
        shield([&] {
          begun.send(1);
          EXPECT_EQ(given.recv(), 7);
          EXPECT_FALSE(thrum::this_fiber::stop_requested());
          thrum::this_fiber::check();
          EXPECT_THROW(with_timeout(1ms, wait_for_ever), timed_out); // one inside has its effect
          passed = true;
        });
        EXPECT_TRUE(thrum::this_fiber::stop_requested());
        EXPECT_THROW(wait_for_ever(), cancelled);
      });
      if (before) f.request_stop();
      EXPECT_EQ(begun.recv(), 1);
      yield();
      f.request_stop();
      given.send(7);
      f.join();
      EXPECT_TRUE(passed);
    }
  });
}

TEST_P(scopes, a_shield_keeps_deadlines_out) {
  run([] {
    int done = 0;
    EXPECT_THROW(with_timeout(1ms,
                              [&] {
                                shield([&] {
                                  EXPECT_EQ(thrum::this_fiber::deadline(), steady_clock::time_point::max());
                                  thrum::this_fiber::sleep_for(3ms);
                                  ++done;
                                });
                                wait_for_ever();
                              }),
                 timed_out);
    EXPECT_EQ(done, 1);
  });
}

TEST_P(scopes, a_shield_holds_while_its_runtime_ends) {
  std::atomic<bool> finished{false};
  std::atomic<bool> asked{false};
  std::optional<cancel_reason> why;
  run([&] {
    thrum::go([&] {
      why = left([&] {
        try {
          asked = true;
          wait_for_ever();
        } catch (const cancelled&) {
          shield([&] {
            thrum::this_fiber::sleep_for(2ms);
            finished = true;
          });
          throw;
        }
      });
    });
    until([&] { return asked.load(); });
  });
  EXPECT_TRUE(finished);
  EXPECT_EQ(why, cancel_reason::shutdown);
}

TEST_P(scopes, on_a_plain_thread_the_work_runs_in_a_fiber) {
  EXPECT_NE(with_timeout(1h, [] { return thrum::this_fiber::id(); }), 0u);
  EXPECT_THROW(with_timeout(1ms, wait_for_ever), timed_out);
  EXPECT_EQ(shield([] { return thrum::this_fiber::id(); }), 0u);
}

// A value is taken, or the time was up: never both, never neither.
TEST_P(scopes, a_value_that_meets_the_deadline_is_received_or_stays) {
  run([] {
    for (std::size_t i = 0; i < times(300); ++i) {
      chan<int> c(1);
      auto sends = spawn([c]() mutable { c.send(7); });
      std::optional<int> got;
      try {
        with_timeout(std::chrono::microseconds(i % 60), [&] { got = c.recv(); });
      } catch (const timed_out&) { EXPECT_FALSE(got); }
      sends.join();
      const auto left_over = c.try_recv();
      EXPECT_NE(got.has_value(), left_over.has_value());
    }
  });
}

// ---- std::stop_token

TEST_P(scopes, a_token_stops_what_runs_under_it) {
  run([] {
    std::stop_source source = new_source();
    EXPECT_EQ(thrum::stop_on(source.get_token(), [] { return 7; }), 7);
    auto asks = spawn([&] {
      yield();
      source.request_stop();
    });
    EXPECT_EQ(left([&] { thrum::stop_on(source.get_token(), wait_for_ever); }), cancel_reason::user);
    asks.join();
    EXPECT_FALSE(thrum::this_fiber::stop_requested());
    EXPECT_EQ(left([&] { thrum::stop_on(source.get_token(), wait_for_ever); }),
              cancel_reason::user); // at once
    EXPECT_EQ(left([&] { thrum::stop_on(std::stop_token(), [] { yield(); }); }), std::nullopt);
  });
}

TEST_P(scopes, a_token_that_a_thread_asks_stops_a_fiber) {
  for (std::size_t i = 0; i < times(50); ++i) {
    std::stop_source source = new_source();
    std::jthread asks([&] { source.request_stop(); });
    EXPECT_EQ(run([&] { return left([&] { thrum::stop_on(source.get_token(), wait_for_ever); }); }),
              cancel_reason::user);
  }
}

TEST_P(scopes, a_fiber_that_is_stopped_asks_its_token) {
  run([] {
    EXPECT_EQ(thrum::with_stop_token([](const std::stop_token& t) { return t.stop_requested() ? 1 : 7; }), 7);
    bool waited = false;
    const auto foreign = [&](const std::stop_token& token) {
      std::atomic<bool> told{false};
      const std::stop_callback tell(token, [&] { told = true; });
      until([&] { return told.load(); });
      waited = true;
    };
    EXPECT_THROW(with_timeout(1ms, [&] { thrum::with_stop_token(foreign); }), timed_out);
    EXPECT_TRUE(waited);
    waited = false;
    auto f = spawn([&] { thrum::with_stop_token(foreign); });
    yield();
    f.request_stop();
    EXPECT_THROW(f.join(), cancelled);
    EXPECT_TRUE(waited);
  });
}

TEST_P(scopes, whoever_asks_while_the_fiber_changes_scopes_is_not_lost) {
  run([] {
    for (std::size_t i = 0; i < times(300); ++i) {
      std::stop_source source = new_source();
      std::atomic<bool> under_way{false};
      auto f = spawn([&] {
        return left([&] {
          thrum::stop_on(source.get_token(), [&] {
            under_way = true;
            for (;;) {
              if (i % 16 != 0) yield(); // else it goes on until its processor is handed off
              shield([] { EXPECT_EQ(with_timeout(1h, [] { return 1; }), 1); });
              thrum::this_fiber::check();
            }
          });
        });
      });
      until([&] { return under_way.load(); });
      if (i % 2 == 0)
        source.request_stop();
      else
        f.request_stop();
      EXPECT_EQ(f.join(), cancel_reason::user);
    }
  });
}

THRUM_ON_PROCESSORS(scopes);
