// For tests of the explorer: collects the outcomes of a litmus test, with and without the reduction.
#pragma once

#include "base/explore/explore.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <set>
#include <string>

namespace thrum::base::explore::litmus {

using outcomes = std::set<std::string>;

inline outcomes* seen = nullptr;

inline std::string text(std::initializer_list<int> values) {
  std::string all;
  for (int v : values) all += (all.empty() ? "" : " ") + std::to_string(v);
  return all;
}

// A litmus test is a world whose outcome() is asked for after each execution.
template <class Litmus> struct observed : Litmus {
  void finish() { seen->insert(this->outcome()); }
};

template <class Litmus> outcomes outcomes_of(options how = {}) {
  outcomes reduced, full;
  seen = &reduced;
  const result first = run<observed<Litmus>>(how);
  EXPECT_TRUE(first.ok() && first.complete) << first;
  how.strategy = dfs{.reduce = false};
  seen = &full;
  const result second = run<observed<Litmus>>(how);
  EXPECT_TRUE(second.ok() && second.complete) << second;
  EXPECT_EQ(reduced, full) << "the reduction has lost an outcome";
  EXPECT_LE(first.executions, second.executions);
  return reduced;
}

inline const outcomes all_of_two_bits{"0 0", "0 1", "1 0", "1 1"};

} // namespace thrum::base::explore::litmus
