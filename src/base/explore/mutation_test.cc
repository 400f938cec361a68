// The mutation gate on two structures whose orders are known to be needed, and on code that is stronger than
// it needs.
#include "base/explore/mutation.h"

#include "base/explore/chase_lev.h"
#include "base/explore/mpsc_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <string>
#include <vector>

namespace explore = thrum::base::explore;
using explore::strength;
using thrum::base::atomic;

namespace {

template <int Thieves, int StealsEach> struct deque_world {
  static constexpr int threads = 1 + Thieves;
  explore::chase_lev deque;
  std::array<int, 3> taken{};

  void take(int item) {
    if (item < 0) return;
    explore::require(item != 0, "an item is complete when it is taken");
    explore::require(++taken[static_cast<std::size_t>(item)] == 1, "an item is taken once");
  }
  void thread(int index) {
    if (index == 0) {
      deque.push(1);
      deque.push(2);
      take(deque.pop());
      take(deque.pop());
    } else {
      for (int i = 0; i < StealsEach; ++i) take(deque.steal());
    }
  }
};

struct list_world {
  static constexpr int threads = 3;
  struct item : explore::mpsc_node {
    explore::plain<int> value;
  };
  std::array<item, 2> items;
  explore::mpsc_node stray; // where the items point to from an earlier use
  explore::mpsc_list list;
  int sum = 0;

  list_world() {
    for (item& each : items) each.next.store(&stray, std::memory_order_relaxed);
  }
  void take() {
    explore::mpsc_node* node = list.pop();
    explore::require(node != &stray, "a node's old link is not followed");
    if (node != nullptr) sum += static_cast<item*>(node)->value.get();
  }
  void thread(int index) {
    if (index < 2) {
      items[static_cast<std::size_t>(index)].value.set(index + 1);
      list.push(items[static_cast<std::size_t>(index)]);
    } else {
      for (int i = 0; i < 3; ++i) take();
    }
  }
  void finish() {
    for (int i = 0; i < 3; ++i) take();
    explore::require(sum == 3, "every item arrives once");
  }
};

template <std::memory_order Publish, std::memory_order Read> struct message {
  static constexpr int threads = 2;
  atomic<bool> ready{false};
  explore::plain<int> data;
  void thread(int index) {
    if (index == 0) {
      data.set(1);
      ready.store(true, Publish);
    } else if (ready.load(Read)) {
      explore::require(data.get() == 1, "the data are there");
    }
  }
};

struct dekker {
  static constexpr int threads = 2;
  atomic<int> worker{0}, monitor{0};
  int inside = 0;
  void thread(int index) {
    if (index == 0) {
      worker.store(1, std::memory_order_relaxed);
      thrum::base::light_fence();
      if (monitor.load(std::memory_order_relaxed) == 0) ++inside;
    } else {
      monitor.store(1, std::memory_order_relaxed);
      thrum::base::heavy_fence();
      if (worker.load(std::memory_order_relaxed) == 0) ++inside;
    }
  }
  void finish() { explore::require(inside <= 1, "at most one of the two goes in"); }
};

std::vector<std::string> sites_of(const std::vector<explore::mutant>& mutants) {
  std::vector<std::string> all;
  for (const explore::mutant& m : mutants)
    all.push_back(std::string(name_of(m.where.kind)) + ' ' + std::string(name_of(m.where.order)) + " -> " +
                  std::string(name_of(m.weakened)));
  std::sort(all.begin(), all.end());
  return all;
}

} // namespace

TEST(mutation_gate, every_order_of_the_chase_lev_deque_is_needed_but_those_that_its_fences_cover) {
  std::vector<explore::allowance> allowed;
  for (const strength weaker : {strength::acq_rel, strength::acquire, strength::release, strength::relaxed})
    for (const std::string_view exchange : {"if (!top_.compare_exchange", "return top_.compare_exchange"})
      allowed.push_back({exchange, strength::seq_cst, weaker, "the fences of C2 already order it"});
  allowed.push_back({"top_.load(std::memory_order_acquire)", strength::acquire, strength::relaxed,
                     "covered by the fence of C2; only a buffer that grows needs it"});
  const auto report = explore::mutation_gate(
      {explore::scenario_of<deque_world<1, 2>>(), explore::scenario_of<deque_world<2, 1>>()},
      {.files = {"chase_lev.h"}});
  std::cout << report;
  EXPECT_EQ(report.unexplained(allowed), "");
}

TEST(mutation_gate, every_order_of_the_mpsc_list_is_needed) {
  const auto report =
      explore::mutation_gate({explore::scenario_of<list_world>()}, {.files = {"mpsc_list.h"}});
  std::cout << report;
  EXPECT_EQ(report.unexplained(), "");
}

TEST(mutation_gate, an_order_that_is_too_strong_survives) {
  const auto report = explore::mutation_gate(
      {explore::scenario_of<message<std::memory_order_seq_cst, std::memory_order_seq_cst>>()});
  EXPECT_EQ(sites_of(report.survivors()),
            (std::vector<std::string>{"load seq_cst -> acquire", "store seq_cst -> release"}))
      << report;
  EXPECT_EQ(report.mutants.size(), 4u) << "the orders below a survivor are tried too: " << report;
}

TEST(mutation_gate, an_allowance_explains_a_survivor_and_must_have_one) {
  const auto report = explore::mutation_gate(
      {explore::scenario_of<message<std::memory_order_release, std::memory_order_seq_cst>>()});
  ASSERT_EQ(report.survivors().size(), 1u) << report;
  const std::array right{
      explore::allowance{"ready.load(Read)", strength::seq_cst, strength::acquire, "for this test"}};
  EXPECT_EQ(report.unexplained(right), "");
  const std::array stale{
      right[0], explore::allowance{"ready.store", strength::release, strength::relaxed, "for this test"}};
  EXPECT_NE(report.unexplained(stale).find("nothing needs"), std::string::npos);
  EXPECT_NE(report.unexplained().find("survives"), std::string::npos);
}

TEST(mutation_gate, a_model_that_fails_unmutated_is_reported_as_such) {
  const auto report = explore::mutation_gate(
      {explore::scenario_of<message<std::memory_order_relaxed, std::memory_order_acquire>>()});
  EXPECT_NE(report.baseline_failure.find("data race"), std::string::npos) << report;
  EXPECT_NE(report.unexplained(), "");
  EXPECT_TRUE(report.mutants.empty());
}

TEST(mutation_gate, both_halves_of_an_asymmetric_fence_are_sites) {
  const auto report = explore::mutation_gate({explore::scenario_of<dekker>()});
  EXPECT_EQ(report.unexplained(), "");
  EXPECT_EQ(sites_of(report.mutants),
            (std::vector<std::string>{"asymmetric fence heavy -> light", "asymmetric fence light -> none"}));
}

TEST(mutation_gate, a_missing_light_fence_shows_in_the_fallback_and_not_in_the_instant_reading) {
  const auto instant =
      explore::mutation_gate({explore::scenario_of<dekker>({.fences = explore::asymmetric_fences::instant})});
  EXPECT_EQ(sites_of(instant.survivors()), (std::vector<std::string>{"asymmetric fence light -> none"}))
      << instant;
  const auto fallback =
      explore::mutation_gate({explore::scenario_of<dekker>({.fences = explore::asymmetric_fences::full})});
  EXPECT_EQ(sites_of(fallback.survivors()), (std::vector<std::string>{"asymmetric fence heavy -> light"}))
      << fallback;
}
