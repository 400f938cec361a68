#include "harness/process.h"

#include "harness/files.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>

#include <unistd.h>

namespace versus {
namespace {

struct lines : listener {
  std::vector<std::string> all;
  void line(std::string_view text) override { all.emplace_back(text); }
};

// Its time is over as soon as the program has said something, so that no test depends on how fast it starts.
struct impatient : lines {
  explicit impatient(command& c) : what(c) {}
  command& what;
  void line(std::string_view text) override {
    lines::line(text);
    what.timeout = 0;
  }
};

command shell(const std::string& script) {
  command c;
  c.argv = {"/bin/sh", "-c", script};
  c.timeout = 20;
  c.grace = 0.2;
  return c;
}

bool is_gone(const std::string& pid) {
  return std::atoi(pid.c_str()) > 0 && kill(std::atoi(pid.c_str()), 0) == -1 && errno == ESRCH;
}

TEST(process, lines_arrive_whole_and_in_order) {
  interrupts stop;
  lines got;
  outcome how = run(shell("printf 'a\\nb'; printf 'c\\n\\nlast'"), stop, got);
  EXPECT_TRUE(how.good()) << how.describe();
  EXPECT_EQ(got.all, (std::vector<std::string>{"a", "bc", "", "last"}));
}

TEST(process, the_exit_code_and_the_last_words_are_told) {
  interrupts stop;
  text_outcome how = run_for_text(shell("echo first >&2; echo no such file >&2; exit 3"), stop);
  EXPECT_EQ(how.ended, outcome::how::exited);
  EXPECT_EQ(how.code, 3);
  EXPECT_EQ(how.describe(), "exit code 3: no such file");
}

TEST(process, a_crash_is_told_by_its_signal) {
  interrupts stop;
  text_outcome how = run_for_text(shell("kill -SEGV $$"), stop);
  EXPECT_EQ(how.ended, outcome::how::signalled);
  EXPECT_EQ(how.code, SIGSEGV);
}

TEST(process, a_program_that_is_not_there_is_not_started) {
  interrupts stop;
  command c;
  c.argv = {"/no/such/program"};
  text_outcome how = run_for_text(c, stop);
  EXPECT_EQ(how.ended, outcome::how::not_started);
  EXPECT_EQ(how.code, ENOENT);
}

TEST(process, a_program_that_hangs_is_ended_at_its_time_limit) {
  interrupts stop;
  command c = shell("echo $$; exec sleep 1000");
  impatient got(c);
  outcome how = run(c, stop, got);
  EXPECT_EQ(how.ended, outcome::how::timed_out);
  ASSERT_EQ(got.all.size(), 1u);
  EXPECT_TRUE(is_gone(got.all[0]));
}

TEST(process, a_program_that_ignores_sigterm_is_ended_all_the_same) {
  interrupts stop;
  command c = shell("trap '' TERM; echo $$; while :; do sleep 1000; done");
  impatient got(c);
  outcome how = run(c, stop, got);
  EXPECT_EQ(how.ended, outcome::how::timed_out);
  ASSERT_EQ(got.all.size(), 1u);
  EXPECT_TRUE(is_gone(got.all[0]));
}

TEST(process, a_program_that_has_ended_leaves_no_child_behind) {
  interrupts stop;
  lines got;
  outcome how = run(shell("sleep 1000 & echo $!"), stop, got);
  EXPECT_TRUE(how.good());
  ASSERT_EQ(got.all.size(), 1u);
  EXPECT_TRUE(is_gone(got.all[0]));
}

TEST(process, a_grandchild_that_left_the_group_is_found) {
  interrupts stop;
  scratch_directory scratch;
  lines got;
  // The leader ends when the runaway has a session of its own; the runaway holds our pipe open, too.
  outcome how = run(shell("setsid sh -c 'echo $$ > " + scratch.path() +
                          "/pid; exec sleep 1000' & until [ -s " + scratch.path() + "/pid ]; do :; done"),
                    stop, got);
  EXPECT_TRUE(how.good()) << how.describe();
  EXPECT_TRUE(is_gone(read_file(scratch.path() + "/pid")));
}

TEST(process, endless_output_is_cut_off) {
  interrupts stop;
  command c = shell("exec yes");
  c.output_limit = 100000;
  lines got;
  EXPECT_EQ(run(c, stop, got).ended, outcome::how::too_much_output);
}

TEST(process, endless_error_output_does_not_stop_the_clock) {
  interrupts stop;
  command c = shell("exec yes >&2");
  c.timeout = 0.2;
  lines got;
  outcome how = run(c, stop, got);
  EXPECT_EQ(how.ended, outcome::how::timed_out);
  EXPECT_LE(how.error_output.size(), 40000u);
}

TEST(process, ctrl_c_ends_the_program_that_runs) {
  interrupts stop;
  struct presser : lines {
    void line(std::string_view text) override {
      lines::line(text);
      kill(getpid(), SIGINT);
    }
  } got;
  outcome how = run(shell("echo $$; exec sleep 1000"), stop, got);
  EXPECT_EQ(how.ended, outcome::how::interrupted);
  EXPECT_TRUE(stop.pending());
  EXPECT_EQ(stop.signal(), SIGINT);
  ASSERT_EQ(got.all.size(), 1u);
  EXPECT_TRUE(is_gone(got.all[0]));
}

TEST(process, the_program_gets_our_signals_back_and_the_environment_asked_for) {
  interrupts stop;
  setenv("VERSUS_TEST_DROPPED", "x", 1);
  command c = shell("echo \"[$VERSUS_TEST_DROPPED] [$VERSUS_TEST_ADDED]\"; grep SigBlk /proc/self/status");
  c.unset = {"VERSUS_TEST_DROPPED"};
  c.set = {{"VERSUS_TEST_ADDED", "y"}};
  lines got;
  EXPECT_TRUE(run(c, stop, got).good());
  ASSERT_EQ(got.all.size(), 2u);
  EXPECT_EQ(got.all[0], "[] [y]");
  EXPECT_EQ(got.all[1], "SigBlk:\t0000000000000000");
}

TEST(process, processor_time_of_the_program_is_counted) {
  interrupts stop;
  lines got;
  outcome how = run(shell("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"), stop, got);
  EXPECT_GT(how.cpu_seconds, 0);
}

TEST(files, a_scratch_directory_goes_with_everything_in_it) {
  std::string path;
  {
    scratch_directory scratch;
    path = scratch.path();
    ASSERT_TRUE(make_directories(path + "/a/b"));
    ASSERT_TRUE(write_file(path + "/a/b/file", "text"));
    EXPECT_EQ(read_file(path + "/a/b/file"), "text");
    EXPECT_EQ(symlink("/", (path + "/a/root").c_str()), 0); // must be removed, not followed
  }
  EXPECT_FALSE(exists(path));
  EXPECT_TRUE(exists("/bin/sh"));
}

} // namespace
} // namespace versus
