// Selects of more cases than fit on a frame, selectors that are used again and again, and what a wake-up costs when very many
// wait in one queue.
#include "support/ledger.h"
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/thrum.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <ctime>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::times;
using thrum::chan;
using thrum::chan_status;
using thrum::fiber;
using thrum::spawn;

class select_many : public test::on_processors {};

std::vector<chan<std::size_t>> channels(std::size_t count, std::size_t capacity) {
  std::vector<chan<std::size_t>> all;
  for (std::size_t i = 0; i < count; ++i) all.emplace_back(capacity);
  return all;
}

} // namespace

TEST_P(select_many, any_number_of_cases_is_chosen_from_and_waited_for) {
  run([] {
    for (const std::size_t count : {1u, 2u, 15u, 16u, 17u, 31u, 32u, 33u, 64u, 65u, 500u}) {
      const auto all = channels(count, 0);
      std::optional<std::size_t> got;
      thrum::selector any;
      for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(any.add(thrum::recv(all[i], got)), i);
      EXPECT_EQ(any.size(), count);
      auto sending = spawn([&] {
        for (std::size_t i = 0; i < count; ++i) all[(i * 7) % count].send(i);
      });
      for (std::size_t i = 0; i < count; ++i) {
        EXPECT_EQ(any.wait(), (i * 7) % count);
        EXPECT_EQ(got, i);
      }
      sending.join();
      // Ready already, nothing to wait for.
      const auto ready = channels(count, 1);
      thrum::selector some;
      for (const auto& c : ready) some.add(thrum::recv(c, got));
      for (std::size_t i = 0; i < count; ++i) {
        ready[i].send(i);
        EXPECT_EQ(some.wait(), i);
        EXPECT_EQ(got, i);
      }
    }
  });
}

TEST_P(select_many, otherwise_looks_at_every_one_of_many) {
  run([] {
    for (const std::size_t count : {16u, 32u, 33u, 100u}) {
      const auto all = channels(count, 1);
      thrum::selector any;
      for (const auto& c : all) any.add(thrum::recv(c));
      any.add(thrum::otherwise());
      for (std::size_t i = 0; i < count; ++i) {
        EXPECT_EQ(any.wait(), count);
        all[i].send(1);
        EXPECT_EQ(any.wait(), i);
      }
    }
  });
}

TEST_P(select_many, selectors_over_the_same_channels_in_any_order_do_not_block_each_other) {
  run([] {
    constexpr std::size_t count = 24;
    constexpr std::size_t lanes = 4;
    const std::size_t each = times(1000);
    test::ledger l(lanes * each);
    {
      std::vector<chan<test::token>> all;
      for (std::size_t i = 0; i < count; ++i) all.emplace_back(i % 3 == 0 ? 1 : 0);
      std::vector<fiber<void>> senders;
      for (std::size_t lane = 0; lane < lanes; ++lane)
        senders.push_back(spawn([&, lane] {
          for (std::size_t i = 0; i < each; ++i) {
            test::token t(l, lane * each + i);
            thrum::selector any;
            for (std::size_t k = 0; k < count; ++k)
              any.add(thrum::send(all[(k * 5 + lane) % count], std::move(t)));
            any.wait();
            EXPECT_FALSE(t.is_worth_something());
          }
        }));
      std::vector<fiber<std::size_t>> receivers;
      const chan<int> end;
      for (std::size_t lane = 0; lane < lanes; ++lane)
        receivers.push_back(spawn([&, lane] {
          std::size_t n = 0;
          std::optional<test::token> got;
          thrum::selector any;
          for (std::size_t k = 0; k < count; ++k) any.add(thrum::recv(all[(k * 7 + lane) % count], got));
          const std::size_t ended = any.add(thrum::recv(end));
          while (any.wait() != ended) {
            ++n;
            EXPECT_TRUE(got && got->is_worth_something());
            got.reset();
          }
          for (const auto& c : all) // the end may win over what is still inside
            while (auto rest = c.try_recv()) ++n;
          return n;
        }));
      for (auto& s : senders) s.join();
      end.close();
      std::size_t total = 0;
      for (auto& r : receivers) total += r.join();
      EXPECT_EQ(total, lanes * each);
    }
    EXPECT_TRUE(l.every_token_was_destroyed_once());
  });
}

TEST_P(select_many, a_selector_is_used_again_for_receiving_timing_out_and_ending) {
  run([] {
    const chan<int> a(1);
    const chan<int> b;
    std::optional<int> from_a;
    std::optional<int> from_b;
    thrum::selector any;
    any.add(thrum::recv(a, from_a));
    any.add(thrum::recv(b, from_b));
    any.add(thrum::after(200us));
    auto sending = spawn([&] {
      for (int i = 0; i < 50; ++i) b.send(i);
    });
    int b_count = 0;
    int timeouts = 0;
    while (b_count < 50 || timeouts < 3) {
      switch (any.wait()) {
      case 1: EXPECT_EQ(from_b, b_count++); break;
      case 2: ++timeouts; break;
      default: ADD_FAILURE();
      }
    }
    sending.join();
    a.send(5);
    while (any.wait() != 0) {}
    EXPECT_EQ(from_a, 5);
    b.close();
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(any.wait_ordered(), 1u);
      EXPECT_EQ(from_b, std::nullopt);
    }
  });
}

TEST_P(select_many, a_value_that_is_moved_from_a_selector_is_sent_once) {
  run([] {
    const chan<std::unique_ptr<int>> c(1);
    const chan<int> other(1);
    auto p = std::make_unique<int>(3);
    thrum::selector any;
    any.add(thrum::send(c, std::move(p)));
    any.add(thrum::recv(other));
    other.send(1);
    while (p != nullptr) {
      if (any.wait() == 1) {
        EXPECT_NE(p, nullptr);
        other.send(1);
      }
    }
    EXPECT_EQ(**c.recv(), 3);
  });
}

namespace {

// CPU time of this process, which other programs do not add to.
double cpu_seconds() {
  timespec t;
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

// Go's chanlinear.go: `count` fibers wait in one queue by select and are taken out of its middle one after the other.
double cost_of_leaving_a_queue(std::size_t count) {
  const chan<int> shared;
  std::vector<chan<int>> own;
  std::vector<fiber<void>> waiting;
  std::atomic<std::size_t> here{0};
  for (std::size_t i = 0; i < count; ++i) own.emplace_back();
  for (std::size_t i = 0; i < count; ++i)
    waiting.push_back(spawn([&, i] {
      ++here;
      EXPECT_EQ(thrum::select(thrum::recv(shared), thrum::recv(own[i])), 1u);
    }));
  test::until([&] { return here == count; });
  const double begin = cpu_seconds();
  for (std::size_t i = 0; i < count; ++i) own[(i * 7919) % count].send(1);
  for (auto& w : waiting) w.join();
  return cpu_seconds() - begin;
}

} // namespace

// A queue that has to be searched for each one that leaves costs sixteen times as much per fiber when it is sixteen times as
// long. So one long queue is compared with sixteen short ones, of as many fibers: what a busy machine adds (workers that wake up,
// hand-offs, cold caches) is small against both, and the bound is far above it.
TEST_P(select_many, leaving_a_long_queue_costs_each_the_same) {
  run([] {
    const std::size_t few = times(1000);
    double best = 1e9;
    for (int attempt = 0; attempt < 10 && best > 4; ++attempt) {
      double short_ones = 0;
      for (int i = 0; i < 16; ++i) short_ones += cost_of_leaving_a_queue(few);
      best = std::min(best, cost_of_leaving_a_queue(16 * few) / short_ones);
    }
    EXPECT_LT(best, 8) << "16 times as many";
  });
}

// Waiters that were decided elsewhere are dropped, not searched through again and again.
TEST_P(select_many, waiters_that_left_do_not_slow_the_others_down) {
  run([] {
    const std::size_t n = times(1000);
    const chan<int> shared;
    std::vector<fiber<std::size_t>> waiting;
    for (std::size_t i = 0; i < n; ++i)
      waiting.push_back(spawn([&] { return thrum::select(thrum::recv(shared), thrum::stopped()); }));
    for (std::size_t i = 0; i < n; i += 2) waiting[i].request_stop();
    // A fiber that was asked before it waits may still receive, so they are all gone before anything is sent.
    std::size_t stopped = 0;
    for (std::size_t i = 0; i < n; i += 2) stopped += waiting[i].join();
    EXPECT_EQ(stopped, n - n / 2);
    std::size_t received = 0;
    for (std::size_t i = 0; i < n / 2; ++i) {
      int v = 1;
      received += shared.send_for(v, 10s) == chan_status::ok;
    }
    EXPECT_EQ(received, n / 2);
    for (std::size_t i = 1; i < n; i += 2) EXPECT_EQ(waiting[i].join(), 0u);
  });
}

THRUM_ON_PROCESSORS(select_many);
