// For tests: a world is clean, or it has a fault that is found and told; and the gate over a core.
#pragma once

#include "base/explore/explore.h"
#include "base/explore/mutation.h"

#include <gtest/gtest.h>

#include <iostream>
#include <span>
#include <string_view>
#include <variant>

namespace thrum::base::explore {

template <class World> void expect_clean(const options& how = {}) {
  const result r = run<World>(how);
  EXPECT_TRUE(r.ok() && r.complete) << r;
}

template <class World> void expect_fault(std::string_view what, const options& how = {}) {
  const result r = run<World>(how);
  EXPECT_TRUE(found_bug(r, what)) << r;
  EXPECT_FALSE(r.trace.empty());
}

// For cores: tells what was explored, so that a log shows the size of each proof. A search must come to its end, unless the
// world is too big for that: then the budget in `how` decides, and `bounded` says that this is known.
enum class extent : bool { complete, bounded };
template <class World> void expect_correct(const options& how = {}, extent wanted = extent::complete) {
  const result r = run<World>(how);
  if (r.ok()) std::cout << r << '\n';
  const bool enough = wanted == extent::bounded || !std::holds_alternative<dfs>(how.strategy) || r.complete;
  EXPECT_TRUE(r.ok() && enough) << r;
}

// A core with asymmetric fences has to be right with both meanings of them.
template <class World>
void expect_correct_with_both_fences(options how = {}, extent wanted = extent::complete) {
  for (const asymmetric_fences meaning : {asymmetric_fences::paired, asymmetric_fences::full}) {
    how.fences = meaning;
    expect_correct<World>(how, wanted);
  }
}

inline void expect_no_survivor(const gate_report& report, std::span<const allowance> allowed = {}) {
  std::cout << report;
  EXPECT_EQ(report.unexplained(allowed), "");
}

} // namespace thrum::base::explore
