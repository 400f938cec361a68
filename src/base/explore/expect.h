// For tests of the explorer: a world is clean, or it has a fault that is found and told.
#pragma once

#include "base/explore/explore.h"

#include <gtest/gtest.h>

#include <string_view>

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

} // namespace thrum::base::explore
