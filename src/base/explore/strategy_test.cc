// The strategies: each finds the seeded bugs, searches are complete and bounded as they say, the reduction
// loses nothing, and every failure can be run again from what is printed.
#include "base/explore/explore.h"
#include "base/explore/mpsc_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <random>
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
    EXPECT_EQ(r.executions + r.pruned, 100u);
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

// Random programs with loops that wait and threads that park: the reduction must give the outcomes of the
// full search, although a store now also wakes a loop and an unpark a sleeper. (axioms_test.cc does this for
// straight lines.)
struct waiting_program {
  enum class kind : std::uint8_t { load, store, exchange, wait, park, unpark };
  struct op {
    kind what;
    int location;
    bool strong; // acquire, release; else relaxed
    int value;
  };
  std::array<std::vector<op>, 3> threads;
};

struct waiting_world {
  static constexpr int threads = 3;
  static inline const waiting_program* program = nullptr;
  static inline std::set<std::string>* seen = nullptr;
  std::array<atomic<int>, 2> cells;
  explore::parker bed; // of thread 1
  std::array<std::array<int, 12>, 3> got{};
  std::array<std::size_t, 3> count{};

  void thread(int index) {
    const auto t = static_cast<std::size_t>(index);
    for (const waiting_program::op& o : program->threads[t]) {
      atomic<int>& cell = cells[static_cast<std::size_t>(o.location)];
      int value = 0;
      switch (o.what) {
      case waiting_program::kind::load: value = cell.load(o.strong ? acquire : relaxed); break;
      case waiting_program::kind::store: cell.store(o.value, o.strong ? release : relaxed); break;
      case waiting_program::kind::exchange:
        value = cell.exchange(o.value, o.strong ? acq_rel : relaxed);
        break;
      case waiting_program::kind::wait:
        // What the turns of the loop have seen is part of the outcome, but not how often they have seen it:
        // the reduction skips turns that repeat the one before.
        for (int trail = 0; value == 0;) {
          const int first = cell.load(o.strong ? acquire : relaxed);
          const int other = 1 + cells[static_cast<std::size_t>(1 - o.location)].load(relaxed);
          if (trail % 10 != other) trail = trail * 10 + other;
          if (first != 0)
            value = trail * 10 + first;
          else
            relax();
        }
        break;
      case waiting_program::kind::park: bed.park(); break;
      case waiting_program::kind::unpark: bed.unpark(); break;
      }
      got[t][count[t]++] = value;
    }
  }
  void finish() {
    std::string all;
    for (std::size_t t = 0; t < 3; ++t)
      for (std::size_t i = 0; i < count[t]; ++i) all += std::to_string(got[t][i]) + ' ';
    for (atomic<int>& each : cells) all += std::to_string(each.load(relaxed)) + ' ';
    seen->insert(all);
  }
};

// Thread 0 never waits and stores to both locations; so every wait ends. Thread 1 parks only if thread 0
// unparks.
waiting_program random_waiting_program(std::mt19937& random) {
  using kind = waiting_program::kind;
  const auto below = [&](unsigned bound) { return static_cast<int>(random() % bound); };
  waiting_program p;
  int value = 1;
  const bool parks = below(2) == 0;
  const int first = below(2);
  p.threads[0] = {{kind::store, first, below(2) == 0, value++},
                  {kind::store, 1 - first, below(2) == 0, value++}};
  if (parks)
    p.threads[0].insert(p.threads[0].begin() + below(3), waiting_program::op{kind::unpark, 0, false, 0});
  for (std::size_t t = 1; t < 3; ++t) {
    const int length = t == 1 ? 1 + below(2) : 1;
    for (int i = 0; i < length; ++i) {
      const kind what =
          std::array{kind::load, kind::store, kind::exchange, kind::wait, kind::wait}[random() % 5];
      p.threads[t].push_back({what, below(2), below(2) == 0, value++});
    }
  }
  if (parks)
    p.threads[1].insert(p.threads[1].begin() + below(2), waiting_program::op{kind::park, 0, false, 0});
  return p;
}

} // namespace

TEST(strategy, the_reduction_keeps_the_outcomes_of_programs_that_wait) {
  constexpr unsigned seed = 42;
  std::mt19937 random(seed);
  std::uint64_t reduced_total = 0, full_total = 0;
  int compared = 0;
  for (int i = 0; i < 120; ++i) {
    const waiting_program p = random_waiting_program(random);
    waiting_world::program = &p;
    const int idle_turns = i % 4 == 0 ? 1 : 0;
    std::set<std::string> reduced, full;
    waiting_world::seen = &reduced;
    const explore::result first =
        explore::run<waiting_world>({.max_executions = 20'000, .idle_turns = idle_turns});
    ASSERT_TRUE(first.ok()) << first;
    if (!first.complete) continue; // too big
    waiting_world::seen = &full;
    const explore::result second = explore::run<waiting_world>(
        {.strategy = explore::dfs{.reduce = false}, .max_executions = 20'000, .idle_turns = idle_turns});
    ASSERT_TRUE(second.ok()) << second;
    const bool none_lost = std::includes(reduced.begin(), reduced.end(), full.begin(), full.end());
    ASSERT_TRUE(none_lost && (reduced == full || !second.complete)) << "program " << i << " of seed " << seed;
    if (!second.complete) continue; // too big without the reduction; what was seen of it is there
    ++compared;
    reduced_total += first.executions + first.pruned;
    full_total += second.executions;
  }
  EXPECT_GT(compared, 60);
  EXPECT_LT(reduced_total, full_total);
  std::cout << compared << " programs, seed " << seed << ": " << reduced_total << " executions instead of "
            << full_total << '\n';
}

namespace {

// A loop whose turns do something: each counts, although it may load the same stores as the one before.
struct counting_loop {
  static constexpr int threads = 2;
  static inline std::set<int>* seen = nullptr;
  atomic<int> flag{1}, turns{0};
  void thread(int index) {
    if (index == 0) {
      for (const int value : {2, 3, 0}) flag.store(value, relaxed);
    } else {
      int read = 0;
      for (int trail = 0; (read = flag.load(relaxed)) != 0; relax()) {
        trail = trail * 10 + read;
        turns.store(trail, relaxed);
      }
    }
  }
  void finish() { seen->insert(turns.load(relaxed)); }
};

} // namespace

TEST(strategy, the_reduction_skips_no_turn_that_does_something) {
  std::set<int> reduced, full;
  counting_loop::seen = &reduced;
  EXPECT_TRUE(explore::run<counting_loop>().complete);
  counting_loop::seen = &full;
  EXPECT_TRUE(explore::run<counting_loop>({.strategy = explore::dfs{.reduce = false}}).complete);
  EXPECT_EQ(reduced, full);
  EXPECT_TRUE(full.contains(0) && full.contains(123) && full.contains(111) && full.contains(1111));
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
