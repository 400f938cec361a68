// Mistakes that must end the program, each in a process of its own: with SIGABRT, and with a report that names the mistake,
// the fiber, the place where it was started, and what to do. The mistakes are in mistakes.cc.
#include "support/child.h"
#include "support/scale.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ostream>
#include <signal.h>
#include <string>
#include <vector>

namespace {

test::child make(const char* mistake) { return test::run_child({test::own_folder() + "/mistakes", mistake}); }

bool says(const test::child& c, const std::string& text) { return c.err.find(text) != std::string::npos; }

// "mistakes.cc:123", the line that the program announced.
std::string guilty_place(const test::child& c) {
  return "mistakes.cc:" + std::to_string(std::atoi(c.out.c_str()));
}

// The number in front of " KiB of stack", or 0.
std::size_t reported_kib(const test::child& c) {
  const std::size_t at = c.err.find(" KiB of stack");
  if (at == std::string::npos || at == 0) return 0;
  std::size_t begin = at;
  while (begin != 0 && c.err[begin - 1] >= '0' && c.err[begin - 1] <= '9') --begin;
  return std::strtoul(c.err.c_str() + begin, nullptr, 10);
}

struct report {
  const char* mistake;
  const char* what;   // the sentence that names the mistake
  const char* advice; // what to do about it; empty: nothing to say
};
void PrintTo(const report& r, std::ostream* out) { *out << r.mistake; }

std::string mistake_name(const testing::TestParamInfo<report>& info) { return info.param.mistake; }

// The report of a panic in a fiber.
class a_mistake_in_a_fiber : public testing::TestWithParam<report> {};
// The same on a plain thread.
class a_mistake_on_a_thread : public testing::TestWithParam<report> {};
// An exception that nobody catches.
class an_exception_that_nobody_catches : public testing::TestWithParam<report> {};

} // namespace

TEST_P(a_mistake_in_a_fiber, ends_the_program_and_is_told_with_its_fiber_and_its_place) {
  const test::child c = make(GetParam().mistake);
  EXPECT_FALSE(c.timed_out) << c.summary();
  EXPECT_EQ(c.signal, SIGABRT) << c.summary();
  EXPECT_TRUE(says(c, std::string("thrum: panic: ") + GetParam().what)) << c.summary();
  EXPECT_TRUE(says(c, "in fiber #")) << c.summary();
  EXPECT_TRUE(says(c, "'guilty'")) << c.summary();
  EXPECT_TRUE(says(c, guilty_place(c))) << c.summary();
  EXPECT_TRUE(says(c, GetParam().advice)) << c.summary();
}

INSTANTIATE_TEST_SUITE_P(
    about, a_mistake_in_a_fiber,
    testing::Values(
        report{"too_many_processors", "a runtime is to have more processors than it can", "at most 1,024"},
        report{"close_of_nil", "close of a nil channel", "moved-from"},
        report{"close_of_moved_from", "close of a nil channel", "moved-from"},
        report{"join_twice", "join of a fiber handle that refers to no fiber", "joined once"},
        report{"join_after_detach", "join of a fiber handle that refers to no fiber", "joined once"},
        report{"join_of_nothing", "join of a fiber handle that refers to no fiber", "joinable()"},
        report{"wait_for_nothing", "join of a fiber handle that refers to no fiber", "joinable()"},
        report{"join_of_oneself", "a fiber joins itself", "wait for ever"},
        report{"drop_of_ones_own_handle", "a fiber joins itself", "wait for ever"},
        report{"detach_of_nothing", "detach of a fiber handle that refers to no fiber", ""},
        report{"detach_twice", "detach of a fiber handle that refers to no fiber", ""},
        report{"lock_twice", "a mutex was locked again by the fiber that holds it", "recursive_mutex"},
        report{"select_of_ones_own_lock", "a select is to lock a mutex that its fiber holds",
               "unlock it before"},
        report{"unlock_of_unlocked", "unlock of a mutex that is not locked", "std::lock_guard"},
        report{"unlock_twice", "unlock of a mutex that is not locked", "std::lock_guard"},
        report{"unlock_of_anothers", "unlock of a mutex that another fiber or thread holds", "unlocks it"},
        report{"unlock_of_a_threads", "unlock of a mutex that another fiber or thread holds", "unlocks it"},
        report{"destroy_of_locked", "a mutex was destroyed while it is locked", ""},
        report{"pin_without_end", "a fiber ended while it is pinned", "local variable"},
        report{"get_of_an_unbound_value", "get() of a scoped value that is not bound here", "get_or()"},
        report{"bindings_that_cross", "a binding of a scoped value does not end where it should",
               "reverse order"},
        report{"value_that_needs_itself", "the initialiser of a fiber_local uses the value",
               "before the initialiser has returned"},
        report{"values_without_end", "the values of fiber_locals do not come to an end", "again and again"},
        report{"stop_a_recording_twice", "thrum::trace::recording::stop() was called twice",
               "keep what the first call returned"},
        report{"blocking_pool_without_a_place", "a blocking_pool with no place", "leave the limit out"},
        report{"blocking_pool_that_ends_in_its_call", "a blocking_pool is destroyed while a call is in it",
               "it outlives what is called in it"},
        report{"run_inside_a_fiber", "run() was called inside a fiber", "spawn(f).join()"},
        report{"run_of_a_runtime_inside_a_fiber", "run() was called inside a fiber", "spawn(f).join()"}),
    mistake_name);

TEST_P(a_mistake_on_a_thread, ends_the_program_and_is_told) {
  const test::child c = make(GetParam().mistake);
  EXPECT_FALSE(c.timed_out) << c.summary();
  EXPECT_EQ(c.signal, SIGABRT) << c.summary();
  EXPECT_TRUE(says(c, std::string("thrum: panic: ") + GetParam().what)) << c.summary();
  EXPECT_TRUE(says(c, "on a plain thread")) << c.summary();
  EXPECT_TRUE(says(c, GetParam().advice)) << c.summary();
}

INSTANTIATE_TEST_SUITE_P(about, a_mistake_on_a_thread,
                         testing::Values(report{"close_of_nil_on_a_thread", "close of a nil channel", ""},
                                         report{"lock_twice_on_a_thread", "a mutex was locked again",
                                                "recursive_mutex"}),
                         mistake_name);

TEST_P(an_exception_that_nobody_catches, ends_the_program_and_is_told_with_its_fiber_and_its_place) {
  const test::child c = make(GetParam().mistake);
  EXPECT_FALSE(c.timed_out) << c.summary();
  EXPECT_EQ(c.signal, SIGABRT) << c.summary();
  EXPECT_TRUE(says(c, "an exception left a detached fiber")) << c.summary();
  EXPECT_TRUE(says(c, GetParam().what)) << c.summary();
  EXPECT_TRUE(says(c, "in fiber #")) << c.summary();
  EXPECT_TRUE(says(c, "'guilty'")) << c.summary();
  EXPECT_TRUE(says(c, guilty_place(c))) << c.summary();
  EXPECT_TRUE(says(c, GetParam().advice)) << c.summary();
}

INSTANTIATE_TEST_SUITE_P(
    about, an_exception_that_nobody_catches,
    testing::Values(
        report{"exception_leaves_a_detached_fiber", "what(): the dog ate it", "options.on_unhandled"},
        report{"number_leaves_a_detached_fiber", "not a std::exception", "options.on_unhandled"},
        report{"exception_leaves_a_wait_group", "what(): the dog ate it", "options.on_unhandled"},
        report{"exception_leaves_a_timer", "what(): the dog ate it", "options.on_unhandled"},
        report{"exception_leaves_a_fiber_of_the_default_runtime", "what(): the dog ate it", ""},
        report{"exception_leaves_a_fiber_whose_handle_was_detached", "what(): the dog ate it", ""},
        report{"send_on_closed", "closed channel", ""},
        report{"send_on_closed_while_waiting", "closed channel", ""},
        report{"select_sends_on_closed", "closed channel", ""}),
    mistake_name);

TEST(an_exception, that_leaves_the_handler_of_others_ends_the_program) {
  const test::child c = make("exception_leaves_the_handler");
  EXPECT_EQ(c.signal, SIGABRT) << c.summary();
  EXPECT_TRUE(says(c, "the handler, too")) << c.summary();
}

TEST(an_exception, that_leaves_a_destructor_during_unwinding_ends_the_program) {
  const test::child c = make("exception_leaves_a_destructor_of_a_fiber");
  EXPECT_EQ(c.signal, SIGABRT) << c.summary();
  EXPECT_TRUE(says(c, "terminate called")) << c.summary();
}

TEST(an_exception, that_leaves_run_is_the_callers_and_dies_like_any_other) {
  const test::child c = make("exception_leaves_main");
  EXPECT_EQ(c.signal, SIGABRT) << c.summary();
  EXPECT_TRUE(says(c, "the dog ate it")) << c.summary();
  EXPECT_FALSE(says(c, "detached")) << c.summary();
}

TEST(fibers_that_do_not_stop, are_named_and_the_program_goes_on) {
  const test::child c = make("fibers_that_do_not_stop");
  EXPECT_EQ(c.signal, 0) << c.summary();
  EXPECT_EQ(c.exit_code, 0) << c.summary();
  EXPECT_TRUE(says(c, "runtime 'stubborn' ends")) << c.summary();
  EXPECT_TRUE(says(c, "'guilty'")) << c.summary();
  EXPECT_TRUE(says(c, guilty_place(c))) << c.summary();
  EXPECT_TRUE(says(c, "this_fiber::check()")) << c.summary();
}

// ---- stacks

namespace {

struct overflow {
  const char* mistake;
  std::size_t asked_kib; // what the fiber may use at least
  std::size_t most_kib;  // and what nobody would take for that
};
void PrintTo(const overflow& o, std::ostream* out) { *out << o.mistake; }

class an_overflowing_stack : public testing::TestWithParam<overflow> {};

} // namespace

TEST_P(an_overflowing_stack, ends_the_program_and_is_told_with_its_size_its_fiber_and_its_place) {
  const test::child c = make(GetParam().mistake);
  EXPECT_FALSE(c.timed_out) << c.summary();
  EXPECT_EQ(c.signal, SIGABRT) << c.summary();
  EXPECT_TRUE(says(c, "thrum: panic: stack overflow")) << c.summary();
  EXPECT_GE(reported_kib(c), GetParam().asked_kib) << c.summary();
  EXPECT_LE(reported_kib(c), GetParam().most_kib) << c.summary();
  EXPECT_TRUE(says(c, "in fiber #")) << c.summary();
  EXPECT_TRUE(says(c, "'guilty'")) << c.summary();
  EXPECT_TRUE(says(c, guilty_place(c))) << c.summary();
  EXPECT_TRUE(says(c, ".stack = ")) << c.summary();
}

INSTANTIATE_TEST_SUITE_P(about, an_overflowing_stack,
                         testing::Values(overflow{"overflow_in_a_detached_fiber", 88, 128},
                                         overflow{"overflow_in_a_joined_fiber", 88, 128},
                                         overflow{"overflow_of_large_frames", 88, 128},
                                         overflow{"overflow_of_16_kib", 16, 64},
                                         overflow{"overflow_of_512_kib", 512, 1024},
                                         overflow{"overflow_of_8_mib", 8192, 16384},
                                         overflow{"overflow_after_a_park", 88, 128},
                                         overflow{"overflow_in_a_catch_block", 88, 128}),
                         [](const auto& given) { return std::string(given.param.mistake); });

// ---- faults that are none of ours

namespace {

class a_wrong_pointer : public testing::TestWithParam<const char*> {};

} // namespace

// The sanitizers have a handler of their own, which exits.
TEST_P(a_wrong_pointer, is_not_taken_for_an_overflowing_stack) {
  const test::child c = make(GetParam());
  EXPECT_FALSE(c.timed_out) << c.summary();
  if (test::asan || test::tsan)
    EXPECT_TRUE(c.signal != 0 || c.exit_code != 0) << c.summary();
  else
    EXPECT_EQ(c.signal, SIGSEGV) << c.summary();
  EXPECT_FALSE(says(c, "thrum: panic")) << c.summary();
  EXPECT_FALSE(says(c, "gone unnoticed")) << c.summary();
}

INSTANTIATE_TEST_SUITE_P(about, a_wrong_pointer,
                         testing::Values("null_pointer_in_a_fiber", "null_pointer_on_a_thread",
                                         "wild_pointer_in_a_fiber", "kill_in_a_fiber"),
                         [](const auto& given) { return std::string(given.param); });

TEST(a_fault, that_thrum_cannot_explain_goes_to_the_handler_that_was_there_before) {
  const test::child c = make("null_pointer_with_a_handler");
  EXPECT_EQ(c.exit_code, 3) << c.summary();
  EXPECT_EQ(c.err, "the program's own handler\n") << c.summary();
}
