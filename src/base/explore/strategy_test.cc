// The strategies: each finds the seeded bugs, searches are complete and bounded as they say, the reduction
// loses nothing, and every failure can be run again from what is printed.
#include "base/explore/explore.h"
#include "base/explore/mpsc_list.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace explore = thrum::base::explore;
using thrum::base::atomic;
using thrum::base::relax;
using thrum::base::thread_fence;

namespace {

using enum std::memory_order;

// Chase-Lev with one of its orders taken away (its complete form is chase_lev.h).
enum class seeded { nothing, no_fence_in_pop, no_fence_in_steal, no_release_in_push, relaxed_bottom };
template <seeded Bug> struct deque_world {
  static constexpr int threads = 2;
  atomic<int> top{0}, bottom{0};
  std::array<atomic<int>, 4> items;
  std::array<int, 3> taken{};

  atomic<int>& item_at(int i) { return items[static_cast<std::size_t>(i) % items.size()]; }
  void push(int item) {
    const int b = bottom.load(relaxed);
    item_at(b).store(item, relaxed);
    if (Bug != seeded::no_release_in_push) thread_fence(release);
    bottom.store(b + 1, relaxed);
  }
  int pop() {
    const int b = bottom.load(relaxed) - 1;
    bottom.store(b, relaxed);
    if (Bug != seeded::no_fence_in_pop) thread_fence(seq_cst);
    int t = top.load(relaxed);
    int item = -1;
    if (t <= b) item = item_at(b).load(relaxed);
    if (t == b && !top.compare_exchange_strong(t, t + 1, seq_cst, relaxed)) item = -1;
    if (t >= b) bottom.store(b + 1, relaxed);
    return item;
  }
  int steal() {
    int t = top.load(acquire);
    if (Bug != seeded::no_fence_in_steal) thread_fence(seq_cst);
    if (t >= bottom.load(Bug == seeded::relaxed_bottom ? relaxed : acquire)) return -1;
    const int item = item_at(t).load(relaxed);
    return top.compare_exchange_strong(t, t + 1, seq_cst, relaxed) ? item : -1;
  }
  void take(int item) {
    if (item < 0) return;
    explore::require(item != 0, "an item is complete when it is taken");
    explore::require(++taken[static_cast<std::size_t>(item)] == 1, "an item is taken once");
  }
  void thread(int index) {
    if (index == 0) {
      push(1);
      push(2);
      take(pop());
      take(pop());
    } else {
      take(steal());
      take(steal());
    }
  }
};

// Vyukov's list with a relaxed exchange: the list is cut when a node's own null is placed behind its link.
struct cut_list_world {
  static constexpr int threads = 2;
  struct node {
    atomic<node*> next{nullptr};
  };
  node stub, a, b;
  atomic<node*> head{&stub};
  void push(node& n) {
    n.next.store(nullptr, relaxed);
    head.exchange(&n, relaxed)->next.store(&n, release);
  }
  void thread(int index) { push(index == 0 ? a : b); }
  void finish() {
    const node* first = stub.next.load(relaxed);
    explore::require(first != nullptr && first->next.load(relaxed) != nullptr, "both nodes are linked");
  }
};

struct lost_wake_up_world {
  static constexpr int threads = 2;
  atomic<int> asleep{0}, work{0};
  explore::parker bed;
  void thread(int index) {
    if (index == 0) {
      asleep.store(1, release);
      if (work.load(acquire) == 0) bed.park();
    } else {
      work.store(1, release);
      if (asleep.load(acquire) == 1) bed.unpark();
    }
  }
};

// An increment that is not atomic, and a third thread that must not be run in between for it to matter: needs
// two involuntary switches.
struct needs_two_preemptions {
  static constexpr int threads = 2;
  atomic<int> x{0};
  int read_between = 0;
  void thread(int index) {
    if (index == 0) {
      const int before = x.load(seq_cst);
      x.store(before + 1, seq_cst);
      x.store(before + 2, seq_cst);
    } else {
      const int first = x.load(seq_cst);
      const int second = x.load(seq_cst);
      read_between = first * 10 + second;
    }
  }
  void finish() { explore::require(read_between != 12, "1, then 2: preempted twice"); }
};

const std::vector<explore::strategy> all_strategies{explore::dfs{}, explore::dfs{.reduce = false},
                                                    explore::dfs{.preemptions = 2}, explore::random_walk{},
                                                    explore::pct{}};

template <class World> void expect_found_by_all() {
  for (const explore::strategy& how : all_strategies) {
    const explore::options wanted{.strategy = how, .max_executions = 2'000'000};
    const explore::result r = explore::run<World>(wanted);
    EXPECT_FALSE(r.ok()) << r;

    // The path repeats the failure, under the default strategy too, and tells it step by step.
    const explore::result again = explore::replay<World>(r.path);
    EXPECT_EQ(again.failure, r.failure) << r;
    EXPECT_EQ(again.path, r.path);
    EXPECT_EQ(again.trace, r.trace);
    EXPECT_NE(r.trace.find("T1"), std::string::npos);

    // So does the seed, at once.
    if (!std::holds_alternative<explore::dfs>(how)) {
      explore::options seeded_again = wanted;
      seeded_again.seed = r.seed;
      seeded_again.max_executions = 1;
      EXPECT_EQ(explore::run<World>(seeded_again).path, r.path) << r;
    }
  }
}

} // namespace

TEST(strategy, each_finds_the_missing_fence_of_pop) {
  expect_found_by_all<deque_world<seeded::no_fence_in_pop>>();
}
TEST(strategy, each_finds_the_missing_fence_of_steal) {
  expect_found_by_all<deque_world<seeded::no_fence_in_steal>>();
}
TEST(strategy, each_finds_the_missing_release_of_push) {
  expect_found_by_all<deque_world<seeded::no_release_in_push>>();
}
TEST(strategy, each_finds_the_relaxed_load_of_bottom) {
  expect_found_by_all<deque_world<seeded::relaxed_bottom>>();
}
TEST(strategy, each_finds_the_cut_list) { expect_found_by_all<cut_list_world>(); }
TEST(strategy, each_finds_the_lost_wake_up) { expect_found_by_all<lost_wake_up_world>(); }

TEST(strategy, none_reports_anything_on_the_correct_deque) {
  for (const explore::strategy& how : all_strategies) {
    const explore::result r =
        explore::run<deque_world<seeded::nothing>>({.strategy = how, .max_executions = 50'000});
    EXPECT_TRUE(r.ok()) << r;
  }
}

TEST(strategy, a_preemption_bound_is_kept_and_its_search_is_complete) {
  const auto with_bound = [](int preemptions) {
    return explore::run<needs_two_preemptions>({.strategy = explore::dfs{.preemptions = preemptions}});
  };
  for (const int bound : {0, 1}) {
    const explore::result r = with_bound(bound);
    EXPECT_TRUE(r.ok() && r.complete) << r;
  }
  EXPECT_LT(with_bound(0).executions, with_bound(1).executions);
  EXPECT_FALSE(with_bound(2).ok());
}

TEST(strategy, the_budget_of_executions_is_kept) {
  for (const explore::strategy& how : all_strategies) {
    const explore::result r =
        explore::run<deque_world<seeded::nothing>>({.strategy = how, .max_executions = 100});
    EXPECT_EQ(r.executions, 100u);
    EXPECT_FALSE(r.complete);
  }
}

TEST(strategy, the_same_seed_gives_the_same_run_and_another_seed_another) {
  const auto first_failure = [](std::uint64_t seed) {
    const auto r = explore::run<deque_world<seeded::no_fence_in_pop>>(
        {.strategy = explore::random_walk{}, .seed = seed});
    return r.path;
  };
  EXPECT_EQ(first_failure(5), first_failure(5));
  EXPECT_NE(first_failure(5), first_failure(6));
}

TEST(strategy, the_reduction_explores_fewer_executions_and_finishes) {
  const explore::result reduced = explore::run<deque_world<seeded::nothing>>();
  EXPECT_TRUE(reduced.ok() && reduced.complete) << reduced;
  const explore::result bounded =
      explore::run<deque_world<seeded::nothing>>({.strategy = explore::dfs{.preemptions = 3}});
  EXPECT_TRUE(bounded.complete);
  EXPECT_LT(reduced.executions + reduced.pruned, bounded.executions)
      << "all executions against a bounded part of them";
}

namespace {

// Loops that wait: the reduction must give the same outcomes although a store now also wakes a loop.
struct waiting_world {
  static constexpr int threads = 3;
  static inline std::set<int>* seen = nullptr;
  atomic<int> a{0}, b{0};
  int got = 0;
  void thread(int index) {
    if (index == 0) {
      a.store(1, relaxed);
      b.store(1, release);
    } else if (index == 1) {
      a.fetch_add(2, relaxed);
    } else {
      while (b.load(relaxed) == 0) {
        got = got * 10 + a.load(relaxed);
        relax();
      }
      got = got * 10 + a.load(relaxed);
    }
  }
  void finish() { seen->insert(got); }
};

} // namespace

TEST(strategy, the_reduction_keeps_the_outcomes_of_waiting_loops) {
  std::set<int> reduced, full;
  waiting_world::seen = &reduced;
  const explore::result first = explore::run<waiting_world>();
  EXPECT_TRUE(first.ok() && first.complete) << first;
  waiting_world::seen = &full;
  const explore::result second = explore::run<waiting_world>({.strategy = explore::dfs{.reduce = false}});
  EXPECT_TRUE(second.ok() && second.complete) << second;
  EXPECT_EQ(reduced, full);
  EXPECT_LT(first.executions, second.executions);
}

TEST(strategy, a_path_that_does_not_fit_says_so) {
  const explore::result r = explore::replay<lost_wake_up_world>("____");
  EXPECT_NE(r.trace.find("does not fit"), std::string::npos) << r.trace;
}

TEST(strategy, a_trace_tells_thread_place_operation_value_order_and_source) {
  const explore::result r = explore::run<deque_world<seeded::relaxed_bottom>>();
  ASSERT_FALSE(r.ok());
  std::ostringstream text;
  text << r;
  for (const std::string_view part :
       {"strategy_test.cc:", "T0", "T1", "load(relaxed)", "store(relaxed)", "of T0 in step", "newer store",
        "relaxed, so nothing it publishes is learned", "compare_exchange_strong(seq_cst) 0 -> 1", "path \""})
    EXPECT_NE(text.str().find(part), std::string::npos) << "missing: " << part << '\n' << text.str();
}
