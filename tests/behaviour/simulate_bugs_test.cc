// Bugs of order, planted: each is found within some runs, and the mended twin passes a thousand. Nothing here depends on time or chance:
// the seeds are the same each time, so a bug that is found once is found always.
#include <thrum/simulate.h>

#include <thrum/thrum.h>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <mutex>

using namespace std::chrono_literals;

namespace {

// "Is it there?", then sleep; and between the two somebody brings it, and wakes nobody.
bool wake_up(std::size_t room) {
  thrum::chan<int> bell(room);
  bool there = false;
  auto waiter = thrum::spawn([&] {
    while (!there) static_cast<void>(bell.recv());
  });
  auto bringer = thrum::spawn([&] {
    there = true;
    static_cast<void>(bell.try_send(1));
  });
  bringer.join();
  waiter.join();
  return true;
}
bool lost_wake_up() { return wake_up(0); }
bool kept_wake_up() { return wake_up(1); }

bool two_locks(bool same_order) {
  thrum::mutex a, b;
  const auto both = [](thrum::mutex& first, thrum::mutex& second) {
    const std::lock_guard one(first);
    const std::lock_guard two(second);
  };
  auto left = thrum::spawn([&] { both(a, b); });
  auto right = thrum::spawn([&] { same_order ? both(a, b) : both(b, a); });
  left.join();
  right.join();
  return true;
}
bool locks_in_two_orders() { return two_locks(false); }
bool locks_in_one_order() { return two_locks(true); }

bool withdrawals(bool with_lock) {
  thrum::mutex account;
  int balance = 100;
  const auto withdraw = [&](int amount) {
    std::unique_lock hold(account, std::defer_lock);
    if (with_lock) hold.lock();
    if (balance < amount) return;
    thrum::this_fiber::sleep_for(1ms); // asks somebody
    balance -= amount;
  };
  thrum::wait_group all;
  for (int i = 0; i < 2; ++i)
    all.go([&, i] {
      thrum::this_fiber::sleep_for(std::chrono::milliseconds(i)); // one after the other, just so
      withdraw(80);
    });
  all.wait();
  return balance >= 0;
}
bool check_then_act() { return withdrawals(false); }
bool check_and_act_locked() { return withdrawals(true); }

// The last of two who send is to close.
bool closers(bool under_lock) {
  thrum::chan<int> out;
  thrum::mutex m;
  bool other_is_done = false;
  const auto produce = [&] {
    out.send(1);
    if (under_lock) {
      const std::lock_guard hold(m);
      if (other_is_done) out.close();
      other_is_done = true;
    } else if (other_is_done) {
      out.close();
    } else {
      const std::lock_guard hold(m);
      other_is_done = true;
    }
  };
  auto one = thrum::spawn(produce);
  auto two = thrum::spawn(produce);
  int n = 0;
  for (const int v : out) n += v;
  one.join();
  two.join();
  return n == 2;
}
bool missing_close() { return closers(false); }
bool certain_close() { return closers(true); }

// Who asks gives up at the very instant of the reply; nobody takes it.
bool ask(std::size_t room) {
  thrum::chan<int> reply(room);
  auto server = thrum::spawn([&] {
    thrum::this_fiber::sleep_for(10ms);
    reply.send(42);
  });
  static_cast<void>(thrum::select(thrum::recv(reply), thrum::after(10ms)));
  server.join();
  return true;
}
bool reply_at_the_deadline() { return ask(0); }
bool reply_with_room() { return ask(1); }

struct planted {
  const char* name;
  bool (*wrong)();
  bool (*mended)();
  std::uint64_t within; // runs, from seed 1 on
};

class planted_bug : public testing::TestWithParam<planted> {};

TEST_P(planted_bug, is_found) {
  const auto found = thrum::simulate({.runs = GetParam().within, .quiet = true}, GetParam().wrong);
  EXPECT_TRUE(found.failed) << "not within " << found.runs << " runs";
  RecordProperty("runs", static_cast<int>(found.runs));
  std::printf("found in run %d\n", static_cast<int>(found.runs));
}

TEST_P(planted_bug, is_not_found_where_it_is_mended) {
  const auto found = thrum::simulate({.runs = 1'000, .quiet = true}, GetParam().mended);
  EXPECT_FALSE(found.failed) << found.failure << "seed " << found.seed;
  EXPECT_EQ(found.runs, 1'000u);
}

INSTANTIATE_TEST_SUITE_P(
    all, planted_bug,
    testing::Values(planted{"lost_wake_up", lost_wake_up, kept_wake_up, 20},
                    planted{"locks_in_two_orders", locks_in_two_orders, locks_in_one_order, 20},
                    planted{"check_then_act", check_then_act, check_and_act_locked, 20},
                    planted{"missing_close", missing_close, certain_close, 20},
                    planted{"reply_at_the_deadline", reply_at_the_deadline, reply_with_room, 20}),
    [](const auto& p) { return p.param.name; });

} // namespace
