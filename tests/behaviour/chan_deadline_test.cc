// Operations with a deadline: either the operation is done or the time has passed, never both and never neither. Nothing
// here measures how late a deadline is, only that it is never early.
#include "support/ledger.h"
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/thrum.h>

#include <chrono>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using test::times;
using thrum::chan;
using thrum::chan_status;
using thrum::spawn;

class chan_deadline : public test::on_processors {};

// Both kinds of agent.
template <class F> void on_fiber_and_thread(const thrum::options& o, F f) {
  thrum::run(f, o);
  std::thread(f).join();
}

} // namespace

TEST_P(chan_deadline, a_timeout_is_never_early) {
  on_fiber_and_thread(options(), [] {
    const chan<int> empty;
    for (const auto timeout : {1us, 100us, 1'700us, 5'000us}) {
      const auto begin = steady_clock::now();
      EXPECT_EQ(empty.recv_for(timeout).error(), chan_status::timeout);
      EXPECT_GE(steady_clock::now() - begin, timeout);

      const auto point = steady_clock::now() + timeout;
      int v = 1;
      EXPECT_EQ(empty.send_until(v, point), chan_status::timeout);
      EXPECT_GE(steady_clock::now(), point);

      const auto then = steady_clock::now();
      EXPECT_EQ(thrum::select(thrum::recv(empty), thrum::after(timeout)), 1u);
      EXPECT_GE(steady_clock::now() - then, timeout);
    }
  });
}

TEST_P(chan_deadline, a_deadline_that_has_passed_still_takes_what_is_ready) {
  on_fiber_and_thread(options(), [] {
    const chan<int> c(1);
    int v = 5;
    for (int i = 0; i < 100; ++i) {
      EXPECT_EQ(c.send_until(v, steady_clock::time_point::min()), chan_status::ok);
      EXPECT_EQ(c.send_for(v, -1s), chan_status::timeout) << "full";
      EXPECT_EQ(c.recv_until(steady_clock::now() - 24h).value(), 5);
      EXPECT_EQ(c.recv_for(0ns).error(), chan_status::timeout) << "empty";
    }
  });
}

TEST_P(chan_deadline, a_value_that_is_given_as_an_rvalue_is_kept_unless_it_was_sent) {
  on_fiber_and_thread(options(), [] {
    const chan<std::unique_ptr<int>> c(1);
    EXPECT_EQ(c.send_for(std::make_unique<int>(1), 1s), chan_status::ok);
    auto value = std::make_unique<int>(2);
    EXPECT_EQ(c.send_for(std::move(value), 0s), chan_status::timeout);
    ASSERT_NE(value, nullptr);
    EXPECT_EQ(c.send_until(std::move(value), steady_clock::now() - 1s), chan_status::timeout);
    ASSERT_NE(value, nullptr);
    EXPECT_EQ(*c.recv().value(), 1);
    EXPECT_EQ(c.send_until(std::move(value), steady_clock::now() - 1s), chan_status::ok);
    EXPECT_EQ(value, nullptr);
    EXPECT_EQ(*c.recv().value(), 2);
  });
}

TEST_P(chan_deadline, durations_and_clocks_of_every_kind_are_understood) {
  on_fiber_and_thread(options(), [] {
    const chan<int> empty;
    using tenths = std::chrono::duration<double, std::deci>;
    using thirds = std::chrono::duration<long, std::ratio<1, 3000>>;
    EXPECT_EQ(empty.recv_for(tenths(0.001)).error(), chan_status::timeout);
    EXPECT_EQ(empty.recv_for(thirds(1)).error(), chan_status::timeout);
    EXPECT_EQ(empty.recv_for(std::chrono::duration<float>(-1.0f)).error(), chan_status::timeout);
    EXPECT_EQ(empty.recv_until(std::chrono::system_clock::now() + 1ms).error(), chan_status::timeout);
    EXPECT_EQ(empty.recv_until(std::chrono::system_clock::now() - 24h).error(), chan_status::timeout);
    EXPECT_EQ(empty.recv_until(std::chrono::steady_clock::time_point{}).error(), chan_status::timeout);
  });
}

// An overflow would make "for ever" lie in the past.
TEST_P(chan_deadline, the_longest_durations_do_not_overflow) {
  run([] {
    using test::ends;
    const auto waits = [](auto timeout) {
      for (const bool parked : {false, true}) {
        const chan<int> empty;
        EXPECT_EQ(test::how_it_ends([&] { static_cast<void>(empty.recv_for(timeout)); }, parked),
                  ends::after_waiting);
        EXPECT_EQ(test::how_it_ends([&] { thrum::select(thrum::after(timeout)); }, parked),
                  ends::after_waiting);
        EXPECT_EQ(test::how_it_ends([&] { thrum::this_fiber::sleep_for(timeout); }, parked),
                  ends::after_waiting);
      }
    };
    waits(std::chrono::nanoseconds::max());
    waits(std::chrono::seconds::max());
    waits(std::chrono::hours::max());
    waits(std::chrono::years::max());
    waits(std::chrono::duration<double>(1e300));
    waits(std::chrono::hours(24) * 365 * 150);
    waits(std::chrono::hours(24) * 365 * 250);
    const auto waits_until = [](auto point) {
      for (const bool parked : {false, true}) {
        const chan<int> empty;
        EXPECT_EQ(test::how_it_ends([&] { static_cast<void>(empty.recv_until(point)); }, parked),
                  ends::after_waiting);
        EXPECT_EQ(test::how_it_ends([&] { thrum::select(thrum::at(point)); }, parked), ends::after_waiting);
        EXPECT_EQ(test::how_it_ends([&] { thrum::this_fiber::sleep_until(point); }, parked),
                  ends::after_waiting);
      }
    };
    waits_until(steady_clock::time_point::max());
    waits_until(std::chrono::time_point<steady_clock, std::chrono::hours>::max());
    waits_until(std::chrono::system_clock::now() + std::chrono::hours(24) * 365 * 100);
    waits_until(std::chrono::system_clock::time_point::max());
  });
}

TEST_P(chan_deadline, a_value_and_a_timeout_that_race_have_one_winner) {
  run([] {
    const std::size_t rounds = times(1000);
    std::size_t received = 0;
    for (std::size_t i = 0; i < rounds; ++i) {
      test::ledger l(1);
      {
        const chan<test::token> c;
        auto receiving = spawn([&] { return c.recv_for(std::chrono::microseconds(i % 40)).has_value(); });
        test::token t(l, 0);
        for (std::size_t k = 0; k < i % 7; ++k) thrum::this_fiber::yield();
        const chan_status sent = c.send_for(t, std::chrono::microseconds(i * 7 % 40));
        const bool arrived = receiving.join();
        EXPECT_EQ(sent == chan_status::ok, arrived);
        EXPECT_EQ(t.is_worth_something(), !arrived);
        received += arrived;
      }
      EXPECT_TRUE(l.every_token_was_destroyed_once());
    }
    RecordProperty("received", static_cast<int>(received));
  });
}

TEST_P(chan_deadline, a_value_and_a_timeout_of_a_plain_thread_have_one_winner) {
  run([] {
    const std::size_t rounds = times(400);
    const chan<test::token> c;
    const chan<int> results;
    std::thread receiving([&] {
      for (std::size_t i = 0; i < rounds; ++i) {
        const bool arrived =
            c.recv_for(std::chrono::microseconds(i * 3 % 80)).has_value(); // and is destroyed
        results.send(arrived ? 1 : 0);
      }
    });
    for (std::size_t i = 0; i < rounds; ++i) {
      test::ledger l(1);
      {
        test::token t(l, 0);
        const bool sent = c.send_for(t, std::chrono::microseconds(i * 7 % 80)) == chan_status::ok;
        EXPECT_EQ(results.recv(), sent ? 1 : 0);
        EXPECT_EQ(t.is_worth_something(), !sent);
      }
      EXPECT_TRUE(l.every_token_was_destroyed_once());
    }
    receiving.join();
  });
}

TEST_P(chan_deadline, timeouts_that_are_never_reached_cost_nothing_later) {
  run([] {
    const std::size_t n = times(20'000);
    const chan<int> c(1);
    for (std::size_t i = 0; i < n; ++i) {
      int v = 1;
      EXPECT_EQ(c.send_for(v, 1h), chan_status::ok);
      EXPECT_TRUE(c.recv_for(1h));
    }
    // And ones that had to be set: the value comes while the receiver waits.
    auto sending = spawn([&] {
      for (std::size_t i = 0; i < n / 10; ++i) {
        thrum::this_fiber::yield();
        c.send(1);
      }
    });
    for (std::size_t i = 0; i < n / 10; ++i) EXPECT_TRUE(c.recv_for(1h));
    sending.join();
  });
}

TEST_P(chan_deadline, many_waiters_with_different_deadlines_all_time_out) {
  run([] {
    const chan<int> empty;
    std::vector<thrum::fiber<chan_status>> waiting;
    for (int i = 0; i < 300; ++i)
      waiting.push_back(
          spawn([&, i] { return empty.recv_for(std::chrono::microseconds(i * 37 % 5000)).error(); }));
    for (auto& w : waiting) EXPECT_EQ(w.join(), chan_status::timeout);
  });
}

THRUM_ON_PROCESSORS(chan_deadline);
