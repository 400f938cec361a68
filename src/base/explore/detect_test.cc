// The rest of what the explorer reports and promises: exceptions, failed requirements and checks, choices,
// limits, and atomics outside an exploration.
#include "base/check.h"
#include "base/explore/expect.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <stdexcept>

namespace explore = thrum::base::explore;
using explore::expect_clean;
using explore::expect_fault;
using thrum::base::atomic;

namespace {

using enum std::memory_order;

struct throws {
  static constexpr int threads = 2;
  atomic<int> x{0};
  void thread(int index) {
    if (x.fetch_add(1, relaxed) == 1 && index == 0) throw std::runtime_error("a reason");
  }
};

struct throws_and_catches {
  static constexpr int threads = 2;
  atomic<int> x{0};
  void thread(int) {
    try {
      x.fetch_add(1, relaxed);
      throw 1;
    } catch (int) {}
    x.fetch_add(1, relaxed);
  }
  void finish() { explore::require(x.load(relaxed) == 4, "both went on"); }
};

struct fails_in_finish {
  static constexpr int threads = 1;
  void thread(int) {}
  void finish() { explore::require(false, "finish may fail"); }
};

struct fails_in_setup {
  static constexpr int threads = 1;
  fails_in_setup() { explore::require(false, "setup may fail"); }
  void thread(int) {}
};

struct chooses {
  static constexpr int threads = 2;
  static inline unsigned pairs = 0;
  int picked[2] = {};
  void thread(int index) { picked[index] = explore::choose(3); }
  void finish() { pairs |= 1u << (3 * picked[0] + picked[1]); }
};

} // namespace

TEST(detect, an_exception_that_leaves_a_thread_is_a_failure) {
  expect_fault<throws>("an exception left the thread: a reason");
  expect_clean<throws_and_catches>();
}

TEST(detect, a_requirement_may_fail_anywhere) {
  expect_fault<fails_in_finish>("finish may fail");
  expect_fault<fails_in_setup>("setup may fail");
}

TEST(detect, a_search_makes_every_choice_of_the_harness) {
  chooses::pairs = 0;
  expect_clean<chooses>();
  EXPECT_EQ(chooses::pairs, (1u << 9) - 1);
}

TEST(detect, an_atomic_outside_an_exploration_is_a_variable) {
  atomic<int> x{1};
  EXPECT_EQ(x.load(relaxed), 1);
  x.store(2, relaxed);
  EXPECT_EQ(x.fetch_add(3, acq_rel), 2);
  EXPECT_EQ(x.exchange(9, seq_cst), 5);
  int expected = 0;
  EXPECT_FALSE(x.compare_exchange_strong(expected, 1, acq_rel, acquire));
  EXPECT_EQ(expected, 9);
  EXPECT_TRUE(x.compare_exchange_weak(expected, 1, acq_rel, acquire));
  EXPECT_EQ(x.load(relaxed), 1);
}

namespace {

template <int Stores> struct long_history {
  static constexpr int threads = 2;
  atomic<int> x{0};
  void thread(int index) {
    if (index == 0) {
      for (int i = 1; i <= Stores; ++i) x.store(i, relaxed);
    } else {
      const int first = x.load(relaxed);
      explore::require(x.load(relaxed) >= first, "reads never go back, dropped history or not");
    }
  }
  void finish() { explore::require(x.load(relaxed) == Stores, "the last store is last"); }
};

struct too_many_stores {
  static constexpr int threads = 1;
  std::array<atomic<int>, 200> many;
  void thread(int) {
    for (int turn = 0; turn < 29; ++turn)
      for (auto& each : many) each.store(turn, relaxed);
  }
};

struct broken_check {
  static constexpr int threads = 2;
  atomic<int> x{0};
  void thread(int) { THRUM_CHECK(x.fetch_add(1, relaxed) == 0); }
};

} // namespace

TEST(detect, a_long_history_drops_its_oldest_stores_and_says_so) {
  const explore::result shorter = explore::run<long_history<29>>();
  EXPECT_TRUE(shorter.ok() && shorter.complete && !shorter.histories_dropped) << shorter;
  const explore::result longer = explore::run<long_history<40>>();
  EXPECT_TRUE(longer.ok() && longer.complete && longer.histories_dropped) << longer;
}

TEST(detect, too_many_stores_are_a_failure_and_not_an_overrun) {
  expect_fault<too_many_stores>("more stores than the explorer can remember", {.max_steps = 10'000});
}

TEST(detect, a_failed_check_of_the_explored_code_is_a_failure_of_the_execution) {
  expect_fault<broken_check>("check failed: x.fetch_add(1, relaxed) == 0 at detect_test.cc:");
}

namespace {
constinit atomic<int> global{4}; // starts every execution with the value it has outside
struct uses_a_global {
  static constexpr int threads = 2;
  void thread(int) { global.fetch_add(1, relaxed); }
  void finish() { explore::require(global.load(relaxed) == 6, "each execution starts anew"); }
};
struct narrow_types {
  static constexpr int threads = 1;
  enum class state : std::uint8_t { one = 1, two = 2 };
  atomic<std::uint8_t> byte{250};
  atomic<std::int32_t> number{-3};
  atomic<state> what{state::one};
  atomic<bool> flag{false};
  void thread(int) {
    explore::require(byte.fetch_add(10, relaxed) == 250 && byte.load(relaxed) == 4,
                     "arithmetic wraps at the type's size");
    explore::require(number.fetch_sub(2, relaxed) == -3 && number.load(relaxed) == -5,
                     "signed values keep their sign");
    explore::require(number.fetch_and(0xff, relaxed) == -5 && number.load(relaxed) == 0xfb, "and");
    explore::require(number.fetch_or(0x100, relaxed) == 0xfb && number.fetch_xor(1, relaxed) == 0x1fb,
                     "or, xor");
    state expected = state::one;
    explore::require(what.compare_exchange_strong(expected, state::two, relaxed), "enumerations compare");
    explore::require(!flag.exchange(true, relaxed) && flag.load(relaxed), "so do flags");
  }
};
} // namespace

TEST(detect, a_global_atomic_starts_each_execution_anew) {
  expect_clean<uses_a_global>();
  EXPECT_EQ(global.load(relaxed), 4);
}

TEST(detect, atomics_of_narrow_types_behave_like_the_types) { expect_clean<narrow_types>(); }
