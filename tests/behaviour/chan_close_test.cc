// Closing: who waits is woken, what is inside is delivered first, and no value is lost or doubled when a close races with
// everything else.
#include "support/ledger.h"
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/operation.h>
#include <thrum/task.h>
#include <thrum/thrum.h>

#include <atomic>
#include <cstring>
#include <exception>
#include <optional>
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

// ---- with a reason

namespace {

struct broken : std::exception {};
const std::exception_ptr reason = std::make_exception_ptr(broken());

template <class F> bool throws_the_reason(F f) {
  try {
    f();
    return false;
  } catch (const broken&) { return std::current_exception() == reason; } // that very object
}

thrum::task<int> received_by_a_coroutine(chan<int> c) {
  int sum = 0;
  while (const std::optional<int> v = co_await c.async_recv()) sum += *v;
  co_return sum;
}

} // namespace

TEST_P(chan_close, a_select_has_the_reason_as_a_value_too) {
  run([] {
    const chan<int> closed, never, silent;
    closed.close(reason);
    silent.close();
    std::optional<int> got = 7;
    const auto received = thrum::select_outcome(thrum::recv(never), thrum::recv(closed, got));
    ASSERT_FALSE(received);
    EXPECT_EQ(received.error().index, 1u);
    EXPECT_EQ(received.error().reason, reason);
    EXPECT_FALSE(got);
    const auto sent = thrum::select_ordered_outcome(thrum::send(closed, 1), thrum::recv(closed));
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().index, 0u);
    EXPECT_THROW(std::rethrow_exception(sent.error().reason), thrum::channel_closed);
    // No failure: a close without a reason, and all that is not closed.
    EXPECT_EQ(thrum::select_outcome(thrum::recv(silent, got)), 0u);
    EXPECT_EQ(thrum::select_outcome(thrum::recv(never), thrum::otherwise()), 1u);
    EXPECT_EQ(thrum::select_outcome(thrum::recv(never), thrum::after(1us)), 1u);
    thrum::selector any;
    any.add(thrum::recv(never));
    any.add(thrum::recv(closed));
    EXPECT_EQ(any.wait_outcome().error().index, 1u);
    EXPECT_EQ(any.wait_ordered_outcome().error().reason, reason);
    // One that is closed while it is waited for; and the waiter's own stop request, which is thrown.
    const chan<int> later;
    auto waits = spawn([&] { return thrum::select_outcome(thrum::recv(never), thrum::recv(later)); });
    thrum::this_fiber::yield();
    later.close(reason);
    EXPECT_EQ(waits.join().error().reason, reason);
    auto stopped = spawn([&] { static_cast<void>(thrum::select_outcome(thrum::recv(never))); });
    stopped.request_stop();
    EXPECT_THROW(stopped.join(), thrum::cancelled);
  });
}

TEST_P(chan_close, a_reason_is_thrown_after_what_is_left_and_again_each_time) {
  run([] {
    for (const std::size_t capacity : {3u, 8u}) {
      const chan<int> c(capacity);
      for (int i = 1; i <= 3; ++i) c.send(i);
      EXPECT_EQ(c.close_reason(), nullptr);
      c.close(reason);
      EXPECT_TRUE(c.is_closed());
      EXPECT_EQ(c.close_reason(), reason);
      EXPECT_EQ(c.recv(), 1);
      EXPECT_EQ(c.try_recv(), 2);
      int last = 0;
      EXPECT_TRUE(throws_the_reason([&] {
        for (const int v : c) last = v;
      }));
      EXPECT_EQ(last, 3);
      std::optional<int> got = 7;
      for (int again = 0; again < 2; ++again) {
        EXPECT_TRUE(throws_the_reason([&] { static_cast<void>(c.recv()); }));
        EXPECT_TRUE(throws_the_reason([&] { static_cast<void>(thrum::select(thrum::recv(c, got))); }));
        EXPECT_TRUE(throws_the_reason([&] { static_cast<void>(thrum::select(thrum::recv(c))); }));
        EXPECT_TRUE(throws_the_reason([&] { thrum::await(received_by_a_coroutine(c)); }));
        EXPECT_TRUE(throws_the_reason([&] { static_cast<void>(thrum::await(c.async_recv())); }));
      }
      EXPECT_FALSE(got);
      EXPECT_EQ(c.try_recv().error(), chan_status::closed); // these say it by a value
      EXPECT_EQ(c.recv_for(24h).error(), chan_status::closed);
      EXPECT_THROW(c.send(1), thrum::channel_closed);
      EXPECT_EQ(c.try_send(1), chan_status::closed);
    }
  });
}

TEST_P(chan_close, every_waiting_receiver_throws_the_reason) {
  run([] {
    const chan<int> c;
    std::atomic<int> here{0};
    std::vector<fiber<bool>> receivers;
    for (int i = 0; i < 100; ++i)
      receivers.push_back(spawn([&, i] {
        ++here;
        if (i % 5 == 0) return c.recv_for(24h).error() == chan_status::closed;
        return throws_the_reason([&] {
          std::optional<int> got;
          if (i % 5 == 1) static_cast<void>(c.recv());
          if (i % 5 == 2) static_cast<void>(thrum::select(thrum::recv(c, got), thrum::recv(chan<int>())));
          if (i % 5 == 3) thrum::await(received_by_a_coroutine(c));
          for (const int v : c) ADD_FAILURE() << v;
        });
      }));
    until([&] { return here == 100; });
    c.close(reason);
    for (auto& r : receivers) EXPECT_TRUE(r.join());
  });
}

TEST_P(chan_close, only_the_first_close_has_a_say) {
  run([] {
    const chan<int> ended;
    ended.close();
    ended.close(reason);
    EXPECT_EQ(ended.close_reason(), nullptr);
    EXPECT_FALSE(ended.recv());
    const chan<int> failed;
    failed.close(reason);
    failed.close();
    failed.close(std::make_exception_ptr(1));
    EXPECT_TRUE(throws_the_reason([&] { static_cast<void>(failed.recv()); }));
    const chan<int> without;
    without.close(nullptr);
    EXPECT_FALSE(without.recv());
    EXPECT_EQ(chan<int>(nullptr).close_reason(), nullptr);
  });
}

TEST_P(chan_close, a_waiting_sender_throws_channel_closed_whatever_the_reason) {
  run([] {
    const chan<int> c;
    std::atomic<bool> here{false};
    auto sender = spawn([&] {
      here = true;
      EXPECT_THROW(c.send(1), thrum::channel_closed);
    });
    until([&] { return here.load(); });
    c.close(reason);
    sender.join();
  });
}

THRUM_ON_PROCESSORS(chan_close);
