// docs/debugging.md: what THRUM_DEBUG=held_mutex reports, and what is said about modes that there are not.
#include "support/child.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace {

bool says(const test::child& c, const std::string& text) { return c.err.find(text) != std::string::npos; }

std::size_t reports(const test::child& c) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = c.err.find("thrum: held_mutex:", at)) != std::string::npos; ++at) ++n;
  return n;
}

const std::string preloaded = std::string("LD_PRELOAD=") + THRUM_DEBUG_LIBRARY;

test::child watch(const char* program, const std::string& preload, const char* what,
                  const char* mode = "THRUM_DEBUG=held_mutex") {
  return test::run_child({"/usr/bin/env", preload, mode, test::own_folder() + "/" + program, what});
}

struct guilt {
  const char* what;
  const char* said;
};

class a_lock_of_the_thread : public testing::TestWithParam<guilt> {};

} // namespace

TEST_P(a_lock_of_the_thread, that_a_fiber_holds_when_it_leaves_is_reported_once) {
  for (const bool linked : {false, true}) {
    const test::child c = linked ? watch("holds_locks_linked", "X=", GetParam().what)
                                 : watch("holds_locks", preloaded, GetParam().what);
    EXPECT_EQ(c.exit_code, 0) << c.summary();
    EXPECT_EQ(c.signal, 0) << c.summary();
    EXPECT_EQ(reports(c), 1u) << c.summary();
    EXPECT_TRUE(says(c, GetParam().said)) << c.summary();
    EXPECT_TRUE(says(c, "'guilty'")) << c.summary();
    EXPECT_TRUE(says(c, "holds_locks.cc:" + std::to_string(std::atoi(c.out.c_str())))) << c.summary();
  }
}

INSTANTIATE_TEST_SUITE_P(about, a_lock_of_the_thread,
                         testing::Values(guilt{"waits", "a fiber waits (chan receive) while it holds a lock"},
                                         guilt{"waits_for_nobody",
                                               "a fiber waits (sleep) while it holds a lock"},
                                         guilt{"yields", "a fiber yields while it holds a lock"},
                                         guilt{"ends", "a fiber ends while it holds a lock"}),
                         [](const auto& given) { return std::string(given.param.what); });

TEST(held_mutex, is_silent_about_what_is_released_in_time_and_about_mutexes_of_thrum) {
  const test::child c = watch("holds_locks", preloaded, "does_nothing_wrong");
  EXPECT_EQ(c.exit_code, 0) << c.summary();
  EXPECT_EQ(c.err, "");
}

TEST(held_mutex, is_silent_without_the_mode) {
  const test::child c = watch("holds_locks", preloaded, "waits", "THRUM_DEBUG=");
  EXPECT_EQ(c.exit_code, 0) << c.summary();
  EXPECT_EQ(c.err, "");
}

TEST(held_mutex, says_what_it_needs) {
  const test::child c = watch("holds_locks", "X=", "waits");
  EXPECT_EQ(c.exit_code, 0) << c.summary();
  EXPECT_TRUE(says(c, "LD_PRELOAD=libthrum_debug.so")) << c.summary();
  EXPECT_EQ(reports(c), 0u);
}

TEST(a_debug_mode, that_there_is_not_is_named_and_the_program_goes_on) {
  const test::child c = watch("holds_locks", "X=", "waits", "THRUM_DEBUG=held_mutexes,,");
  EXPECT_EQ(c.exit_code, 0) << c.summary();
  EXPECT_EQ(c.err, "thrum: THRUM_DEBUG: there is no mode 'held_mutexes'; the modes are migrate, held_mutex, "
                   "lock_order and one_by_one, separated by commas\n");
}
