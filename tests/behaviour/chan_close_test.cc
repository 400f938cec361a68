// Closing: who waits is woken, what is inside is delivered first, and no value is lost or doubled when a close races with
// everything else.
#include "support/ledger.h"
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/thrum.h>

#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::times;
using test::until;
using thrum::chan;
using thrum::chan_status;
using thrum::fiber;
using thrum::spawn;

class chan_close : public test::on_processors {};
class chan_close_order : public test::on_one_processor {};

} // namespace

TEST_P(chan_close, every_waiting_receiver_sees_the_end) {
  run([] {
    const chan<int> c;
    std::atomic<int> here{0};
    std::vector<fiber<bool>> receivers;
    for (int i = 0; i < 100; ++i)
      receivers.push_back(spawn([&, i] {
        ++here;
        if (i % 4 == 0) return !c.recv().has_value();
        if (i % 4 == 1) return c.recv_for(24h).error() == chan_status::closed;
        std::optional<int> got;
        if (i % 4 == 2) return thrum::select(thrum::recv(c, got), thrum::recv(chan<int>())) == 0 && !got;
        for (const int v : c) return v == 0 && false;
        return true;
      }));
    until([&] { return here == 100; });
    c.close();
    for (auto& r : receivers) EXPECT_TRUE(r.join());
  });
}

TEST_P(chan_close, every_waiting_sender_throws_and_keeps_its_value) {
  run([] {
    const chan<test::token> c(1);
    test::ledger l(101);
    c.send(test::token(l, 100));
    std::atomic<int> here{0};
    std::vector<fiber<bool>> senders;
    for (std::size_t i = 0; i < 100; ++i)
      senders.push_back(spawn([&, i] {
        test::token t(l, i);
        ++here;
        if (i % 2 == 0) return c.send_for(t, 24h) == chan_status::closed && t.is_worth_something();
        try {
          thrum::select(thrum::send(c, std::move(t)));
        } catch (const thrum::channel_closed&) { return t.is_worth_something(); }
        return false;
      }));
    until([&] { return here == 100; });
    c.close();
    for (auto& s : senders) EXPECT_TRUE(s.join());
    EXPECT_EQ(c.recv()->id(), 100u) << "what was inside is delivered";
    EXPECT_FALSE(c.recv());
  });
}

TEST_P(chan_close, closing_again_is_harmless) {
  run([] {
    const chan<int> c(3);
    c.send(1);
    std::vector<fiber<void>> closing;
    for (int i = 0; i < 10; ++i) closing.push_back(spawn([=] { c.close(); }));
    for (auto& f : closing) f.join();
    c.close();
    EXPECT_TRUE(c.is_closed());
    EXPECT_EQ(c.recv(), 1);
    EXPECT_EQ(c.recv(), std::nullopt);
  });
}

TEST_P(chan_close, values_inside_are_delivered_before_the_end) {
  run([] {
    auto unbounded = chan<int>::unbounded();
    for (const chan<int>& c : {chan<int>(5), unbounded}) {
      for (int i = 0; i < 5; ++i) c.send(i);
      c.close();
      for (int i = 0; i < 5; ++i) EXPECT_EQ(c.recv(), i);
      EXPECT_EQ(c.recv(), std::nullopt);
      EXPECT_EQ(c.try_recv().error(), chan_status::closed);
    }
  });
}

TEST_P(chan_close, channel_closed_names_the_fiber_and_its_site) {
  run([] {
    spawn(thrum::attrs{.name = "unlucky"}, [] {
      const chan<int> c;
      c.close();
      try {
        c.send(1);
        ADD_FAILURE() << "sent";
      } catch (const std::exception& e) {
        EXPECT_NE(std::strstr(e.what(), "closed channel"), nullptr) << e.what();
        EXPECT_NE(std::strstr(e.what(), "unlucky"), nullptr) << e.what();
        EXPECT_NE(std::strstr(e.what(), "chan_close_test.cc:"), nullptr) << e.what();
      }
    }).join();
  });
}

TEST_P(chan_close, no_value_is_lost_or_doubled_by_a_close_in_the_middle) {
  const std::size_t rounds = times(100);
  for (std::size_t round = 0; round < rounds; ++round) {
    constexpr std::size_t lanes = 4;
    constexpr std::size_t each = 50;
    test::ledger l(lanes * each);
    std::size_t sent = 0;
    std::size_t received = 0;
    run([&] {
      const chan<test::token> c(round % 4);
      std::vector<fiber<std::size_t>> senders;
      for (std::size_t lane = 0; lane < lanes; ++lane)
        senders.push_back(spawn([&, lane] {
          std::size_t ok = 0;
          for (std::size_t i = 0; i < each; ++i) {
            test::token t(l, lane * each + i);
            try {
              if (i % 3 == 0) {
                ok += c.send_for(t, 24h) == chan_status::ok;
              } else {
                thrum::select(thrum::send(c, std::move(t)));
                ++ok;
              }
            } catch (const thrum::channel_closed&) { EXPECT_TRUE(t.is_worth_something()); }
          }
          return ok;
        }));
      std::vector<fiber<std::size_t>> receivers;
      for (std::size_t lane = 0; lane < lanes; ++lane)
        receivers.push_back(spawn([&] {
          std::size_t n = 0;
          while (const auto got = c.recv()) n += got->is_worth_something();
          return n;
        }));
      for (std::size_t i = 0; i < round; ++i) thrum::this_fiber::yield();
      c.close();
      for (auto& s : senders) sent += s.join();
      for (auto& r : receivers) received += r.join();
    });
    EXPECT_EQ(sent, received);
    EXPECT_TRUE(l.every_token_was_destroyed_once());
    if (testing::Test::HasFailure()) break;
  }
}

TEST_P(chan_close, a_close_from_a_plain_thread_wakes_fibers_and_threads) {
  const chan<int> c;
  std::atomic<int> here{0};
  run([&] {
    auto waiting = spawn([&] {
      ++here;
      EXPECT_FALSE(c.recv());
    });
    std::thread receiving([&] {
      ++here;
      EXPECT_FALSE(c.recv());
    });
    std::thread closing([&] {
      until([&] { return here == 2; });
      c.close();
    });
    waiting.join();
    receiving.join();
    closing.join();
  });
}

// Go readies the waiters of a close so that the first in the queue runs first; here they go to the end of the run queue in
// their order.
TEST_F(chan_close_order, receivers_are_woken_in_order_of_arrival) {
  run([] {
    const chan<int> c;
    std::vector<int> order;
    std::vector<fiber<void>> receivers;
    for (int i = 0; i < 10; ++i) {
      bool here = false;
      receivers.push_back(spawn([&, i] {
        here = true;
        static_cast<void>(c.recv());
        order.push_back(i);
      }));
      until([&] { return here; });
    }
    c.close();
    for (auto& r : receivers) r.join();
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  });
}

THRUM_ON_PROCESSORS(chan_close);
