// The classic litmus tests of loads and stores: for each, the exact set of outcomes that the memory model
// allows. axioms_test.cc says more and at random; these are the ones a reader can check by hand, and they
// name the effect that is lost when one fails.
#include "base/explore/litmus.h"

#include <gtest/gtest.h>

#include <string>

using namespace thrum::base::explore::litmus;
using thrum::base::atomic;
using thrum::base::thread_fence;

namespace {

using enum std::memory_order;

template <std::memory_order Store, std::memory_order Load> struct store_buffering {
  static constexpr int threads = 2;
  atomic<int> x{0}, y{0};
  int r0 = 0, r1 = 0;
  void thread(int index) {
    if (index == 0) {
      x.store(1, Store);
      r0 = y.load(Load);
    } else {
      y.store(1, Store);
      r1 = x.load(Load);
    }
  }
  std::string outcome() const { return text({r0, r1}); }
};

template <std::memory_order Store, std::memory_order Load> struct message_passing {
  static constexpr int threads = 2;
  atomic<int> data{0}, flag{0};
  int f = 0, d = 0;
  void thread(int index) {
    if (index == 0) {
      data.store(1, relaxed);
      flag.store(1, Store);
    } else {
      f = flag.load(Load);
      d = data.load(relaxed);
    }
  }
  std::string outcome() const { return text({f, d}); }
};

template <std::memory_order Release, std::memory_order Acquire> struct message_passing_by_fences {
  static constexpr int threads = 2;
  atomic<int> data{0}, flag{0};
  int f = 0, d = 0;
  void thread(int index) {
    if (index == 0) {
      data.store(1, relaxed);
      thread_fence(Release);
      flag.store(1, relaxed);
    } else {
      f = flag.load(relaxed);
      thread_fence(Acquire);
      d = data.load(relaxed);
    }
  }
  std::string outcome() const { return text({f, d}); }
};

} // namespace

TEST(litmus, store_buffering_is_visible_unless_everything_is_seq_cst) {
  EXPECT_EQ((outcomes_of<store_buffering<relaxed, relaxed>>()), all_of_two_bits);
  EXPECT_EQ((outcomes_of<store_buffering<release, acquire>>()), all_of_two_bits);
  EXPECT_EQ((outcomes_of<store_buffering<seq_cst, acquire>>()), all_of_two_bits);
  EXPECT_EQ((outcomes_of<store_buffering<release, seq_cst>>()), all_of_two_bits);
  EXPECT_EQ((outcomes_of<store_buffering<seq_cst, seq_cst>>()), (outcomes{"0 1", "1 0", "1 1"}));
}

namespace {
struct load_buffering {
  static constexpr int threads = 2;
  atomic<int> x{0}, y{0};
  int r0 = 0, r1 = 0;
  void thread(int index) {
    if (index == 0) {
      r0 = x.load(relaxed);
      y.store(1, relaxed);
    } else {
      r1 = y.load(relaxed);
      x.store(1, relaxed);
    }
  }
  std::string outcome() const { return text({r0, r1}); }
};
} // namespace

TEST(litmus, load_buffering_is_not_shown) { // limit M1: the standard allows "1 1" too
  EXPECT_EQ(outcomes_of<load_buffering>(), (outcomes{"0 0", "0 1", "1 0"}));
}

TEST(litmus, message_passing_needs_a_release_and_an_acquire) {
  const outcomes safe{"0 0", "0 1", "1 1"};
  for (const auto& weak :
       {outcomes_of<message_passing<relaxed, relaxed>>(), outcomes_of<message_passing<release, relaxed>>(),
        outcomes_of<message_passing<relaxed, acquire>>(), outcomes_of<message_passing<seq_cst, relaxed>>(),
        outcomes_of<message_passing<relaxed, seq_cst>>()})
    EXPECT_EQ(weak, all_of_two_bits);
  for (const auto& strong :
       {outcomes_of<message_passing<release, acquire>>(), outcomes_of<message_passing<release, seq_cst>>(),
        outcomes_of<message_passing<seq_cst, acquire>>(), outcomes_of<message_passing<seq_cst, seq_cst>>()})
    EXPECT_EQ(strong, safe);
}

TEST(litmus, message_passing_by_fences_needs_both_fences) {
  const outcomes safe{"0 0", "0 1", "1 1"};
  EXPECT_EQ((outcomes_of<message_passing_by_fences<release, acquire>>()), safe);
  EXPECT_EQ((outcomes_of<message_passing_by_fences<acq_rel, acq_rel>>()), safe);
  EXPECT_EQ((outcomes_of<message_passing_by_fences<seq_cst, seq_cst>>()), safe);
  EXPECT_EQ((outcomes_of<message_passing_by_fences<acquire, acquire>>()), all_of_two_bits);
  EXPECT_EQ((outcomes_of<message_passing_by_fences<release, release>>()), all_of_two_bits);
  EXPECT_EQ((outcomes_of<message_passing_by_fences<relaxed, acquire>>()), all_of_two_bits);
}

namespace {

struct reads_of_one_location { // CoRR
  static constexpr int threads = 2;
  atomic<int> x{0};
  int r0 = 0, r1 = 0;
  void thread(int index) {
    if (index == 0) {
      x.store(1, relaxed);
      x.store(2, relaxed);
    } else {
      r0 = x.load(relaxed);
      r1 = x.load(relaxed);
    }
  }
  std::string outcome() const { return text({r0, r1}); }
};

struct two_readers_of_two_writers { // CoRR between readers: they agree on the order of the writes
  static constexpr int threads = 4;
  atomic<int> x{0};
  int r[2][2] = {};
  void thread(int index) {
    if (index < 2) {
      x.store(1 + index, relaxed);
    } else {
      r[index - 2][0] = x.load(relaxed);
      r[index - 2][1] = x.load(relaxed);
    }
  }
  std::string outcome() const {
    const auto order = [](const int* pair) {
      return pair[0] == 1 && pair[1] == 2 ? 1 : pair[0] == 2 && pair[1] == 1 ? 2 : 0;
    };
    return text({order(r[0]), order(r[1])});
  }
};

struct write_then_read_back { // CoWR and CoRW
  static constexpr int threads = 2;
  atomic<int> x{0};
  int own = 0, other = 0;
  void thread(int index) {
    if (index == 0) {
      x.store(1, relaxed);
      own = x.load(relaxed);
    } else {
      other = x.load(relaxed);
      x.store(2, relaxed);
    }
  }
  std::string outcome() const { return text({own, other, x.load(relaxed)}); }
};

template <std::memory_order Order> struct two_plus_two_writes {
  static constexpr int threads = 2;
  atomic<int> x{0}, y{0};
  void thread(int index) {
    atomic<int>& first = index == 0 ? x : y;
    atomic<int>& second = index == 0 ? y : x;
    first.store(1, Order);
    second.store(2, Order);
  }
  std::string outcome() const { return text({x.load(relaxed), y.load(relaxed)}); }
};

} // namespace

TEST(litmus, two_reads_by_one_thread_never_go_back) {
  EXPECT_EQ(outcomes_of<reads_of_one_location>(), (outcomes{"0 0", "0 1", "0 2", "1 1", "1 2", "2 2"}));
}

TEST(litmus, all_threads_agree_on_the_order_of_the_writes_to_one_location) {
  const outcomes found = outcomes_of<two_readers_of_two_writers>();
  EXPECT_TRUE(found.contains("1 1") && found.contains("2 2"));
  EXPECT_FALSE(found.contains("1 2") || found.contains("2 1"));
}

TEST(litmus, a_write_is_placed_after_what_its_thread_has_read_or_written) {
  // other == 1 forces the order 1, 2; then the first thread may still read its own 1.
  EXPECT_EQ(outcomes_of<write_then_read_back>(), (outcomes{"1 0 1", "1 0 2", "2 0 2", "1 1 2", "2 1 2"}));
}

TEST(litmus, two_plus_two_writes_may_leave_both_first_values_unless_seq_cst) {
  const outcomes all{"1 1", "1 2", "2 1", "2 2"};
  EXPECT_EQ(outcomes_of<two_plus_two_writes<relaxed>>(), all) << "a store is placed in modification order";
  EXPECT_EQ(outcomes_of<two_plus_two_writes<release>>(), all);
  EXPECT_EQ(outcomes_of<two_plus_two_writes<seq_cst>>(), (outcomes{"1 2", "2 1", "2 2"}));
}

namespace {

template <std::memory_order Store, std::memory_order Load> struct independent_reads { // IRIW
  static constexpr int threads = 4;
  atomic<int> x{0}, y{0};
  int r[2][2] = {};
  void thread(int index) {
    switch (index) {
    case 0: x.store(1, Store); break;
    case 1: y.store(1, Store); break;
    case 2:
      r[0][0] = x.load(Load);
      r[0][1] = y.load(Load);
      break;
    case 3:
      r[1][0] = y.load(Load);
      r[1][1] = x.load(Load);
      break;
    }
  }
  std::string outcome() const { return text({r[0][0], r[0][1], r[1][0], r[1][1]}); }
};

struct independent_reads_with_fences {
  static constexpr int threads = 4;
  atomic<int> x{0}, y{0};
  int r[2][2] = {};
  void thread(int index) {
    if (index < 2) {
      (index == 0 ? x : y).store(1, relaxed);
    } else {
      r[index - 2][0] = (index == 2 ? x : y).load(relaxed);
      thread_fence(seq_cst);
      r[index - 2][1] = (index == 2 ? y : x).load(relaxed);
    }
  }
  std::string outcome() const { return text({r[0][0], r[0][1], r[1][0], r[1][1]}); }
};

template <std::memory_order Middle> struct write_to_read_causality { // WRC
  static constexpr int threads = 3;
  atomic<int> data{0}, x{0}, y{0};
  int a = 0, b = 0, c = 0;
  void thread(int index) {
    if (index == 0) {
      data.store(1, relaxed);
      x.store(1, release);
    } else if (index == 1) {
      a = x.load(Middle);
      y.store(1, release);
    } else {
      b = y.load(acquire);
      c = data.load(relaxed);
    }
  }
  std::string outcome() const { return text({a, b, c}); }
};

struct read_read_coherence_across_threads {
  static constexpr int threads = 3;
  atomic<int> x{0}, y{0};
  int a = 0, b = 0, c = 0;
  void thread(int index) {
    if (index == 0) x.store(1, relaxed);
    if (index == 1) {
      a = x.load(relaxed);
      y.store(1, release);
    }
    if (index == 2) {
      b = y.load(acquire);
      c = x.load(relaxed);
    }
  }
  std::string outcome() const { return text({a, b, c}); }
};

} // namespace

TEST(litmus, readers_may_disagree_on_independent_writes_unless_everything_is_seq_cst) {
  EXPECT_TRUE((outcomes_of<independent_reads<release, acquire>>().contains("1 0 1 0")));
  EXPECT_TRUE((outcomes_of<independent_reads<seq_cst, acquire>>().contains("1 0 1 0")));
  EXPECT_FALSE((outcomes_of<independent_reads<seq_cst, seq_cst>>().contains("1 0 1 0")));
  EXPECT_FALSE(outcomes_of<independent_reads_with_fences>().contains("1 0 1 0"));
  EXPECT_EQ((outcomes_of<independent_reads<release, acquire>>().size()), 16u);
  EXPECT_EQ((outcomes_of<independent_reads<seq_cst, seq_cst>>().size()), 15u);
}

TEST(litmus, what_a_thread_has_acquired_it_releases) {
  EXPECT_FALSE(outcomes_of<write_to_read_causality<acquire>>().contains("1 1 0"));
  EXPECT_TRUE(outcomes_of<write_to_read_causality<relaxed>>().contains("1 1 0"));
  EXPECT_FALSE(outcomes_of<read_read_coherence_across_threads>().contains("1 1 0"))
      << "a read is ordered like a write";
}
