// Child processes: how they are started, talked to, waited for and ended; and that nothing of them is left. The children are
// programs that every Linux has: sh, cat, sleep, true.
#include "env/descriptors_kit.h"
#include "io/test_kit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <thrum/io/ready.h>
#include <thrum/process.h>
#include <thrum/thrum.h>

namespace thrum {
namespace {

using namespace std::chrono_literals;
using env::test::descriptor_limit;
using env::test::room_for;
using io::test::open_descriptors;
using io::test::wait_until;

options on(unsigned processors) { return {.processors = processors, .drain = 30s}; }

process_options shell(const std::string& script) { return {.program = "sh", .arguments = {"-c", script}}; }
process_options piped(process_options o) {
  o.in = o.out = o.err = process::pipe;
  return o;
}

std::string read_all(io::byte_reader& from) {
  std::string all;
  char buffer[512];
  for (;;) {
    const std::size_t n = from.read_some(buffer).value();
    if (n == 0) return all;
    all.append(buffer, n);
  }
}

std::string said_by(process_options o) {
  o.out = process::pipe;
  process p = process::start(o).value();
  std::string all = read_all(p.out());
  EXPECT_TRUE(p.wait().value().ok());
  return all;
}

// No child of ours is left, not even a zombie.
bool childless() { return ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD; }
bool is_alive(int id) { return ::kill(id, 0) == 0; }

// Ends when that process has gone for good. (An orphan's zombie goes when whoever has inherited it looks.)
void wait_for_end_of(int id) {
  wait_until([id] {
    std::ifstream stat("/proc/" + std::to_string(id) + "/stat");
    std::string text;
    std::getline(stat, text);
    return text.empty() || text.find(") Z") != text.npos;
  });
}

// Each test leaves neither a descriptor nor a child.
class processes : public testing::Test {
protected:
  processes() { // what the first use makes for good
    const auto once = [] { static_cast<void>(process::start({.program = "true"}).value().wait()); };
    once();
    run(once, on(1));
    before_ = open_descriptors();
  }
  ~processes() override {
    EXPECT_EQ(open_descriptors(), before_);
    EXPECT_TRUE(childless());
  }
  unsigned before() const { return before_; }

private:
  unsigned before_;
};

// ---- starting

TEST_F(processes, what_goes_in_comes_out) {
  run(
      [] {
        process p = process::start(piped({.program = "cat"})).value();
        EXPECT_GT(p.id(), 0);
        p.in().write_all("one ").value();
        char buffer[4];
        p.out().read_exactly(buffer).value();
        EXPECT_EQ(std::string(buffer, 4), "one ");
        p.in().write_all("two").value();
        p.in().close();
        EXPECT_EQ(read_all(p.out()), "two");
        EXPECT_EQ(read_all(p.err()), "");
        EXPECT_EQ(p.wait().value(), exit_status{});
      },
      on(2));
}

TEST_F(processes, a_program_that_is_not_there_is_an_error_with_its_name) {
  run(
      [] {
        const auto missing = process::start({.program = "no-such-program"});
        ASSERT_FALSE(missing);
        EXPECT_EQ(missing.error(), std::errc::no_such_file_or_directory);
        EXPECT_EQ(missing.error().message(), "start no-such-program: No such file or directory");
        EXPECT_THROW(process::start({.program = "/no/such/program"}).value(), io::failure);
        const auto forbidden = process::start({.program = "/dev/null"});
        EXPECT_EQ(forbidden.error(), std::errc::permission_denied);
        EXPECT_EQ(process::start({.program = ""}).error(), std::errc::no_such_file_or_directory);
        const std::vector<std::string> long_list(3'000, std::string(2'000, 'x'));
        EXPECT_EQ(process::start({.program = "true", .arguments = long_list}).error(),
                  std::errc::argument_list_too_long);
        const auto zero = process::start({.program = "true", .arguments = {std::string("a\0b", 3)}});
        EXPECT_EQ(zero.error(), std::errc::invalid_argument);
        const std::string deep = "/a/very/long/path/of/which/only/the/end/tells/what/it/is";
        EXPECT_EQ(process::start({.program = deep}).error().about.text(),
                  "..." + deep.substr(deep.size() - 28));
      },
      on(1));
}

TEST_F(processes, a_directory_that_is_not_there_is_blamed_instead_of_the_program) {
  run(
      [] {
        const auto p = process::start({.program = "true", .directory = "/no/such"});
        ASSERT_FALSE(p);
        EXPECT_EQ(p.error().message(), "enter /no/such: No such file or directory");
        EXPECT_EQ(process::start({.program = "true", .directory = "/dev/null"}).error(),
                  std::errc::not_a_directory);
      },
      on(1));
}

TEST_F(processes, the_child_has_the_arguments_the_environment_and_the_directory_it_was_given) {
  run(
      [] {
        EXPECT_EQ(said_by({.program = "printf", .arguments = {"%s|", "a b", "", "*"}}), "a b||*|");
        EXPECT_EQ(said_by({.program = "env", .environment = {{"A=1", "B= 2"}}}), "A=1\nB= 2\n");
        EXPECT_EQ(said_by({.program = "pwd", .directory = "/usr/../"}), "/\n");
        ::setenv("THRUM_PROCESS_TEST", "seen", 1);
        EXPECT_EQ(said_by(shell("echo $THRUM_PROCESS_TEST")), "seen\n");
        std::vector<std::string> more = process::environment();
        more.emplace_back("THRUM_MORE=also");
        process_options o = shell("echo $THRUM_PROCESS_TEST $THRUM_MORE");
        o.environment = more;
        EXPECT_EQ(said_by(o), "seen also\n");
        ::unsetenv("THRUM_PROCESS_TEST");
      },
      on(1));
}

TEST_F(processes, streams_go_where_they_were_sent) {
  run(
      [] {
        process_options o = shell("echo out; echo err >&2");
        o.err = process::to_out;
        EXPECT_EQ(said_by(o), "out\nerr\n");
        o = shell("cat; echo end");
        o.in = process::null;
        EXPECT_EQ(said_by(o), "end\n");
        o = shell("true");
        o.in = process::to_out;
        EXPECT_EQ(process::start(o).error(), std::errc::invalid_argument);
        o.in = -1;
        EXPECT_EQ(process::start(o).error(), std::errc::bad_file_descriptor);
        process p = process::start(shell("true")).value();
        char buffer[1];
        EXPECT_EQ(p.out().read_some(buffer).error(), io::errc::closed); // was not asked for
        EXPECT_EQ(p.in().write_some("x").error(), io::errc::closed);
        p.wait().value();
      },
      on(1));
}

// The numbers are chosen so that one dup2 would overwrite what the next one needs, if they were not moved away before.
TEST_F(processes, descriptors_that_change_places_do_not_overwrite_each_other) {
  int first[2];
  int second[2];
  ASSERT_EQ(::pipe2(first, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(second, O_CLOEXEC), 0);
  const int kept_out = ::fcntl(1, F_DUPFD_CLOEXEC, 10);
  const int kept_err = ::fcntl(2, F_DUPFD_CLOEXEC, 10);
  run(
      [&] {
        process_options o = shell("echo out; echo err >&2; echo three >&3; echo four >&4");
        o.more = {second[1], first[1]};
        ::dup2(first[1], 1);
        ::dup2(second[1], 2);
        o.out = 2; // crosswise
        o.err = 1;
        process p = process::start(o).value();
        ::dup2(kept_out, 1);
        ::dup2(kept_err, 2);
        EXPECT_TRUE(p.wait().value().ok());
      },
      on(1));
  char buffer[64];
  EXPECT_EQ(std::string(buffer, std::size_t(::read(first[0], buffer, sizeof buffer))), "err\nfour\n");
  EXPECT_EQ(std::string(buffer, std::size_t(::read(second[0], buffer, sizeof buffer))), "out\nthree\n");
  for (const int fd : {first[0], first[1], second[0], second[1], kept_out, kept_err}) ::close(fd);
}

TEST_F(processes, a_child_has_no_descriptor_that_it_was_not_given) {
  const int forgotten = ::open("/dev/null", O_RDONLY); // without close-on-exec, as others do
  run([] { EXPECT_EQ(said_by(shell("ls /proc/self/fd | tr '\\n' ' '")), "0 1 2 3 "); }, on(1)); // 3: ls's own
  ::close(forgotten);
}

TEST_F(processes, a_child_has_no_signal_blocked_and_the_default_sigpipe) {
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  struct sigaction before{};
  ::sigaction(SIGPIPE, &ignore, &before);
  sigset_t usual;
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &usual);
  const std::string status = said_by({.program = "grep", .arguments = {"^Sig[BI]", "/proc/self/status"}});
  ::pthread_sigmask(SIG_SETMASK, &usual, nullptr);
  ::sigaction(SIGPIPE, &before, nullptr);
  EXPECT_NE(status.find("SigBlk:\t0000000000000000"), status.npos) << status;
  const std::uint64_t ignored = std::stoull(status.substr(status.find("SigIgn:") + 7), nullptr, 16);
  EXPECT_EQ(ignored & (std::uint64_t{1} << (SIGPIPE - 1)), 0u);
}

// ---- ends

TEST_F(processes, an_end_tells_the_code_or_the_signal) {
  run(
      [] {
        EXPECT_EQ(process::start(shell("exit 7")).value().wait().value(), (exit_status{.code = 7}));
        process p = process::start({.program = "sleep", .arguments = {"1000"}}).value();
        p.kill(SIGTERM).value();
        const exit_status s = p.wait().value();
        EXPECT_EQ(s, (exit_status{.signal = SIGTERM}));
        EXPECT_FALSE(s.ok());
        EXPECT_EQ(s.to_string(), "killed by SIGTERM");
        EXPECT_EQ((exit_status{.code = 3}.to_string()), "exited with 3");
        EXPECT_EQ((exit_status{.signal = 40, .core_dumped = true}.to_string()),
                  "killed by signal 40 (core dumped)");
        EXPECT_EQ(p.wait().value(), s); // again
        EXPECT_EQ(p.kill(SIGTERM).error(), std::errc::no_such_process);
      },
      on(1));
}

TEST_F(processes, everybody_who_waits_gets_the_end) {
  for (const unsigned processors : {1u, 2u, 4u}) {
    run(
        [] {
          process p = process::start(piped({.program = "cat"})).value();
          std::vector<fiber<exit_status>> waiting;
          for (int i = 0; i < 8; ++i) waiting.push_back(spawn([&] { return p.wait().value(); }));
          std::thread plain([&] { EXPECT_TRUE(p.wait().value().ok()); });
          this_fiber::yield();
          p.in().close();
          for (auto& f : waiting) EXPECT_TRUE(f.join().ok());
          plain.join();
        },
        on(processors));
  }
}

TEST_F(processes, a_wait_ends_at_its_deadline_or_when_its_fiber_is_asked_to_stop) {
  run(
      [] {
        process p = process::start(piped({.program = "cat"})).value();
        EXPECT_EQ(p.wait(0s).error(), io::errc::deadline);
        EXPECT_EQ(p.wait(1ms).error(), io::errc::deadline);
        EXPECT_EQ(p.wait(0s).error().message(), "wait for cat: the deadline has passed");
        auto waiting = spawn([&] { return p.wait().value(); });
        this_fiber::yield();
        EXPECT_FALSE(waiting.ended());
        waiting.request_stop();
        EXPECT_THROW(waiting.join(), cancelled);
        EXPECT_TRUE(is_alive(p.id())); // nothing is lost
        p.in().close();
        EXPECT_TRUE(p.wait().value().ok());
      },
      on(1));
}

TEST_F(processes, the_end_is_a_case_of_a_select) {
  run(
      [] {
        process p = process::start(piped({.program = "cat"})).value();
        EXPECT_EQ(select(readable(p.ended()), after(1ms)), 1u);
        auto chosen = spawn([&] { return select(readable(p.ended()), after(1h)); });
        this_fiber::yield();
        p.in().close();
        EXPECT_EQ(chosen.join(), 0u);
        EXPECT_TRUE(p.wait(0s).value().ok());
      },
      on(1));
}

TEST_F(processes, an_empty_process_is_a_closed_one) {
  process none;
  EXPECT_EQ(none.id(), 0);
  EXPECT_EQ(none.wait().error(), io::errc::closed);
  EXPECT_EQ(none.kill(SIGTERM).error(), io::errc::closed);
  EXPECT_EQ(none.terminate_then_kill(1s).error(), io::errc::closed);
  none.detach();
}

TEST_F(processes, plain_threads_wait_as_fibers_do) {
  process p = process::start(piped({.program = "cat"})).value();
  EXPECT_EQ(p.wait(1ms).error(), io::errc::deadline);
  p.in().write_all("x").value();
  p.in().close();
  EXPECT_EQ(read_all(p.out()), "x");
  EXPECT_TRUE(p.wait().value().ok());
}

TEST_F(processes, a_handle_that_dies_kills_and_reaps) {
  int id = 0;
  run(
      [&] {
        {
          process p = process::start({.program = "sleep", .arguments = {"1000"}}).value();
          id = p.id();
        }
        EXPECT_FALSE(is_alive(id));
        process q = process::start({.program = "sleep", .arguments = {"1000"}}).value();
        id = q.id();
        q = process();
        EXPECT_FALSE(is_alive(id));
        // Also when the fiber was asked to stop.
        auto f = spawn([] {
          process r = process::start({.program = "sleep", .arguments = {"1000"}}).value();
          r.wait().value();
        });
        this_fiber::yield();
        f.request_stop();
        EXPECT_THROW(f.join(), cancelled);
        EXPECT_TRUE(childless());
      },
      on(1));
}

TEST_F(processes, a_handle_may_outlive_its_runtime) {
  process waited;
  process dropped;
  run(
      [&] {
        waited = process::start(piped({.program = "cat"})).value();
        dropped = process::start({.program = "sleep", .arguments = {"1000"}}).value();
      },
      on(1));
  EXPECT_EQ(waited.wait().error(), io::errc::runtime_ended);
  waited.kill(SIGKILL).value();
  // Nobody tells when it has ended; but whether it has can be asked.
  io::result<exit_status> s = waited.wait();
  while (!s) s = waited.wait();
  EXPECT_EQ(s->signal, SIGKILL);
}

TEST_F(processes, a_detached_child_runs_on_and_leaves_no_zombie) {
  int id = 0;
  io::byte_writer in;
  run(
      [&] {
        process p = process::start(piped({.program = "cat"})).value();
        id = p.id();
        in = std::move(p.in());
        p.detach();
        EXPECT_EQ(p.id(), 0);
      },
      on(1));
  EXPECT_TRUE(is_alive(id)); // its runtime is gone, and so is its handle
  in.close();
  wait_until([] { return childless(); });
  wait_until(
      [this] { return open_descriptors() == before(); }); // what it was watched by is closed after that
}

// ---- groups

// Starts a shell that starts another process, whose number it tells.
process start_family(const std::string& rest) {
  process_options o = shell("sleep 1000 & echo $!; " + rest);
  o.out = process::pipe;
  o.new_group = true;
  return process::start(o).value();
}
int told_number(process& p) {
  std::string line;
  char c[1];
  while (p.out().read_exactly(c).has_value() && c[0] != '\n') line += c[0];
  return std::atoi(line.c_str());
}

TEST_F(processes, a_group_is_killed_with_its_leader) {
  run(
      [] {
        process p = start_family("wait");
        const int grandchild = told_number(p);
        EXPECT_TRUE(is_alive(grandchild));
        p.kill(SIGKILL).value();
        EXPECT_EQ(p.wait().value().signal, SIGKILL);
        wait_for_end_of(grandchild);
        process q = start_family("wait");
        const int other = told_number(q);
        q = process(); // and by the destructor
        wait_for_end_of(other);
        process r = start_family("exit 3"); // whose leader has ended
        const int third = told_number(r);
        EXPECT_EQ(select(readable(r.ended()), after(1h)), 0u);
        EXPECT_EQ(r.terminate_then_kill(1h).value(), (exit_status{.code = 3}));
        wait_for_end_of(third);
      },
      on(1));
}

TEST_F(processes, who_does_not_listen_to_sigterm_is_killed_after_the_grace) {
  run(
      [] {
        process_options o = shell("trap '' TERM; echo ready; while :; do sleep 1000; done");
        o.out = process::pipe;
        o.new_group = true;
        process p = process::start(o).value();
        char ready[6];
        p.out().read_exactly(ready).value();
        EXPECT_EQ(p.terminate_then_kill(5ms).value().signal, SIGKILL);
        process polite = process::start({.program = "sleep", .arguments = {"1000"}}).value();
        EXPECT_EQ(polite.terminate_then_kill(1h).value().signal, SIGTERM);
        EXPECT_EQ(polite.terminate_then_kill(1h).value().signal, SIGTERM); // has ended
      },
      on(1));
}

// ---- pipes

TEST_F(processes, writing_to_a_child_that_has_gone_is_an_error_and_no_signal) {
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  struct sigaction before{};
  ::sigaction(SIGPIPE, &standard, &before); // would end this program
  const auto write_to_nobody = [] {
    process p = process::start(piped({.program = "true"})).value();
    EXPECT_TRUE(p.wait().value().ok());
    const auto n = p.in().write_all(std::string(1 << 20, 'x'));
    EXPECT_EQ(n.error(), std::errc::broken_pipe);
    EXPECT_EQ(n.error().message(), "write true: Broken pipe");
  };
  run(write_to_nobody, on(1));
  write_to_nobody(); // on a plain thread
  sigset_t pending;
  ::sigpending(&pending);
  EXPECT_EQ(::sigismember(&pending, SIGPIPE), 0);
  ::sigaction(SIGPIPE, &before, nullptr);
}

TEST_F(processes, a_reader_that_waits_is_ended_by_close_by_its_deadline_and_by_a_stop) {
  run(
      [] {
        process p = process::start(piped({.program = "cat"})).value();
        char buffer[1];
        EXPECT_EQ(p.out().read_some(buffer, 1ms).error(), io::errc::deadline);
        const auto waiting = [&] {
          auto f = spawn([&] { return p.out().read_some(buffer); });
          this_fiber::yield();
          return f;
        };
        auto f = waiting();
        f.request_stop();
        EXPECT_THROW(static_cast<void>(f.join()), cancelled);
        f = waiting();
        p.in().write_all("x").value();
        EXPECT_EQ(f.join().value(), 1u); // what was not read by who was stopped is there
        f = waiting();
        p.out().close();
        EXPECT_EQ(f.join().error(), io::errc::closed);
      },
      on(1));
}

// ---- what the system refuses

TEST_F(processes, without_a_free_descriptor_nothing_is_started_and_nothing_is_left) {
  run(
      [] {
        const unsigned held = open_descriptors();
        int refused = 0;
        for (unsigned more = 0;; ++more) {
          auto p = [&] {
            const descriptor_limit few(room_for(more));
            return process::start(piped({.program = "true", .directory = "/"}));
          }();
          if (p) {
            EXPECT_TRUE(p->wait().value().ok());
            break;
          }
          EXPECT_EQ(p.error(), std::errc::too_many_files_open);
          EXPECT_EQ(open_descriptors(), held);
          EXPECT_TRUE(childless());
          ++refused;
        }
        EXPECT_GE(refused, 7); // a directory, three pipes, one for the end
      },
      on(1));
}

// Faults hold for the process.
std::atomic<env::fault_site> failing;
std::atomic<int> passes_left;
bool fail_there(env::fault_site s) noexcept { return s == failing && passes_left-- <= 0; }

TEST_F(processes, a_child_that_cannot_be_watched_is_not_left_behind) {
  passes_left = INT_MAX;
  failing = env::fault_site::poller_add;
  const io::test::fault_hook hook(&fail_there);
  run(
      [] {
        for (int passes = 0; passes < 4; ++passes) { // the end, and three pipes
          passes_left = passes;
          auto p = process::start(piped({.program = "cat"}));
          EXPECT_EQ(p.error(), std::errc::no_space_on_device);
          EXPECT_EQ(p.error().operation, std::string("start"));
          EXPECT_TRUE(childless());
        }
      },
      on(1));
}

TEST_F(processes, a_kernel_without_pidfds_is_served_by_a_thread) {
  failing = env::fault_site::child_watch;
  passes_left = 0;
  const io::test::fault_hook hook(&fail_there);
  run(
      [] {
        for (int i = 0; i < io::test::repetitions(20); ++i) {
          passes_left = 0;
          process p = process::start(piped({.program = "cat"})).value();
          auto waiting = spawn([&] { return p.wait().value(); });
          this_fiber::yield();
          passes_left = 0;
          if (i % 2 == 0)
            p.in().close();
          else
            p.kill(SIGTERM).value();
          EXPECT_EQ(waiting.join().signal, i % 2 == 0 ? 0 : SIGTERM);
        }
        wait_until([] { return childless(); });
      },
      on(2));
  wait_until([this] { return open_descriptors() == before(); }); // the threads have their own
}

TEST_F(processes, whose_end_somebody_else_has_taken_is_an_error) {
  run(
      [] {
        process p = process::start({.program = "true"}).value();
        int status = 0;
        EXPECT_EQ(::waitpid(p.id(), &status, 0), p.id());
        EXPECT_EQ(p.wait().error(), std::errc::no_child_process);
        EXPECT_EQ(p.kill(SIGTERM).error(), std::errc::no_such_process);
      },
      on(1));
}

// ---- many at a time

TEST_F(processes, many_are_started_talked_to_and_killed_at_a_time) {
  for (const unsigned processors : {1u, 2u, 4u}) {
    run(
        [] {
          task_group<> all;
          for (int i = 0; i < io::test::repetitions(24); ++i)
            all.spawn([i] {
              process p = process::start(piped({.program = "cat"})).value();
              const std::string text = "number " + std::to_string(i);
              p.in().write_all(text).value();
              if (i % 4 == 3) return; // killed
              if (i % 4 == 2) {
                EXPECT_EQ(p.terminate_then_kill(1h).value().signal, SIGTERM);
                return;
              }
              p.in().close();
              EXPECT_EQ(read_all(p.out()), text);
              EXPECT_TRUE(p.wait().value().ok());
            });
          all.join();
        },
        on(processors));
    EXPECT_TRUE(childless());
  }
}

TEST_F(processes, a_kill_and_the_end_that_meet_hit_nobody_else) {
  run(
      [] {
        for (int i = 0; i < io::test::repetitions(30); ++i) {
          process p = process::start({.program = "true"}).value();
          auto killer = spawn([&] {
            while (p.kill(SIGTERM)) this_fiber::yield();
          });
          static_cast<void>(p.wait().value());
          killer.join();
        }
      },
      on(2));
}

} // namespace
} // namespace thrum
