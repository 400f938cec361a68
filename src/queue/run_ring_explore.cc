// Every interleaving, and every outcome of weak memory, of an owner and thieves on small rings; and the proof
// that each order in run_ring.h is needed.
#include "base/explore/mutation.h"
#include "queue/run_ring.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <iostream>
#include <string_view>
#include <variant>

namespace explore = thrum::base::explore;
using explore::strength;

namespace {

// Items whose contents were written by the pusher, and which are taken once or stay.
template <int Count> class items {
public:
  struct item {
    explore::plain<int> number;
    int taken = 0; // of the harness: counted when the take has returned
  };

  item* make(int index) {
    item& it = all_[static_cast<std::size_t>(index)];
    it.number.set(index);
    return &it;
  }
  // Returns the item's number, or -1 for nothing.
  int take(item* it) {
    if (it == nullptr) return -1;
    explore::require(it >= all_.data() && it < all_.data() + Count, "what is taken was pushed");
    const int number = it->number.get();
    explore::require(++it->taken == 1, "an item is taken once");
    return number;
  }
  int count_taken() const {
    int n = 0;
    for (const item& it : all_) n += it.taken;
    return n;
  }

private:
  std::array<item, Count> all_;
};

// One owner and two thieves on rings of four; the items are pushed one by one and in a batch.
struct owner_and_two_thieves {
  static constexpr int threads = 3;
  using item = items<3>::item;
  using ring = thrum::queue::run_ring<item*, 4>;
  items<3> all;
  std::array<ring, 3> rings;
  int pushed = 0;

  void thread(int index) {
    if (index == 0) {
      pushed += rings[0].try_push(all.make(0));
      const std::array<item*, 2> two{all.make(1), all.make(2)};
      pushed += static_cast<int>(rings[0].push_batch(two));
      all.take(rings[0].pop());
    } else {
      all.take(rings[static_cast<std::size_t>(index)].steal_half(rings[0]));
    }
  }
  void finish() {
    explore::require(pushed == 3, "there was room");
    for (ring& each : rings) {
      explore::require(each.check_invariants(), "invariants");
      int last = -1;
      while (item* left = each.pop()) {
        const int number = all.take(left);
        explore::require(number > last, "the oldest first");
        last = number;
      }
      explore::require(each.size_hint() == 0, "empty");
    }
    explore::require(all.count_taken() == 3, "nothing is lost");
  }
};

// A second thief steals from the first thief's ring while that fills it.
struct stolen_goods_are_stolen {
  static constexpr int threads = 3;
  using item = items<4>::item;
  using ring = thrum::queue::run_ring<item*, 4>;
  items<4> all;
  std::array<ring, 3> rings;

  void thread(int index) {
    if (index == 0) {
      const std::array<item*, 4> four{all.make(0), all.make(1), all.make(2), all.make(3)};
      explore::require(rings[0].push_batch(four) == 4, "there is room");
    } else if (index == 1) {
      all.take(rings[1].steal_half(rings[0]));
    } else {
      all.take(rings[2].steal_half(rings[1]));
    }
  }
  void finish() {
    for (ring& each : rings)
      while (item* left = each.pop()) all.take(left);
    explore::require(all.count_taken() == 4, "nothing is lost");
  }
};

// A ring of two that the owner goes through more than once while a thief is slow: positions pass the
// capacity, slots are used again, and the pair of head and tail that a thief loads is often torn.
struct slots_are_used_again {
  static constexpr int threads = 2;
  using item = items<5>::item;
  using ring = thrum::queue::run_ring<item*, 2>;
  items<5> all;
  std::array<ring, 2> rings;
  int pushed = 0;

  void thread(int index) {
    if (index == 0) {
      for (int i = 0; i < 5; ++i) {
        if (!rings[0].try_push(all.make(i))) break;
        ++pushed;
        if (i == 1 || i == 2) all.take(rings[0].pop());
      }
    } else {
      all.take(rings[1].steal_half(rings[0]));
      all.take(rings[1].steal_half(rings[0]));
    }
  }
  void finish() {
    for (ring& each : rings)
      while (item* left = each.pop()) all.take(left);
    explore::require(all.count_taken() == pushed, "nothing is lost");
  }
};

// The same with two thieves on a ring of four, so that both may hold an old pair at once.
struct two_slow_thieves {
  static constexpr int threads = 3;
  using item = items<5>::item;
  using ring = thrum::queue::run_ring<item*, 4>;
  items<5> all;
  std::array<ring, 3> rings;
  int pushed = 0;

  void thread(int index) {
    if (index == 0) {
      for (int i = 0; i < 5; ++i) {
        if (!rings[0].try_push(all.make(i))) break;
        ++pushed;
        if (i == 3) all.take(rings[0].pop());
      }
    } else {
      all.take(rings[static_cast<std::size_t>(index)].steal_half(rings[0]));
    }
  }
  void finish() {
    for (ring& each : rings)
      while (item* left = each.pop()) all.take(left);
    explore::require(all.count_taken() == pushed, "nothing is lost");
  }
};

// A thief with little room takes no more than fits, while its own ring is being robbed.
struct thief_with_a_full_ring {
  static constexpr int threads = 3;
  using item = items<5>::item;
  using ring = thrum::queue::run_ring<item*, 2>;
  items<5> all;
  std::array<ring, 3> rings;

  void thread(int index) {
    if (index == 0) {
      const std::array<item*, 2> two{all.make(0), all.make(1)};
      explore::require(rings[0].push_batch(two) == 2, "there is room");
    } else if (index == 1) {
      const std::array<item*, 2> two{all.make(2), all.make(3)};
      explore::require(rings[1].push_batch(two) == 2, "there is room");
      all.take(rings[1].steal_half(rings[0]));
      if (rings[1].try_push(all.make(4))) return;
      all.take(all.make(4));
    } else {
      all.take(rings[2].steal_half(rings[1]));
    }
  }
  void finish() {
    for (ring& each : rings) {
      explore::require(each.check_invariants(), "invariants");
      while (item* left = each.pop()) all.take(left);
    }
    explore::require(all.count_taken() == 5, "nothing is lost");
  }
};

// What size_hint() promises: of a thread that pushes and then looks for sleepers, and one that announces its
// sleep and then looks for items, at least one sees the other.
struct push_against_sleep {
  static constexpr int threads = 2;
  using item = items<1>::item;
  items<1> all;
  thrum::queue::run_ring<item*, 2> ring;
  thrum::base::atomic<bool> asleep{false};
  bool sees_sleeper = false;
  std::uint32_t sees_items = 0;

  void thread(int index) {
    if (index == 0) {
      explore::require(ring.try_push(all.make(0)), "there is room");
      thrum::base::thread_fence(std::memory_order_seq_cst);  // H1
      sees_sleeper = asleep.load(std::memory_order_relaxed); // relaxed: H1
    } else {
      asleep.store(true, std::memory_order_relaxed);        // relaxed: H1
      thrum::base::thread_fence(std::memory_order_seq_cst); // H1
      sees_items = ring.size_hint();
    }
  }
  void finish() { explore::require(sees_sleeper || sees_items == 1, "no wake-up is lost"); }
};

template <class World> void expect_correct(const explore::options& how = {}) {
  const explore::result r = explore::run<World>(how);
  std::cout << r << '\n';
  EXPECT_TRUE(r.ok()) << r;
  if (std::holds_alternative<explore::dfs>(how.strategy)) { EXPECT_TRUE(r.complete) << r; }
}

} // namespace

TEST(run_ring_explore, owner_and_two_thieves_lose_and_double_nothing) {
  expect_correct<owner_and_two_thieves>();
}
TEST(run_ring_explore, a_thief_can_be_robbed_of_what_it_steals) { expect_correct<stolen_goods_are_stolen>(); }
TEST(run_ring_explore, slots_may_be_used_again_under_a_slow_thief) { expect_correct<slots_are_used_again>(); }
TEST(run_ring_explore, two_thieves_may_be_slow_at_once) { expect_correct<two_slow_thieves>(); }
TEST(run_ring_explore, a_thief_takes_no_more_than_fits) { expect_correct<thief_with_a_full_ring>(); }

TEST(run_ring_explore, a_push_before_a_fence_is_counted_after_a_later_fence) {
  expect_correct<push_against_sleep>();
}

TEST(run_ring_explore, every_order_is_needed) {
  const auto report = explore::mutation_gate({explore::scenario_of<slots_are_used_again>(),
                                              explore::scenario_of<stolen_goods_are_stolen>(),
                                              explore::scenario_of<owner_and_two_thieves>()},
                                             {.files = {"queue/run_ring.h"}});
  std::cout << report;
  // The acquire halves of O2 keep a thief's slot load before the slot's next store, which is load buffering:
  // the only thing the explorer cannot show (limit M1 in base/explore/memory.h). The standard and ARM allow
  // it, so they stay.
  constexpr std::string_view reason = "forbids load buffering";
  const std::array allowed{
      explore::allowance{"const position head = head_.load(std::memory_order_acquire); // O2",
                         strength::acquire, strength::relaxed, reason},
      explore::allowance{"const position room =", strength::acquire, strength::relaxed, reason}};
  EXPECT_EQ(report.unexplained(allowed), "");
}
