// What may travel through a channel, and that each value is destroyed exactly once, however its journey ends.
#include "support/ledger.h"
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/thrum.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::ledger;
using test::token;
using thrum::chan;
using thrum::chan_status;

class chan_values : public test::on_processors {};

// Sends n values made by make(i) through a channel and checks them with is_right(value, i).
template <class T, class Make, class Check> void pass_through(chan<T> c, int n, Make make, Check is_right) {
  auto sending = thrum::spawn({.stack = 512 << 10}, [&] {
    for (int i = 0; i < n; ++i) {
      T value = make(i);
      EXPECT_EQ(thrum::select(thrum::send(c, std::move(value))), 0u);
    }
    c.close();
  });
  int i = 0;
  for (;;) {
    std::optional<T> got = c.recv();
    if (!got) break;
    EXPECT_TRUE(is_right(*got, i)) << "value " << i;
    ++i;
  }
  EXPECT_EQ(i, n);
  sending.join();
}

template <class T, class Make, class Check> void through_every_kind(Make make, Check is_right) {
  pass_through(chan<T>(), 20, make, is_right);
  pass_through(chan<T>(1), 20, make, is_right);
  pass_through(chan<T>(7), 20, make, is_right);
  pass_through(chan<T>::unbounded(), 40, make, is_right);
}

template <std::size_t Alignment> struct alignas(Alignment) aligned {
  static inline std::atomic<int> misplaced{0};
  int number = 0;

  explicit aligned(int n) noexcept : number(n) { look(); }
  aligned(aligned&& other) noexcept : number(other.number) { look(); }
  ~aligned() = default;
  void look() const noexcept {
    auto address = reinterpret_cast<std::uintptr_t>(this);
    asm("" : "+r"(address)); // the compiler knows the answer for an object whose place it trusts
    if (address % Alignment != 0) ++misplaced;
  }
};

template <std::size_t Alignment> void align_through_every_kind() {
  using T = aligned<Alignment>;
  through_every_kind<T>([](int i) { return T(i); }, [](const T& v, int i) { return v.number == i; });
  EXPECT_EQ(T::misplaced, 0);
}

struct nothing {};

struct request {
  int number;
  chan<int> reply;
};
template <class T>
concept made_from_one_number = requires { T{5}; };

} // namespace

TEST_P(chan_values, move_only_values_travel) {
  run([] {
    through_every_kind<std::unique_ptr<int>>([](int i) { return std::make_unique<int>(i); },
                                             [](const auto& v, int i) { return *v == i; });
  });
}

TEST_P(chan_values, strings_and_vectors_travel) {
  run([] {
    through_every_kind<std::string>(
        [](int i) { return std::string(static_cast<std::size_t>(i) * 7, 'x'); },
        [](const auto& v, int i) { return v.size() == static_cast<std::size_t>(i) * 7; });
    through_every_kind<std::vector<int>>([](int i) { return std::vector<int>(5, i); },
                                         [](const auto& v, int i) { return v == std::vector<int>(5, i); });
  });
}

TEST_P(chan_values, empty_types_travel) {
  run([] { through_every_kind<nothing>([](int) { return nothing(); }, [](nothing, int) { return true; }); });
}

TEST_P(chan_values, large_values_travel) {
  using block = std::array<std::uint16_t, 4000>;
  thrum::options o = options();
  thrum::runtime r(o);
  r.run([] {
    thrum::spawn({.stack = 512 << 10}, [] {
      through_every_kind<block>(
          [](int i) {
            block b;
            b.fill(static_cast<std::uint16_t>(i));
            return b;
          },
          [](const block& b, int i) {
            for (const std::uint16_t v : b)
              if (v != i) return false;
            return true;
          });
    }).join();
  });
}

TEST_P(chan_values, values_stand_where_their_alignment_wants_them) {
  run([] {
    thrum::spawn({.stack = 1 << 20}, [] {
      align_through_every_kind<alignof(int)>();
      align_through_every_kind<16>();
      align_through_every_kind<64>();
      align_through_every_kind<256>();
      align_through_every_kind<4096>();
    }).join();
  });
}

// Larger than the chunks of an unbounded channel.
TEST_P(chan_values, values_with_an_alignment_beyond_a_page_travel) {
  if (test::asan) GTEST_SKIP() << "its fake stack is not aligned so far";
  run([] { thrum::spawn({.stack = 2 << 20}, [] { align_through_every_kind<16384>(); }).join(); });
}

TEST_P(chan_values, channels_travel_through_channels) {
  run([] {
    chan<request> requests;
    auto server = thrum::spawn([=] {
      for (const auto& [number, reply] : requests) reply.send(number * 2);
    });
    for (int i = 0; i < 50; ++i) {
      const chan<int> reply;
      requests.send({i, reply});
      EXPECT_EQ(reply.recv(), 2 * i);
    }
    requests.close();
    server.join();
  });
}

// `struct request { int number; chan<int> reply; }` is how Go programs ask for an answer.
TEST_P(chan_values, a_channel_may_be_a_member_that_an_aggregate_leaves_to_its_default) {
  EXPECT_TRUE(made_from_one_number<request>) << "request r{5}; does not compile";
}

namespace {

// Copying may throw, moving does not.
struct hard_to_copy {
  static inline bool armed = false;
  int value = 0;
  hard_to_copy() = default;
  explicit hard_to_copy(int v) : value(v) {}
  hard_to_copy(const hard_to_copy& other) : value(other.value) {
    if (armed) throw std::runtime_error("copied");
  }
  hard_to_copy(hard_to_copy&& other) noexcept : value(std::exchange(other.value, -1)) {}
  hard_to_copy& operator=(const hard_to_copy&) = default;
};

} // namespace

TEST_P(chan_values, a_copy_that_throws_leaves_the_channel_as_it_was) {
  run([] {
    const chan<hard_to_copy> c(2);
    const hard_to_copy value(5);
    hard_to_copy::armed = true;
    EXPECT_THROW(c.send(value), std::runtime_error);
    EXPECT_THROW(thrum::select(thrum::send(c, value)), std::runtime_error);
    EXPECT_EQ(c.size(), 0u);
    c.send(hard_to_copy(6)); // moved only, all the way
    const auto got = c.recv();
    hard_to_copy::armed = false;
    ASSERT_TRUE(got);
    EXPECT_EQ(got->value, 6);
  });
}

TEST_P(chan_values, received_values_are_destroyed_once) {
  for (const std::size_t capacity : {0u, 1u, 5u}) {
    ledger l(100);
    run([&] {
      chan<token> c(capacity);
      auto sending = thrum::spawn([&] {
        for (std::size_t i = 0; i < 100; ++i) c.send(token(l, i));
        c.close();
      });
      std::size_t next = 0;
      for (const token& t : c) {
        EXPECT_TRUE(t.is_worth_something());
        EXPECT_EQ(t.id(), next++);
      }
      sending.join();
    });
    EXPECT_TRUE(l.every_token_was_destroyed_once());
  }
}

TEST_P(chan_values, values_that_are_left_inside_are_destroyed_with_the_last_handle) {
  ledger l(30);
  run([&] {
    chan<token> bounded(10);
    auto unbounded = chan<token>::unbounded();
    chan<chan<token>> nested(1);
    for (std::size_t i = 0; i < 10; ++i) {
      bounded.send(token(l, i));
      unbounded.send(token(l, 10 + i));
    }
    static_cast<void>(bounded.recv());
    const chan<token> inner(10);
    for (std::size_t i = 20; i < 30; ++i) inner.send(token(l, i));
    nested.send(inner);
    const chan<token> another = bounded;
    bounded = chan<token>(nullptr);
    EXPECT_EQ(another.size(), 9u);
    EXPECT_EQ(l.destroyed(1), 0u);
  });
  EXPECT_TRUE(l.every_token_was_destroyed_once());
}

TEST_P(chan_values, a_failed_send_leaves_its_value_untouched) {
  ledger l(6);
  run([&] {
    chan<token> full(1);
    full.send(token(l, 0));
    chan<token> closed(1);
    closed.close();
    token mine(l, 1);

    EXPECT_EQ(full.try_send(mine), chan_status::would_block);
    EXPECT_EQ(full.try_send(std::move(mine)), chan_status::would_block);
    EXPECT_EQ(full.send_for(mine, 0ms), chan_status::timeout);
    EXPECT_EQ(full.send_for(mine, 1ms), chan_status::timeout);
    EXPECT_EQ(closed.try_send(mine), chan_status::closed);
    EXPECT_EQ(closed.send_for(mine, 1h), chan_status::closed);
    EXPECT_EQ(chan<token>(nullptr).try_send(mine), chan_status::would_block);
    EXPECT_EQ(chan<token>(nullptr).send_for(mine, 1ms), chan_status::timeout);
    EXPECT_EQ(thrum::select(thrum::send(full, std::move(mine)), thrum::otherwise()), 1u);
    EXPECT_EQ(thrum::select(thrum::send(full, std::move(mine)), thrum::after(1ms)), 1u);
    EXPECT_THROW(thrum::select(thrum::send(closed, std::move(mine))), thrum::channel_closed);
    EXPECT_TRUE(mine.is_worth_something());
    EXPECT_EQ(mine.id(), 1u);

    // Withdrawn by a stop request, and by a close, while it waits.
    token stopped(l, 2);
    auto waiting = thrum::spawn(
        [&] { EXPECT_THROW(thrum::select(thrum::send(full, std::move(stopped))), thrum::cancelled); });
    waiting.request_stop();
    waiting.join();
    EXPECT_TRUE(stopped.is_worth_something());

    chan<token> closing;
    token refused(l, 3);
    std::atomic<bool> begun{false};
    auto sending = thrum::spawn([&] {
      begun = true;
      EXPECT_THROW(thrum::select(thrum::send(closing, std::move(refused))), thrum::channel_closed);
    });
    test::until([&] { return begun.load(); });
    thrum::this_fiber::yield();
    closing.close();
    sending.join();
    EXPECT_TRUE(refused.is_worth_something());

    // The loser of a select.
    token loser(l, 4);
    token winner(l, 5);
    chan<token> free(1);
    EXPECT_EQ(thrum::select(thrum::send(full, std::move(loser)), thrum::send(free, std::move(winner))), 1u);
    EXPECT_TRUE(loser.is_worth_something());
    EXPECT_FALSE(winner.is_worth_something());
  });
  EXPECT_TRUE(l.every_token_was_destroyed_once());
}

// chan.h: "a send that fails (closed, ...) leaves its value untouched". send() is no exception there.
TEST_P(chan_values, a_send_that_throws_leaves_its_value_untouched) {
  run([&] {
    ledger l(2);
    chan<token> closed;
    closed.close();
    token mine(l, 0);
    EXPECT_THROW(closed.send(std::move(mine)), thrum::channel_closed);
    EXPECT_TRUE(mine.is_worth_something());

    chan<token> full;
    token stopped(l, 1);
    auto waiting = thrum::spawn([&] { EXPECT_THROW(full.send(std::move(stopped)), thrum::cancelled); });
    waiting.request_stop();
    waiting.join();
    EXPECT_TRUE(stopped.is_worth_something());
  });
}

TEST_P(chan_values, a_value_that_a_select_drops_is_destroyed_once) {
  ledger l(3);
  run([&] {
    chan<token> c(2);
    c.send(token(l, 0));
    EXPECT_EQ(thrum::select(thrum::recv(c)), 0u);
    EXPECT_EQ(l.destroyed(0), 1u);
    std::optional<token> got(std::in_place, l, 1); // what was there before goes, too
    c.send(token(l, 2));
    EXPECT_EQ(thrum::select(thrum::recv(c, got)), 0u);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->id(), 2u);
    EXPECT_EQ(l.destroyed(1), 1u);
  });
  EXPECT_TRUE(l.every_token_was_destroyed_once());
}

namespace {

// Looks at the channel that it came from when it dies: so it must not die while that channel is locked.
struct curious {
  chan<curious>* home = nullptr;
  curious() = default;
  explicit curious(chan<curious>& c) : home(&c) {}
  curious(curious&& other) noexcept : home(std::exchange(other.home, nullptr)) {}
  ~curious() {
    if (home != nullptr) static_cast<void>(home->size());
  }
};

} // namespace

TEST_P(chan_values, a_value_that_a_receive_replaces_is_not_destroyed_under_the_lock_of_the_channel) {
  run([&] {
    chan<curious> c(1);
    std::optional<curious> got(std::in_place, c);
    c.send(curious());
    EXPECT_EQ(thrum::select(thrum::recv(c, got)), 0u);
  });
}

// A copy of an lvalue is sent each time that the case is chosen.
TEST_P(chan_values, a_selector_sends_its_value_each_time) {
  run([] {
    const chan<std::string> c(2);
    const std::string text = "longer than what a string keeps inside itself";
    thrum::selector any;
    any.add(thrum::send(c, text));
    any.wait();
    any.wait();
    EXPECT_EQ(c.recv(), text);
    EXPECT_EQ(c.recv(), text);
  });
}

THRUM_ON_PROCESSORS(chan_values);
