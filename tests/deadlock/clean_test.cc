// Each program of clean.cc, in a process of its own: it ends by itself, and nothing is said.
#include "deadlock/ahead.h"
#include "support/child.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

namespace {

std::string program() { return test::own_folder() + "/deadlock_clean"; }

// The program has a list of its cases, which grows with them.
std::vector<std::string> names() {
  std::vector<std::string> all;
  std::istringstream lines(test::run_child({program()}).out);
  for (std::string line; std::getline(lines, line);) all.push_back(line);
  return all;
}

class a_program_without_a_deadlock : public testing::TestWithParam<std::string> {};

} // namespace

TEST_P(a_program_without_a_deadlock, ends_and_nothing_is_reported) {
  static deadlock::children_ahead children(
      "/a_program_without_a_deadlock", [](const std::string& name) { return std::vector{program(), name}; });
  const test::child c = children.end_of(GetParam());
  EXPECT_FALSE(c.timed_out) << c.summary();
  EXPECT_EQ(c.signal, 0) << c.summary();
  EXPECT_EQ(c.exit_code, 0) << c.summary();
  EXPECT_EQ(c.err, "") << c.summary();
}

INSTANTIATE_TEST_SUITE_P(such_as, a_program_without_a_deadlock, testing::ValuesIn(names()),
                         [](const auto& given) { return given.param; });
