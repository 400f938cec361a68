// First in, first out: values, and those who wait. Waiters are served strictly in order of arrival, and nobody who comes
// later overtakes them.
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/thrum.h>

#include <algorithm>
#include <atomic>
#include <concepts>
#include <numeric>
#include <ranges>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::until;
using thrum::chan;
using thrum::chan_status;

// On one processor: starts a fiber for wait(i), one after the other; each has parked when the next one starts, because it says
// that it has come and gives the processor up only in its wait.
template <class Wait> std::vector<thrum::fiber<void>> queue_up(int count, Wait wait) {
  std::vector<thrum::fiber<void>> waiting;
  for (int i = 0; i < count; ++i) {
    bool here = false;
    waiting.push_back(thrum::spawn([&here, wait, i] {
      here = true;
      wait(i);
    }));
    until([&] { return here; });
  }
  return waiting;
}

void join(std::vector<thrum::fiber<void>>& all) {
  for (auto& f : all) f.join();
}

class chan_order : public test::on_processors {};
class chan_queue : public test::on_one_processor {};

} // namespace

TEST_P(chan_order, a_buffered_channel_keeps_the_order) {
  run([] {
    for (const std::size_t capacity : {1u, 2u, 3u, 10u, 1000u}) {
      chan<int> c(capacity);
      const int n = static_cast<int>(test::times(2000));
      auto sending = thrum::spawn([&] {
        for (int i = 0; i < n; ++i) c.send(i);
        c.close();
      });
      int next = 0;
      for (const int v : c) EXPECT_EQ(v, next++);
      EXPECT_EQ(next, n);
      sending.join();
    }
  });
}

TEST_P(chan_order, an_unbounded_channel_keeps_the_order_across_its_chunks) {
  run([] {
    auto c = chan<int>::unbounded();
    int sent = 0;
    int received = 0;
    // Runs ahead and is drained again in steps that are not a multiple of anything.
    for (int step = 1; step < 4000; step = step * 2 + 1) {
      for (int i = 0; i < step; ++i) c.send(sent++);
      for (int i = 0; i < step - step / 3; ++i) EXPECT_EQ(c.recv(), received++);
    }
    c.close();
    for (const int v : c) EXPECT_EQ(v, received++);
    EXPECT_EQ(received, sent);
  });
}

TEST_P(chan_order, each_producer_is_seen_in_its_own_order_by_each_consumer) {
  run([] {
    constexpr int producers = 4;
    const int n = static_cast<int>(test::times(1000));
    for (const std::size_t capacity : {0u, 1u, 16u}) {
      chan<std::pair<int, int>> c(capacity);
      std::vector<thrum::fiber<void>> sending;
      for (int p = 0; p < producers; ++p)
        sending.push_back(thrum::spawn([c, p, n] {
          for (int i = 0; i < n; ++i) c.send({p, i});
        }));
      std::vector<thrum::fiber<int>> receiving;
      for (int r = 0; r < 3; ++r)
        receiving.push_back(thrum::spawn([c] {
          int last[producers] = {-1, -1, -1, -1};
          int count = 0;
          for (const auto& [from, number] : c) {
            EXPECT_GT(number, last[from]);
            last[from] = number;
            ++count;
          }
          return count;
        }));
      join(sending);
      c.close();
      int total = 0;
      for (auto& r : receiving) total += r.join();
      EXPECT_EQ(total, producers * n);
    }
  });
}

// Go's fifo.go: each link waits for its turn, so they arrive in a known order on any number of processors.
TEST_P(chan_order, a_chain_of_receivers_gets_the_values_in_order_of_arrival) {
  run([] {
    const int n = static_cast<int>(test::times(200));
    chan<int> values;
    chan<int> start;
    chan<int> turn = start;
    std::vector<thrum::fiber<void>> links;
    for (int i = 0; i < n; ++i) {
      chan<int> next;
      links.push_back(thrum::spawn([=] {
        static_cast<void>(turn.recv());
        EXPECT_EQ(values.recv(), i);
        next.send(1);
      }));
      turn = next;
    }
    start.send(0);
    for (int i = 0; i < n; ++i) values.send(i);
    static_cast<void>(turn.recv());
    join(links);
  });
}

TEST_F(chan_queue, waiting_senders_are_served_in_order_of_arrival) {
  run([] {
    chan<int> c;
    auto senders = queue_up(20, [&](int i) { c.send(i); });
    for (int i = 0; i < 20; ++i) EXPECT_EQ(c.recv(), i);
    join(senders);
  });
}

TEST_F(chan_queue, waiting_receivers_are_served_in_order_of_arrival) {
  run([] {
    chan<int> c;
    std::vector<int> got(20, -1);
    auto receivers = queue_up(20, [&](int i) { got[static_cast<std::size_t>(i)] = *c.recv(); });
    for (int i = 0; i < 20; ++i) c.send(i);
    join(receivers);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(got[static_cast<std::size_t>(i)], i);
  });
}

TEST_F(chan_queue, every_kind_of_wait_stands_in_the_same_queue) {
  run([] {
    chan<int> c;
    const auto send = [&](int i) {
      chan<int> never;
      switch (i % 4) {
      case 0: c.send(i); break;
      case 1: thrum::select(thrum::recv(never), thrum::send(c, std::move(i))); break;
      case 2: EXPECT_EQ(c.send_for(i, 24h), chan_status::ok); break;
      case 3: thrum::select(thrum::send(c, i), thrum::after(24h), thrum::stopped()); break;
      }
    };
    auto senders = queue_up(20, send);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(c.recv(), i);
    join(senders);
  });
}

TEST_F(chan_queue, a_sender_that_comes_later_does_not_take_the_cell_of_one_that_waits) {
  run([] {
    chan<int> c(2);
    c.send(0);
    c.send(1);
    auto senders = queue_up(3, [&](int i) { c.send(2 + i); });
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(c.recv(), i);
      int late = 99;
      EXPECT_EQ(c.try_send(late), chan_status::would_block);
      EXPECT_EQ(thrum::select(thrum::send(c, late), thrum::otherwise()), 1u);
    }
    EXPECT_EQ(c.recv(), 3);
    EXPECT_EQ(c.recv(), 4);
    join(senders);
  });
}

TEST_F(chan_queue, a_receiver_that_comes_later_does_not_take_the_value_of_one_that_waits) {
  run([] {
    chan<int> c(2);
    std::vector<int> got(3, -1);
    auto receivers = queue_up(3, [&](int i) { got[static_cast<std::size_t>(i)] = *c.recv(); });
    for (int i = 0; i < 3; ++i) {
      c.send(i);
      EXPECT_EQ(c.try_recv().error(), chan_status::would_block);
      EXPECT_EQ(c.size(), 0u) << "the value goes straight to the receiver";
    }
    join(receivers);
    EXPECT_EQ(got, (std::vector<int>{0, 1, 2}));
  });
}

TEST_F(chan_queue, who_gives_up_leaves_the_order_of_the_others_alone) {
  run([] {
    chan<int> c;
    auto senders = queue_up(10, [&](int i) {
      try {
        c.send(i);
      } catch (const thrum::cancelled&) { EXPECT_TRUE(i == 0 || i == 4 || i == 5 || i == 9) << i; }
    });
    for (const int leaving : {4, 0, 9, 5}) senders[static_cast<std::size_t>(leaving)].request_stop();
    for (const int i : {1, 2, 3, 6, 7, 8}) EXPECT_EQ(c.recv(), i);
    join(senders);
    EXPECT_EQ(c.try_recv().error(), chan_status::would_block);
  });
}

TEST_F(chan_queue, a_waiting_sender_refills_the_buffer_in_order) {
  run([] {
    chan<int> c(3);
    for (int i = 0; i < 3; ++i) c.send(i);
    auto senders = queue_up(5, [&](int i) { c.send(3 + i); });
    for (int i = 0; i < 8; ++i) {
      EXPECT_EQ(c.size(), static_cast<std::size_t>(std::min(3, 8 - i)));
      EXPECT_EQ(c.recv(), i);
    }
    join(senders);
  });
}

// Go's select6.go: the loser stood last in the queue.
TEST_F(chan_queue, the_queue_is_whole_after_a_select_that_stood_last_in_it_has_left) {
  run([] {
    chan<int> quiet;
    chan<int> other;
    auto first = queue_up(1, [&](int) { EXPECT_EQ(quiet.recv(), 1); });
    auto selecting =
        queue_up(1, [&](int) { EXPECT_EQ(thrum::select(thrum::recv(quiet), thrum::recv(other)), 1u); });
    other.send(0);
    join(selecting);
    auto second = queue_up(1, [&](int) { EXPECT_EQ(quiet.recv(), 2); });
    quiet.send(1);
    quiet.send(2);
    join(first);
    join(second);
  });
}

TEST_P(chan_order, range_for_ends_at_the_close_and_may_be_left_and_taken_up_again) {
  run([] {
    chan<int> c(10);
    for (int i = 0; i < 10; ++i) c.send(i);
    c.close();
    for (const int v : c)
      if (v == 3) break;
    int next = 4; // each value is taken once, by begin() or ++, so leaving loses none
    for (const int v : thrum::receiver<int>(c)) EXPECT_EQ(v, next++);
    EXPECT_EQ(next, 10);
    for (const int v : c) FAIL() << v;
  });
}

TEST_P(chan_order, standard_views_work_on_a_channel) {
  static_assert(std::ranges::input_range<chan<int>>);
  static_assert(std::ranges::input_range<const thrum::receiver<std::string>>);
  run([] {
    chan<int> c(10);
    for (int i = 1; i <= 10; ++i) c.send(i);
    c.close();
    int sum = 0;
    for (const int v :
         std::ranges::subrange(c.begin(), c.end()) | std::views::filter([](int i) { return i % 2 == 0; }))
      sum += v;
    EXPECT_EQ(sum, 2 + 4 + 6 + 8 + 10);
  });
}

namespace {
template <class C>
concept can_send = requires(C c) { c.send(1); };
template <class C>
concept can_close = requires(C c) { c.close(); };
template <class C>
concept can_receive = requires(C c) { c.recv(); };
} // namespace

TEST(chan_views, each_direction_has_its_own_operations_only) {
  static_assert(can_send<chan<int>> && can_receive<chan<int>> && can_close<chan<int>>);
  static_assert(can_send<thrum::sender<int>> && can_close<thrum::sender<int>> &&
                !can_receive<thrum::sender<int>>);
  static_assert(can_receive<thrum::receiver<int>> && !can_send<thrum::receiver<int>> &&
                !can_close<thrum::receiver<int>>);
  static_assert(std::convertible_to<chan<int>, thrum::sender<int>>);
  static_assert(std::convertible_to<chan<int>, thrum::receiver<int>>);
  static_assert(!std::convertible_to<thrum::sender<int>, chan<int>>);
  static_assert(!std::convertible_to<thrum::receiver<int>, thrum::sender<int>>);
  static_assert(!std::convertible_to<thrum::sender<int>, thrum::receiver<int>>);

  const chan<int> c(2);
  const thrum::sender<int> in = c;
  const thrum::receiver<int> out = c;
  in.send(4);
  EXPECT_EQ(out.recv(), 4);
  in.close();
  EXPECT_TRUE(out.is_closed());
}

TEST(chan_views, handles_are_equal_exactly_if_they_name_the_same_channel) {
  const chan<int> a(1);
  const chan<int> b(1);
  chan<int> c = a;
  EXPECT_TRUE(a == c);
  EXPECT_FALSE(a == b);
  c = b;
  EXPECT_TRUE(b == c);
  const chan<int> taken = std::move(c);
  EXPECT_TRUE(taken == b);
  EXPECT_FALSE(c); // NOLINT: a handle that was moved from is nil
  c = a;
  c = static_cast<const chan<int>&>(c);
  EXPECT_TRUE(c == a);
  EXPECT_TRUE(thrum::sender<int>(a) == thrum::receiver<int>(a));
}

THRUM_ON_PROCESSORS(chan_order);
