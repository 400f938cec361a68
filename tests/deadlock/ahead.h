// Children that are started before their tests ask for them, a few at a time: each of these programs waits more than it computes.
#pragma once

#include "support/child.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace deadlock {

class children_ahead {
public:
  // A child for each test of the suite that is to run, by the name that is the test's parameter.
  using command = std::vector<std::string> (*)(const std::string& name);
  children_ahead(const std::string& suite, command of) : command_(of) {
    const testing::UnitTest& all = *testing::UnitTest::GetInstance();
    for (int s = 0; s < all.total_test_suite_count(); ++s) {
      const testing::TestSuite& each = *all.GetTestSuite(s);
      if (!std::string(each.name()).ends_with(suite)) continue;
      for (int t = 0; t < each.total_test_count(); ++t)
        if (const testing::TestInfo& i = *each.GetTestInfo(t); i.should_run() && i.value_param() != nullptr)
          children_.push_back({unquoted(i.value_param()), nullptr});
    }
  }

  // What became of it; and the next ones start.
  test::child end_of(const std::string& name) {
    std::size_t i = 0;
    while (children_.at(i).name != name) ++i;
    for (std::size_t next = i; next < children_.size() && next <= i + ahead; ++next)
      if (children_[next].runs == nullptr)
        children_[next].runs = std::make_unique<test::live_child>(command_(children_[next].name), limit);
    return std::exchange(children_[i].runs, nullptr)->end();
  }

private:
  static constexpr std::size_t ahead = 4;
  static constexpr std::chrono::seconds limit{100};

  static std::string unquoted(std::string text) {
    return text.starts_with('"') ? text.substr(1, text.size() - 2) : text;
  }

  struct one {
    std::string name;
    std::unique_ptr<test::live_child> runs;
  };
  const command command_;
  std::vector<one> children_;
};

} // namespace deadlock
