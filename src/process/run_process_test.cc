// run_process: a command, all that it says, and what becomes of it when the caller does not want to wait any longer.
#include "io/test_kit.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include <thrum/process.h>
#include <thrum/thrum.h>

namespace thrum {
namespace {

using namespace std::chrono_literals;
using io::test::open_descriptors;
using io::test::wait_until;

options on(unsigned processors) { return {.processors = processors, .drain = 30s}; }

bool childless() { return ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD; }

class commands : public testing::Test {
protected:
  commands() {
    const auto once = [] { static_cast<void>(run_process({"true"}).value()); };
    once();
    run(once, on(1));
    before_ = open_descriptors();
  }
  ~commands() override {
    EXPECT_EQ(open_descriptors(), before_);
    EXPECT_TRUE(childless());
  }

private:
  unsigned before_;
};

TEST_F(commands, what_they_say_and_how_they_end_is_returned) {
  const auto all = [] {
    const process_output o = run_process({"sh", "-c", "cat; echo err >&2; exit 3"}, {.input = "in "}).value();
    EXPECT_EQ(o.out, "in ");
    EXPECT_EQ(o.err, "err\n");
    EXPECT_EQ(o.status, (exit_status{.code = 3}));
    EXPECT_EQ(o.dropped, 0u);
    EXPECT_EQ(run_process({"pwd"}, {.directory = "/"}).value().out, "/\n");
    EXPECT_EQ(run_process({"env"}, {.environment = {{"A=1"}}}).value().out, "A=1\n");
    EXPECT_EQ(run_process({"cat"}).value().out, ""); // no input is an end at once
  };
  run(all, on(1));
  all(); // on a plain thread
}

TEST_F(commands, that_cannot_be_started_are_errors) {
  run(
      [] {
        EXPECT_EQ(run_process({"no-such-program"}).error().message(),
                  "start no-such-program: No such file or directory");
        EXPECT_EQ(run_process({}).error(), std::errc::no_such_file_or_directory);
      },
      on(1));
}

// More than pipes hold, in three directions at a time, in an order that no one who does one after the other survives.
TEST_F(commands, nobody_gets_stuck_however_much_is_said) {
  for (const unsigned processors : {1u, 2u}) {
    run(
        [] {
          const std::string much(1 << 20, 'x');
          const process_output o =
              run_process({"sh", "-c", "head -c 1000000 /dev/zero >&2; cat; head -c 1000000 /dev/zero >&2"},
                          {.input = much})
                  .value();
          EXPECT_EQ(o.out, much);
          EXPECT_EQ(o.err, std::string(2'000'000, '\0'));
          EXPECT_TRUE(o.status.ok());
        },
        on(processors));
  }
}

TEST_F(commands, what_is_beyond_the_limit_is_counted_and_dropped) {
  run(
      [] {
        const process_output o =
            run_process({"sh", "-c", "echo short; head -c 100000 /dev/zero >&2"}, {.most = 1'000}).value();
        EXPECT_EQ(o.out, "short\n");
        EXPECT_EQ(o.err.size(), 1'000u);
        EXPECT_EQ(o.dropped, 99'000u);
        EXPECT_TRUE(o.status.ok());
      },
      on(1));
}

TEST_F(commands, need_not_read_what_they_are_given) {
  run(
      [] {
        const process_output o = run_process({"echo", "done"}, {.input = std::string(1 << 20, 'x')}).value();
        EXPECT_EQ(o.out, "done\n");
        EXPECT_TRUE(o.status.ok());
      },
      on(1));
}

// The number of a grandchild, told through a file because its parent is killed.
class lasting {
public:
  lasting() { EXPECT_NE(::mkdtemp(folder_), nullptr); }
  ~lasting() {
    ::unlink(file().c_str());
    ::rmdir(folder_);
  }
  lasting(const lasting&) = delete;
  lasting& operator=(const lasting&) = delete;
  // Starts something in the background that holds the outputs open, says its number, and goes on.
  std::vector<std::string> command(const std::string& rest) const {
    return {"sh", "-c",
            "sleep 1000 & echo $! > " + file() + ".new; mv " + file() + ".new " + file() + "; " + rest};
  }
  bool has_begun() const { return ::access(file().c_str(), R_OK) == 0; }
  void wait_for_its_end() const {
    int id = 0;
    std::ifstream(file()) >> id;
    EXPECT_GT(id, 1);
    wait_until([id] {
      std::ifstream stat("/proc/" + std::to_string(id) + "/stat");
      std::string text;
      std::getline(stat, text);
      return text.empty() || text.find(") Z") != text.npos;
    });
  }

private:
  std::string file() const { return std::string(folder_) + "/id"; }
  char folder_[32] = "/tmp/thrum_process_XXXXXX";
};

TEST_F(commands, that_take_too_long_are_killed_with_all_they_have_started) {
  run(
      [] {
        EXPECT_EQ(run_process({"sleep", "1000"}, {.until = 2ms}).error().message(),
                  "run sleep: the deadline has passed");
        for (const char* rest :
             {"wait", "exit 0", "yes"}) { // that has ended, that always has something to say
          const lasting l;
          // The deadline is not to come before there is something to kill.
          io::result<process_output> r = run_process({"true"});
          for (auto patience = 20ms; !l.has_begun(); patience *= 2)
            r = run_process(l.command(rest), {.until = patience});
          EXPECT_EQ(r.error(), io::errc::deadline) << rest;
          l.wait_for_its_end();
        }
      },
      on(1));
}

TEST_F(commands, whose_caller_is_asked_to_stop_are_killed_with_all_they_have_started) {
  for (const unsigned processors : {1u, 2u})
    run(
        [] {
          for (const char* rest : {"wait", "exit 0", "yes", "exec >/dev/null 2>&1; kill $!; sleep 1000"}) {
            const lasting l;
            auto f = spawn([&] { return run_process(l.command(rest)); });
            wait_until([&] { return l.has_begun(); });
            f.request_stop();
            EXPECT_THROW(static_cast<void>(f.join()), cancelled) << rest;
            l.wait_for_its_end();
            EXPECT_TRUE(childless());
          }
        },
        on(processors));
}

} // namespace
} // namespace thrum
