// What the thread sanitizer says of fibers: it finds a data race that was planted, and accuses no program without one. The programs are
// those of the experiment X18 (versus/experiments/x18_races/thrum.cc), each in a process of its own.
#include "support/child.h"

#include <gtest/gtest.h>

#include <string>

namespace {

constexpr int found = 66; // the exit code of a program that was accused

test::child end_of(const std::string& program) {
  return test::run_child({"/usr/bin/env", "TSAN_OPTIONS=atexit_sleep_ms=0:exitcode=" + std::to_string(found),
                          test::own_folder() + "/race_programs", "--run", program},
                         std::chrono::seconds(100));
}

class a_planted_race : public testing::TestWithParam<const char*> {};
class a_program_without_a_race : public testing::TestWithParam<const char*> {};

} // namespace

TEST_P(a_planted_race, is_found_and_its_lines_are_named) {
  test::child c;
  // What runs at the same time is chance; mostly the first run is enough.
  for (int runs = 0; runs < 20 && c.exit_code != found && !c.timed_out; ++runs)
    c = end_of(std::string("planted/") + GetParam());
  ASSERT_EQ(c.exit_code, found) << c.summary();
  const std::size_t report = c.err.find("WARNING: ThreadSanitizer: data race");
  ASSERT_NE(report, std::string::npos) << c.summary();
  EXPECT_NE(c.err.find("x18_races/thrum.cc:", report), std::string::npos) << c.summary();
}

TEST_P(a_program_without_a_race, is_not_accused) {
  for (int runs = 0; runs < 3; ++runs) {
    const test::child c = end_of(std::string("clean/") + GetParam());
    ASSERT_EQ(c.exit_code, 0) << c.summary();
    ASSERT_FALSE(c.timed_out) << c.summary();
    ASSERT_EQ(c.signal, 0) << c.summary();
  }
}

#define THRUM_RACES                                                                                          \
  testing::Values("counter", "map", "publication", "loop", "lock", "shared_lock", "once", "sent", "halves",  \
                  "closed", "done", "cache"),                                                                \
      [](const auto& given) { return std::string(given.param); }

INSTANTIATE_TEST_SUITE_P(, a_planted_race, THRUM_RACES);
INSTANTIATE_TEST_SUITE_P(, a_program_without_a_race, THRUM_RACES);
