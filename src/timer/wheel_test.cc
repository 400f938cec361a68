#include "timer/wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <vector>

namespace thrum::timing {
namespace {

struct numbered : entry {
  int id = 0;
};

std::vector<int> advance(wheel& w, nanoseconds now, std::size_t limit = 1'000'000) {
  std::vector<int> fired;
  w.advance(now, limit, [&](entry& e) { fired.push_back(static_cast<numbered&>(e).id); });
  EXPECT_TRUE(w.check_invariants());
  return fired;
}

TEST(wheel, an_entry_fires_at_its_deadline_and_not_a_nanosecond_before) {
  wheel w(1'000);
  numbered e;
  e.deadline = 5'000'123;
  w.insert(e);
  EXPECT_EQ(w.earliest(), 5'000'123);
  EXPECT_TRUE(advance(w, 5'000'122).empty());
  EXPECT_EQ(advance(w, 5'000'123).size(), 1u);
  EXPECT_EQ(w.earliest(), never);
}

TEST(wheel, entries_of_one_tick_fire_in_the_order_of_their_insertion) {
  wheel w(0);
  numbered e[5];
  for (int i = 0; i < 5; ++i) {
    e[i].id = i;
    e[i].deadline = 2'000'000;
    w.insert(e[i]);
  }
  EXPECT_EQ(advance(w, 2'000'000), (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(wheel, entries_of_one_tick_are_prepared_before_any_of_them_fires) {
  wheel w(0);
  numbered e[3];
  for (int i = 0; i < 3; ++i) {
    e[i].id = i + 1;
    e[i].deadline = 2'000'000;
    w.insert(e[i]);
  }
  std::vector<int> steps;
  w.advance(
      2'000'000, 2, [&](entry& f) { steps.push_back(static_cast<numbered&>(f).id); },
      [&](entry& f) { steps.push_back(-static_cast<numbered&>(f).id); });
  EXPECT_EQ(steps, (std::vector<int>{-1, -2, 1, 2})) << "and none that will not fire now";
}

TEST(wheel, a_fired_entry_may_be_destroyed_at_once) {
  wheel w(0);
  for (int i = 0; i < 5; ++i) {
    auto* e = new numbered;
    e->deadline = 2'000'000 + i;
    w.insert(*e);
  }
  EXPECT_EQ(w.advance(3'000'000, 100, [](entry& e) { delete static_cast<numbered*>(&e); }), 5u);
  EXPECT_TRUE(w.empty());
}

TEST(wheel, an_overdue_entry_fires_at_the_next_advance) {
  wheel w(1'000'000'000);
  numbered e;
  e.deadline = 17;
  w.insert(e);
  EXPECT_EQ(advance(w, 1'000'000'000).size(), 1u);
}

TEST(wheel, an_erased_entry_does_not_fire) {
  wheel w(0);
  numbered a;
  numbered b;
  a.deadline = 100'000;
  b.id = 1;
  b.deadline = 100'000;
  w.insert(a);
  w.insert(b);
  w.erase(a);
  EXPECT_EQ(advance(w, 1'000'000), std::vector<int>{1});
  EXPECT_TRUE(w.empty());
}

TEST(wheel, a_limit_leaves_the_rest_for_the_next_call) {
  wheel w(0);
  numbered e[10];
  for (int i = 0; i < 10; ++i) {
    e[i].id = i;
    e[i].deadline = 1'000 * i;
    w.insert(e[i]);
  }
  EXPECT_EQ(advance(w, 1'000'000, 4).size(), 4u);
  EXPECT_EQ(w.size(), 6u);
  EXPECT_EQ(advance(w, 1'000'000, 100).size(), 6u);
}

TEST(wheel, a_deadline_beyond_the_horizon_is_kept) {
  constexpr nanoseconds day = 86'400'000'000'000;
  wheel w(123);
  numbered e;
  e.deadline = 400 * day + 77;
  w.insert(e);
  for (nanoseconds t = day; t < 400 * day; t += 3 * day) ASSERT_TRUE(advance(w, t).empty()) << t;
  EXPECT_TRUE(advance(w, 400 * day + 76).empty());
  EXPECT_EQ(advance(w, 400 * day + 77).size(), 1u);
}

TEST(wheel, the_greatest_deadline_never_fires) {
  wheel w(0);
  numbered e;
  e.deadline = never;
  w.insert(e);
  EXPECT_TRUE(advance(w, 1'000'000'000'000'000).empty());
  w.erase(e);
}

// Against a multimap, with deadlines from nanoseconds to weeks and a clock that creeps and leaps.
TEST(wheel, agrees_with_a_sorted_map_on_random_programs) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const auto below = [&](std::uint64_t n) { return static_cast<nanoseconds>(random() % n); };
    nanoseconds now = below(std::uint64_t{1} << (random() % 50));
    wheel w(now);
    std::vector<std::unique_ptr<numbered>> all;
    std::multimap<nanoseconds, numbered*> model;
    for (int step = 0; step < 3'000; ++step) {
      const auto kind = random() % 10;
      if (kind < 6) {
        all.push_back(std::make_unique<numbered>());
        numbered& e = *all.back();
        e.id = static_cast<int>(all.size());
        e.deadline = now - 1'000 + below(std::uint64_t{1} << (random() % 52));
        w.insert(e);
        model.emplace(e.deadline, &e);
      } else if (kind < 8 && !model.empty()) {
        auto it = model.begin();
        std::advance(it, below(model.size()));
        w.erase(*it->second);
        model.erase(it);
      } else {
        ASSERT_LE(w.earliest(), model.empty() ? never : model.begin()->first); // T3
        now += below(std::uint64_t{1} << (random() % 50));
        std::vector<int> expected;
        while (!model.empty() && model.begin()->first <= now) {
          expected.push_back(model.begin()->second->id);
          model.erase(model.begin());
        }
        auto fired = advance(w, now);
        std::sort(fired.begin(), fired.end());
        std::sort(expected.begin(), expected.end());
        ASSERT_EQ(fired, expected) << "step " << step;
      }
    }
    for (auto& [deadline, e] : model) w.erase(*e);
  }
}

// Sleeping exactly until earliest(), again and again, must reach every entry at its deadline.
TEST(wheel, sleeping_until_earliest_misses_nothing) {
  std::mt19937_64 random(7);
  nanoseconds now = 0;
  wheel w(now);
  std::vector<numbered> e(500);
  for (auto& x : e) {
    x.deadline = static_cast<nanoseconds>(random() % 10'000'000'000);
    w.insert(x);
  }
  std::size_t fired = 0;
  int wakes = 0;
  while (!w.empty()) {
    now = w.earliest();
    ++wakes;
    fired += w.advance(now, 1'000, [&](entry& x) { EXPECT_EQ(x.deadline, now); });
  }
  EXPECT_EQ(fired, e.size());
  EXPECT_LT(wakes, 3'000); // the cascades of crowded slots, not a tick
}

// earliest() says the start of a crowded slot; who has no clock jumps to the entry.
TEST(wheel, the_exact_earliest_leads_from_entry_to_entry) {
  std::mt19937_64 random(7);
  nanoseconds now = 0;
  wheel w(now);
  EXPECT_EQ(w.exact_earliest(), never);
  std::vector<numbered> e(500);
  std::multimap<nanoseconds, int> expected;
  for (auto& x : e) {
    x.deadline = 3'000'000 + static_cast<nanoseconds>(random() % 100'000); // some slots, all crowded
    expected.emplace(x.deadline, 0);
    w.insert(x);
  }
  while (!w.empty()) {
    now = w.exact_earliest();
    ASSERT_EQ(now, expected.begin()->first);
    const std::size_t n = w.advance(now, 1'000, [](entry&) {});
    ASSERT_EQ(n, expected.erase(now));
  }
}

} // namespace
} // namespace thrum::timing
