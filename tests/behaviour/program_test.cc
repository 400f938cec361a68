// The library at the edges of a program: in static constructors and destructors, in atexit, when main returns while fibers
// run, when a fiber calls exit. Each case is a process of its own (programs/around_main.cc).
#include "support/child.h"
#include "support/scale.h"

#include <gtest/gtest.h>

#include <string>

namespace {

test::child run_case(const char* name) {
  return test::run_child({test::own_folder() + "/around_main", name});
}

// Whether a process ends well may depend on where its threads are at that moment.
template <class Check> void several_times(const char* name, Check check) {
  for (std::size_t i = 0; i < test::times(20); ++i) {
    const test::child c = run_case(name);
    ASSERT_FALSE(c.timed_out) << c.summary();
    ASSERT_EQ(c.signal, 0) << c.summary();
    ASSERT_EQ(c.err, "") << c.summary();
    check(c);
    if (testing::Test::HasFailure()) return;
  }
}

} // namespace

TEST(program, static_constructors_and_destructors_and_atexit_may_use_the_library) {
  several_times("statics", [](const test::child& c) {
    EXPECT_EQ(c.exit_code, 0);
    EXPECT_EQ(c.out, "static constructor: 55\nmain: 55\natexit: 55\nstatic destructor: 55\n") << c.summary();
  });
}

TEST(program, main_may_return_while_fibers_of_the_default_runtime_run) {
  several_times("running_fibers_at_the_end", [](const test::child& c) {
    EXPECT_EQ(c.exit_code, 0);
    EXPECT_EQ(c.out, "main returns\n");
  });
}

TEST(program, main_may_return_while_a_thread_waits_in_the_library) {
  several_times("waiting_thread_at_the_end", [](const test::child& c) {
    EXPECT_EQ(c.exit_code, 0);
    EXPECT_EQ(c.out, "main returns\n");
  });
}

TEST(program, a_fiber_may_end_the_program_with_exit) {
  several_times("exit_in_a_fiber_of_the_default_runtime", [](const test::child& c) {
    EXPECT_EQ(c.exit_code, 7);
    EXPECT_EQ(c.out, "atexit\n");
  });
  several_times("exit_in_a_fiber_of_a_runtime", [](const test::child& c) { EXPECT_EQ(c.exit_code, 7); });
}

TEST(program, a_thread_may_end_the_program_with_exit) {
  several_times("exit_on_a_thread_that_used_the_library",
                [](const test::child& c) { EXPECT_EQ(c.exit_code, 7); });
}

TEST(program, many_threads_may_be_the_first_to_use_the_default_runtime) {
  several_times("many_threads_make_the_default_runtime",
                [](const test::child& c) { EXPECT_EQ(c.out, "sum: 880\n"); });
}
