// Selects that race with each other, with closes and with plain operations: exactly one case is done, `otherwise` is taken
// only if nothing was ready at one instant, and nothing of a losing case stays behind.
#include "support/ledger.h"
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/thrum.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::times;
using thrum::chan;
using thrum::chan_status;
using thrum::fiber;
using thrum::spawn;

class select_race : public test::on_processors {};

} // namespace

// Go's TestNonblockSelectRace: one of the two channels holds a value at every moment.
TEST_P(select_race, otherwise_is_not_taken_while_a_value_moves_from_one_channel_to_another) {
  run([] {
    const std::size_t n = times(5000);
    const chan<int> done(1);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const chan<int> a(1);
      const chan<int> b(1);
      a.send(1);
      auto selecting =
          spawn([=] { return thrum::select(thrum::recv(a), thrum::recv(b), thrum::otherwise()) == 2; });
      b.send(1);
      thrum::select(thrum::recv(a), thrum::otherwise());
      wrong += selecting.join();
    }
    EXPECT_EQ(wrong, 0u);
  });
}

// Go's TestNonblockSelectRace2: the same with a close.
TEST_P(select_race, otherwise_is_not_taken_while_one_of_two_is_always_ready_by_a_close) {
  run([] {
    const std::size_t n = times(5000);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const chan<int> a(1);
      const chan<int> b;
      a.send(1);
      auto selecting =
          spawn([=] { return thrum::select(thrum::recv(a), thrum::recv(b), thrum::otherwise()) == 2; });
      b.close();
      thrum::select(thrum::recv(a), thrum::otherwise());
      wrong += selecting.join();
    }
    EXPECT_EQ(wrong, 0u);
  });
}

// A value goes round a ring of channels for ever; more than the words that a select remembers on its frame.
TEST_P(select_race, otherwise_is_not_taken_while_a_value_goes_round_many_channels) {
  run([] {
    for (const std::size_t size : {2u, 5u, 40u}) {
      std::vector<chan<int>> ring;
      for (std::size_t i = 0; i < size; ++i) ring.emplace_back(1);
      std::atomic<bool> stop{false};
      ring[0].send(1);
      // Puts the value into the next channel before it takes it from the present one.
      auto moving = spawn([&] {
        for (std::size_t at = 0; !stop; at = (at + 1) % size) {
          ring[(at + 1) % size].send(1);
          static_cast<void>(ring[at].recv());
          if (at % 3 == 0) thrum::this_fiber::yield();
        }
      });
      std::size_t wrong = 0;
      const std::size_t n = times(2000);
      for (std::size_t i = 0; i < n; ++i) {
        thrum::selector any;
        for (const auto& c : ring) any.add(thrum::recv(c));
        any.add(thrum::otherwise());
        const std::size_t chosen = any.wait();
        if (chosen == size) {
          ++wrong;
          break;
        }
        ring[chosen].send(1); // back where it was: the mover cannot have come round to this place without it
        if (i % 5 == 0) thrum::this_fiber::yield();
      }
      stop = true;
      // The mover may wait to receive what was moved on under it.
      for (const auto& c : ring) c.close();
      try {
        moving.join();
      } catch (const thrum::channel_closed&) { // it was about to send
      }
      EXPECT_EQ(wrong, 0u) << size;
    }
  });
}

// Go's TestSelfSelect: each of two fibers offers both directions of one channel; no value returns to its sender.
TEST_P(select_race, a_select_of_both_directions_meets_only_others) {
  run([] {
    for (const std::size_t capacity : {0u, 10u}) {
      const chan<int> c(capacity);
      const std::size_t n = times(5000);
      std::vector<fiber<std::size_t>> pair;
      for (int me = 0; me < 2; ++me)
        pair.push_back(spawn([=] {
          std::size_t own = 0;
          for (std::size_t i = 0; i < n; ++i) {
            std::optional<int> got;
            const bool receive_first = (i + static_cast<std::size_t>(me)) % 2 == 0;
            const std::size_t done = receive_first
                                         ? thrum::select(thrum::recv(c, got), thrum::send(c, me))
                                         : 1 - thrum::select(thrum::send(c, me), thrum::recv(c, got));
            if (done == 0 && capacity == 0 && got == me) ++own;
          }
          return own;
        }));
      // One side may be left alone with an operation that needs the other: it is helped until both are done.
      std::optional<int> got;
      while (!pair[0].ended() || !pair[1].ended()) {
        thrum::select(thrum::recv(c, got), thrum::send(c, 2), thrum::otherwise());
        thrum::this_fiber::yield();
      }
      for (auto& f : pair) EXPECT_EQ(f.join(), 0u);
    }
  });
}

// Go's doubleselect.go: one sender selects over four channels, two of which come back to it multiplexed; a case that fired twice
// would deliver a number twice.
TEST_P(select_race, two_cases_of_one_select_never_both_fire) {
  run([] {
    const int n = static_cast<int>(times(8000));
    std::vector<chan<int>> lanes;
    for (int i = 0; i < 4; ++i) lanes.emplace_back();
    const chan<int> merged;
    auto sending = spawn([=] {
      for (int i = 0; i < n; ++i)
        thrum::select(thrum::send(lanes[0], i), thrum::send(lanes[1], i), thrum::send(lanes[2], i),
                      thrum::send(lanes[3], i));
      for (const auto& c : lanes) c.close();
    });
    auto left = std::make_shared<std::atomic<int>>(4);
    for (const auto& lane : lanes)
      thrum::go([=] {
        for (const int v : lane) merged.send(v);
        if (--*left == 0) merged.close();
      });
    std::vector<int> seen(static_cast<std::size_t>(n));
    for (const int v : merged) ++seen.at(static_cast<std::size_t>(v));
    EXPECT_EQ(seen, std::vector<int>(static_cast<std::size_t>(n), 1));
    sending.join();
  });
}

// Two selecting fibers that offer to each other over several channels at once, in opposite orders.
TEST_P(select_race, selects_that_meet_selects_pass_each_value_once) {
  const std::size_t each = times(2000);
  test::ledger l(4 * each);
  std::atomic<std::size_t> received{0};
  run([&] {
    const chan<test::token> a;
    const chan<test::token> b;
    const chan<test::token> c(1);
    std::vector<fiber<void>> senders;
    for (std::size_t s = 0; s < 4; ++s)
      senders.push_back(spawn([&, s] {
        for (std::size_t i = 0; i < each; ++i) {
          test::token t(l, s * each + i);
          if (s % 2 == 0)
            thrum::select(thrum::send(a, std::move(t)), thrum::send(b, std::move(t)),
                          thrum::send(c, std::move(t)));
          else
            thrum::select(thrum::send(c, std::move(t)), thrum::send(b, std::move(t)),
                          thrum::send(a, std::move(t)));
          EXPECT_FALSE(t.is_worth_something());
        }
      }));
    std::vector<fiber<void>> receivers;
    for (int r = 0; r < 4; ++r)
      receivers.push_back(spawn([&] {
        for (;;) {
          std::optional<test::token> got;
          thrum::select(thrum::recv(b, got), thrum::recv(c, got), thrum::recv(a, got));
          if (!got) return;
          received += got->is_worth_something();
        }
      }));
    for (auto& s : senders) s.join();
    while (c.size() != 0) thrum::this_fiber::yield();
    for (const auto* x : {&a, &b, &c}) x->close();
    for (auto& r : receivers) r.join();
  });
  EXPECT_EQ(received, 4 * each);
  EXPECT_TRUE(l.every_token_was_destroyed_once());
}

// Go's TestSelectStress: four channels, senders and receivers one by one and by select, which drops what it has finished.
TEST_P(select_race, plain_and_selecting_fibers_share_four_channels) {
  run([] {
    const int n = static_cast<int>(times(2000));
    std::vector<chan<int>> c;
    c.emplace_back();
    c.emplace_back();
    c.emplace_back(2);
    c.emplace_back(3);
    std::vector<fiber<void>> all;
    for (std::size_t k = 0; k < 4; ++k) {
      all.push_back(spawn([=, lane = c[k]] {
        for (int i = 0; i < n; ++i) lane.send(0);
      }));
      all.push_back(spawn([=, lane = c[k]] {
        for (int i = 0; i < n; ++i) static_cast<void>(lane.recv());
      }));
    }
    all.push_back(spawn([=] {
      auto open = c;
      int count[4] = {};
      for (int i = 0; i < 4 * n; ++i) {
        const std::size_t k = thrum::select(thrum::send(open[3], 0), thrum::send(open[2], 0),
                                            thrum::send(open[0], 0), thrum::send(open[1], 0));
        constexpr std::size_t lane[] = {3, 2, 0, 1};
        if (++count[lane[k]] == n) open[lane[k]] = chan<int>(nullptr);
      }
    }));
    all.push_back(spawn([=] {
      auto open = c;
      int count[4] = {};
      for (int i = 0; i < 4 * n; ++i) {
        const std::size_t k = thrum::select(thrum::recv(open[0]), thrum::recv(open[1]), thrum::recv(open[2]),
                                            thrum::recv(open[3]));
        if (++count[k] == n) open[k] = chan<int>(nullptr);
      }
    }));
    for (auto& f : all) f.join();
    for (const auto& lane : c) EXPECT_EQ(lane.size(), 0u);
  });
}

// Go's TestSelectDuplicateChannel: a fiber that stands twice in one queue is woken once.
TEST_P(select_race, a_channel_may_stand_in_several_cases) {
  run([] {
    const std::size_t n = times(1000);
    for (std::size_t i = 0; i < n; ++i) {
      const chan<int> c;
      const chan<int> d;
      const chan<int> e;
      auto doubled = spawn([=] {
        thrum::select(thrum::recv(c), thrum::recv(c), thrum::recv(d));
        e.send(9);
      });
      thrum::this_fiber::yield();
      auto single = spawn([=] { static_cast<void>(c.recv()); });
      thrum::this_fiber::yield();
      d.send(7);
      static_cast<void>(e.recv());
      c.send(8); // to the single one: the doubled one has left both its places
      single.join();
      doubled.join();
    }
  });
}

// Go's select2.go: what a select leaves behind on a quiet channel would grow without bound. A waiter that stayed there would
// be dead when the channel is used at last.
TEST_P(select_race, nothing_of_a_losing_case_stays_behind) {
  run([] {
    const std::size_t n = times(100'000);
    const chan<int> quiet_in;
    const chan<int> quiet_out(1);
    quiet_out.send(0);
    const chan<int> busy;
    auto sending = spawn([=] {
      for (std::size_t i = 0; i < n; ++i) busy.send(1);
    });
    for (std::size_t i = 0; i < n; ++i)
      ASSERT_EQ(thrum::select(thrum::recv(quiet_in), thrum::recv(busy), thrum::send(quiet_out, 5),
                              thrum::after(1h)),
                1u);
    sending.join();
    EXPECT_EQ(quiet_in.try_recv().error(), chan_status::would_block);
    int v = 5;
    EXPECT_EQ(quiet_in.try_send(v), chan_status::would_block) << "nobody waits there";
    EXPECT_EQ(quiet_out.recv(), 0);
    EXPECT_EQ(quiet_out.size(), 0u) << "no sender was left to refill it";
  });
}

TEST_P(select_race, a_close_and_a_value_on_two_channels_have_one_winner) {
  run([] {
    const std::size_t n = times(2000);
    for (std::size_t i = 0; i < n; ++i) {
      test::ledger l(1);
      {
        const chan<test::token> values;
        const chan<int> end;
        auto selecting = spawn([=] {
          std::optional<test::token> got;
          const std::size_t chosen = thrum::select(thrum::recv(values, got), thrum::recv(end));
          EXPECT_EQ(got.has_value(), chosen == 0);
          return chosen;
        });
        auto closing = spawn([=] { end.close(); });
        test::token t(l, 0);
        if (i % 3 == 0) thrum::this_fiber::yield();
        const bool sent = values.try_send(t) == chan_status::ok;
        closing.join();
        EXPECT_EQ(selecting.join(), sent ? 0u : 1u);
        EXPECT_EQ(t.is_worth_something(), !sent);
      }
      EXPECT_TRUE(l.every_token_was_destroyed_once());
    }
  });
}

TEST_P(select_race, threads_and_fibers_select_against_each_other) {
  const std::size_t each = times(1000);
  test::ledger l(4 * each);
  std::atomic<std::size_t> received{0};
  run([&] {
    const chan<test::token> a;
    const chan<test::token> b(1);
    const auto send = [&](std::size_t lane) {
      for (std::size_t i = 0; i < each; ++i) {
        test::token t(l, lane * each + i);
        thrum::select(thrum::send(a, std::move(t)), thrum::send(b, std::move(t)));
      }
    };
    const auto receive = [&] {
      for (;;) {
        std::optional<test::token> got;
        thrum::select(thrum::recv(b, got), thrum::recv(a, got), thrum::after(1h));
        if (!got) return;
        ++received;
      }
    };
    std::vector<std::thread> threads;
    threads.emplace_back(send, 0);
    threads.emplace_back(send, 1);
    threads.emplace_back(receive);
    auto first = spawn([&] { send(2); });
    auto second = spawn([&] { send(3); });
    auto third = spawn([&] { receive(); });
    first.join();
    second.join();
    test::until([&] { return received == 4 * each; });
    a.close();
    b.close();
    third.join();
    for (auto& t : threads) t.join();
  });
  EXPECT_TRUE(l.every_token_was_destroyed_once());
}

THRUM_ON_PROCESSORS(select_race);
