#include "sim/strategy.h"

#include <gtest/gtest.h>

#include <set>

namespace thrum::sim {
namespace {

std::vector<candidate> fibers(std::uint64_t n) {
  std::vector<candidate> all;
  for (std::uint64_t i = 1; i <= n; ++i) all.push_back({nullptr, i, 0});
  return all;
}

TEST(chance, streams_of_a_seed_differ_and_repeat) {
  chance a(1, drawn_by::schedule), b(1, drawn_by::user), again(1, drawn_by::schedule),
      other(2, drawn_by::schedule);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t x = a.next();
    EXPECT_EQ(x, again.next());
    seen.insert({x, b.next(), other.next()});
  }
  EXPECT_EQ(seen.size(), 300u);
}

TEST(strategy, uniform_chooses_each_now_and_then) {
  strategy s({.strategy = simulation_strategy::uniform}, 1);
  std::set<std::size_t> chosen;
  const auto all = fibers(5);
  for (int i = 0; i < 200; ++i) chosen.insert(s.choose(all));
  EXPECT_EQ(chosen.size(), 5u);
}

TEST(strategy, the_highest_rank_runs_until_it_falls) {
  strategy s({.strategy = simulation_strategy::priorities, .depth = 1}, 1);
  s.begins(1, 1ull << 33);
  s.begins(2, (1ull << 33) + 2);
  s.begins(3, (1ull << 33) + 1);
  const auto all = fibers(3);
  EXPECT_EQ(s.choose(all), 1u);
  EXPECT_TRUE(s.interrupts(1, all));
  EXPECT_FALSE(s.interrupts(2, all));
  s.falls(2);
  EXPECT_EQ(s.choose(all), 2u);
  s.falls(3);
  EXPECT_EQ(s.choose(all), 0u);
  s.falls(1); // below all who fell before
  EXPECT_EQ(s.choose(all), 1u);
}

TEST(strategy, ranks_change_as_often_as_the_depth_says) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    strategy s({.strategy = simulation_strategy::priorities, .depth = 3}, seed);
    s.begins(1, 1ull << 33);
    s.begins(2, (1ull << 33) - 1);
    std::uint64_t running = 1;
    int changes = 0;
    for (int step = 0; step < 1 << 17; ++step)
      if (s.interrupts(running, {{nullptr, 3 - running, 0}})) {
        running = 3 - running;
        ++changes;
      }
    EXPECT_GE(changes, 1) << seed; // two points, that may be one
    EXPECT_LE(changes, 2) << seed;
  }
}

} // namespace
} // namespace thrum::sim
