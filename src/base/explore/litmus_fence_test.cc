// Litmus tests of seq_cst fences and of the two halves of the asymmetric fence.
#include "base/explore/litmus.h"

#include <gtest/gtest.h>

#include <string>

using namespace thrum::base::explore::litmus;
using thrum::base::atomic;
using thrum::base::heavy_fence;
using thrum::base::light_fence;
using thrum::base::thread_fence;
using thrum::base::explore::asymmetric_fences;

namespace {

using enum std::memory_order;

template <std::memory_order Fence> struct dekker_by_fences {
  static constexpr int threads = 2;
  atomic<int> x{0}, y{0};
  int r0 = 0, r1 = 0;
  void thread(int index) {
    (index == 0 ? x : y).store(1, relaxed);
    thread_fence(Fence);
    (index == 0 ? r0 : r1) = (index == 0 ? y : x).load(relaxed);
  }
  std::string outcome() const { return text({r0, r1}); }
};

struct fence_against_access { // S2 and S3: a seq_cst fence on one side, seq_cst accesses on the other
  static constexpr int threads = 2;
  atomic<int> x{0}, y{0};
  int r0 = 0, r1 = 0;
  void thread(int index) {
    if (index == 0) {
      x.store(1, relaxed);
      thread_fence(seq_cst);
      r0 = y.load(relaxed);
    } else {
      y.store(1, seq_cst);
      r1 = x.load(seq_cst);
    }
  }
  std::string outcome() const { return text({r0, r1}); }
};

enum class half { light, heavy, nothing };
void fence(half which) {
  if (which == half::light) light_fence();
  if (which == half::heavy) heavy_fence();
}

template <half First, half Second> struct asymmetric_dekker {
  static constexpr int threads = 2;
  atomic<int> x{0}, y{0};
  int r0 = 0, r1 = 0;
  void thread(int index) {
    if (index == 0) {
      x.store(1, relaxed);
      fence(First);
      r0 = y.load(relaxed);
    } else {
      y.store(1, relaxed);
      fence(Second);
      r1 = x.load(relaxed);
    }
  }
  std::string outcome() const { return text({r0, r1}); }
};

struct two_workers_one_monitor { // the light sides are ordered through the heavy one, not with each other
  static constexpr int threads = 3;
  atomic<int> a{0}, b{0}, m{0};
  int ab = 0, ba = 0, am = 0, bm = 0, ma = 0, mb = 0;
  void thread(int index) {
    if (index == 0) {
      a.store(1, relaxed);
      light_fence();
      ab = b.load(relaxed);
      am = m.load(relaxed);
    } else if (index == 1) {
      b.store(1, relaxed);
      light_fence();
      ba = a.load(relaxed);
      bm = m.load(relaxed);
    } else {
      m.store(1, relaxed);
      heavy_fence();
      ma = a.load(relaxed);
      mb = b.load(relaxed);
    }
  }
  std::string outcome() const { return text({am == 0 && ma == 0, bm == 0 && mb == 0, ab == 0 && ba == 0}); }
};

} // namespace

TEST(litmus, dekker_needs_seq_cst_fences) {
  const outcomes safe{"0 1", "1 0", "1 1"};
  EXPECT_EQ(outcomes_of<dekker_by_fences<seq_cst>>(), safe);
  EXPECT_EQ(outcomes_of<dekker_by_fences<acq_rel>>(), all_of_two_bits);
  EXPECT_EQ(outcomes_of<fence_against_access>(), safe);
}

TEST(litmus, dekker_by_asymmetric_fences_needs_one_half_on_each_side_and_one_of_them_heavy) {
  const outcomes safe{"0 1", "1 0", "1 1"};
  for (const asymmetric_fences mode :
       {asymmetric_fences::paired, asymmetric_fences::instant, asymmetric_fences::full}) {
    EXPECT_EQ((outcomes_of<asymmetric_dekker<half::light, half::heavy>>({.fences = mode})), safe);
    EXPECT_EQ((outcomes_of<asymmetric_dekker<half::heavy, half::heavy>>({.fences = mode})), safe);
  }
  EXPECT_EQ((outcomes_of<asymmetric_dekker<half::light, half::light>>()), all_of_two_bits);
  EXPECT_EQ((outcomes_of<asymmetric_dekker<half::nothing, half::heavy>>()), all_of_two_bits)
      << "without the light half the compiler may move the load up";
  EXPECT_EQ(
      (outcomes_of<asymmetric_dekker<half::nothing, half::heavy>>({.fences = asymmetric_fences::instant})),
      safe)
      << "the machine alone would not";
  EXPECT_EQ((outcomes_of<asymmetric_dekker<half::nothing, half::heavy>>({.fences = asymmetric_fences::full})),
            all_of_two_bits);
}

namespace {

// The world is built behind a heavy fence. Of the threads it knows nothing yet: not what those of the execution before did.
struct built_behind_a_heavy_fence {
  static constexpr int threads = 3;
  atomic<int> x{0}, y{0};
  int r1 = 0, r2 = 0;
  built_behind_a_heavy_fence() { heavy_fence(); }
  void thread(int index) {
    if (index == 0) return;
    (index == 1 ? x : y).store(1, relaxed);
    light_fence();
    (index == 1 ? r1 : r2) = (index == 1 ? y : x).load(relaxed);
  }
  std::string outcome() const { return text({r1, r2}); }
};

} // namespace

TEST(litmus, nothing_of_an_execution_is_left_when_the_next_one_begins) {
  for (const asymmetric_fences mode : {asymmetric_fences::paired, asymmetric_fences::instant})
    EXPECT_EQ(outcomes_of<built_behind_a_heavy_fence>({.fences = mode}), all_of_two_bits);
}

TEST(litmus, light_fences_are_ordered_with_the_heavy_one_but_not_with_each_other) {
  const outcomes paired = outcomes_of<two_workers_one_monitor>();
  EXPECT_EQ(paired, (outcomes{"0 0 0", "0 0 1"}));
  EXPECT_EQ(outcomes_of<two_workers_one_monitor>({.fences = asymmetric_fences::full}), (outcomes{"0 0 0"}));
}
