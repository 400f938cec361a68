// Litmus tests of read-modify-writes: release sequences, atomicity, the failures of compare-and-exchange.
#include "base/explore/litmus.h"

#include <gtest/gtest.h>

#include <string>

using namespace thrum::base::explore::litmus;
using thrum::base::atomic;

namespace {

using enum std::memory_order;

template <std::memory_order Update> struct release_sequence_by_update {
  static constexpr int threads = 3;
  atomic<int> data{0}, flag{0};
  int f = 0, d = 0;
  void thread(int index) {
    if (index == 0) {
      data.store(1, relaxed);
      flag.store(1, release);
    } else if (index == 1) {
      flag.fetch_add(2, Update);
    } else {
      f = flag.load(acquire);
      d = data.load(relaxed);
    }
  }
  std::string outcome() const { return text({f, d}); }
};

struct no_release_sequence_by_store { // C++20 dropped what C++17 had: a later store of the same thread
  static constexpr int threads = 2;
  atomic<int> data{0}, flag{0};
  int f = 0, d = 0;
  void thread(int index) {
    if (index == 0) {
      data.store(1, relaxed);
      flag.store(1, release);
      flag.store(2, relaxed);
    } else {
      f = flag.load(acquire);
      d = data.load(relaxed);
    }
  }
  std::string outcome() const { return text({f, d}); }
};

struct counters {
  static constexpr int threads = 3;
  atomic<int> count{0};
  int got[3] = {};
  void thread(int index) { got[index] = count.fetch_add(1, relaxed); }
  std::string outcome() const {
    int found = 0;
    for (int each : got) found |= 1 << each;
    return text({found, count.load(relaxed)});
  }
};

struct update_and_store {
  static constexpr int threads = 2;
  atomic<int> x{0};
  int old = 0;
  void thread(int index) {
    if (index == 0)
      old = x.fetch_add(1, relaxed);
    else
      x.store(10, relaxed);
  }
  std::string outcome() const { return text({old, x.load(relaxed)}); }
};

struct old_update { // a read-modify-write need not be the last in modification order
  static constexpr int threads = 2;
  atomic<int> x{0}, y{0};
  int r0 = 0, r1 = 0;
  void thread(int index) {
    if (index == 0) {
      x.store(1, relaxed);
      r0 = y.fetch_add(10, relaxed);
    } else {
      y.store(1, relaxed);
      r1 = x.fetch_add(10, relaxed);
    }
  }
  std::string outcome() const { return text({r0, r1}); }
};

template <bool Weak> struct lone_compare_exchange {
  static constexpr int threads = 1;
  atomic<int> x{0};
  int failures = 0;
  void thread(int) {
    int expected = 0;
    while (!(Weak ? x.compare_exchange_weak(expected, 1, relaxed)
                  : x.compare_exchange_strong(expected, 1, relaxed))) {
      ++failures;
      expected = 0;
    }
  }
  std::string outcome() const { return text({failures, x.load(relaxed)}); }
};

struct stale_compare_exchange { // a failing one is a load and may be late
  static constexpr int threads = 2;
  atomic<int> x{5}, flag{0};
  int found = 0;
  void thread(int index) {
    if (index == 0) {
      x.store(0, relaxed);
      flag.store(1, relaxed);
    } else if (flag.load(relaxed) == 1) {
      found = 0;
      if (x.compare_exchange_strong(found, 9, relaxed, relaxed)) found = 9;
    }
  }
  std::string outcome() const { return text({found, x.load(relaxed)}); }
};

} // namespace

TEST(litmus, read_modify_writes_continue_a_release_sequence_and_plain_stores_do_not) {
  const outcomes expected{"0 0", "0 1", "1 1", "2 0", "2 1", "3 1"};
  EXPECT_EQ(outcomes_of<release_sequence_by_update<relaxed>>(), expected);
  EXPECT_EQ(outcomes_of<release_sequence_by_update<acq_rel>>(), expected);
  EXPECT_EQ(outcomes_of<no_release_sequence_by_store>(), (outcomes{"0 0", "0 1", "1 1", "2 0", "2 1"}));
}

TEST(litmus, read_modify_writes_are_atomic) {
  EXPECT_EQ(outcomes_of<counters>(), (outcomes{"7 3"}));
  EXPECT_EQ(outcomes_of<update_and_store>(), (outcomes{"0 10", "10 11"})) << "no store falls in between";
}

TEST(litmus, a_read_modify_write_may_be_placed_before_a_store_that_was_executed_earlier) {
  EXPECT_TRUE(outcomes_of<old_update>().contains("0 0"));
}

TEST(litmus, a_weak_compare_exchange_may_fail_for_no_reason_and_a_strong_one_may_not) {
  EXPECT_EQ(outcomes_of<lone_compare_exchange<false>>(), (outcomes{"0 1"}));
  EXPECT_EQ(outcomes_of<lone_compare_exchange<true>>(), (outcomes{"0 1", "1 1"}));
  EXPECT_EQ(outcomes_of<lone_compare_exchange<true>>({.weak_failures = 3}),
            (outcomes{"0 1", "1 1", "2 1", "3 1"}));
}

TEST(litmus, a_failing_compare_exchange_may_have_read_an_old_value) {
  EXPECT_EQ(outcomes_of<stale_compare_exchange>(), (outcomes{"0 0", "5 0", "9 9"}));
}
