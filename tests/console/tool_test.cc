// thrum-console as a process: what it finds, what it prints, how it ends; and on a terminal.
#include "console/kit.h"
#include "json.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <sstream>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

namespace {

using console_kit::look;

test::child console_with(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), THRUM_CONSOLE_PROGRAM);
  return test::run_child(arguments);
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

class the_tool : public console_kit::a_console {
protected:
  // The folder of /tmp is the user's, and not ours: programs that somebody watches there are not to be mistaken for ours.
  static bool is_alone() {
    const test::child all = console_with({"--list"});
    return all.exit_code == 1;
  }
};

// A terminal of its own, and thrum-console on it.
class on_a_terminal {
public:
  on_a_terminal(std::vector<std::string> arguments, unsigned short width, unsigned short height) {
    arguments.insert(arguments.begin(), THRUM_CONSOLE_PROGRAM);
    master_ = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master_ < 0 || ::grantpt(master_) != 0 || ::unlockpt(master_) != 0) return;
    const std::string name = ::ptsname(master_);
    resize(width, height);
    pid_ = ::fork();
    if (pid_ != 0) {
      slave_ = ::open(name.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC); // so that its modes can be looked at
      return;
    }
    ::setsid();
    const int terminal = ::open(name.c_str(), O_RDWR); // the session's own from now on
    for (int i = 0; i < 3; ++i) ::dup2(terminal, i);
    std::vector<char*> raw;
    for (const std::string& a : arguments) raw.push_back(const_cast<char*>(a.c_str()));
    raw.push_back(nullptr);
    ::execv(raw[0], raw.data());
    ::_exit(127);
  }
  ~on_a_terminal() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    for (const int fd : {master_, slave_})
      if (fd >= 0) ::close(fd);
  }
  on_a_terminal(const on_a_terminal&) = delete;
  on_a_terminal& operator=(const on_a_terminal&) = delete;

  void resize(unsigned short width, unsigned short height) const {
    winsize size{};
    size.ws_col = width;
    size.ws_row = height;
    ::ioctl(master_, TIOCSWINSZ, &size);
  }
  void press(const std::string& keys) const {
    EXPECT_EQ(::write(master_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  // What it draws until it has drawn this, since the last call. "": it did not, within half a minute.
  std::string until(const std::string& text) {
    while (!has(seen_, text))
      if (!read_more()) return "";
    const std::string drawn = seen_.substr(0, seen_.find(text) + text.size());
    seen_.erase(0, drawn.size());
    return drawn;
  }
  bool draws(const std::string& text) { return !until(text).empty(); }
  bool has_lines() const { // are keys given line by line?
    termios t{};
    return ::tcgetattr(slave_, &t) == 0 && (t.c_lflag & ICANON) != 0 && (t.c_lflag & ECHO) != 0;
  }
  int end() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {}
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

private:
  bool read_more() {
    pollfd file{master_, POLLIN, 0};
    char bytes[4096];
    if (::poll(&file, 1, 30'000) <= 0) return false;
    const ssize_t n = ::read(master_, bytes, sizeof bytes);
    if (n <= 0) return false;
    seen_.append(bytes, static_cast<std::size_t>(n));
    return true;
  }

  int master_ = -1;
  int slave_ = -1;
  pid_t pid_ = -1;
  std::string seen_;
};

constexpr char begins[] = "\033[?1049h";
constexpr char ends[] = "\033[?1049l";

} // namespace

TEST_F(the_tool, shows_one_picture_where_there_is_no_terminal) {
  const auto program = start("waits");
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{only_path()}, {std::to_string(look(only_path()).pid), "--once"}}) {
    const test::child c = console_with(arguments);
    EXPECT_EQ(c.exit_code, 0) << c.summary();
    EXPECT_EQ(c.err, "");
    EXPECT_TRUE(c.out.starts_with(a_console::program() + " waits  process ")) << c.out;
    EXPECT_TRUE(has(c.out, "\nruntime 'quiet \\ one'  ")) << c.out;
    EXPECT_TRUE(has(c.out, "\n  fibers 6   started 0/s   ended 0/s   polls ")) << c.out;
    EXPECT_TRUE(has(c.out, "  5  chan receive")) << c.out;
    EXPECT_TRUE(has(c.out, "  a \"waiter\"  watched.cc:")) << c.out;
    EXPECT_FALSE(has(c.out, "\033")) << c.out;
  }
}

TEST_F(the_tool, gives_the_json_as_it_was_told) {
  const auto program = start("waits");
  const test::child c = console_with({"--json", "--once", only_path()});
  EXPECT_EQ(c.exit_code, 0) << c.summary();
  const auto json = console::json::parse(c.out);
  ASSERT_TRUE(json) << c.out;
  EXPECT_EQ((*json)["command"].text(), a_console::program() + " waits");
  EXPECT_EQ((*json)["runtimes"].items().size(), 1u);
}

TEST_F(the_tool, gives_lines_of_json_until_the_program_ends) {
  const auto program = start("waits");
  test::live_child tool({THRUM_CONSOLE_PROGRAM, "--json", only_path()});
  EXPECT_TRUE(tool.says("\"thrum_console\":1", 2));
  program->tell("\n");
  EXPECT_EQ(program->end().exit_code, 0);
  const test::child c = tool.end();
  EXPECT_EQ(c.exit_code, 0) << c.summary();
  std::istringstream lines(c.out);
  for (std::string line; std::getline(lines, line);) EXPECT_TRUE(console::json::parse(line)) << line;
}

TEST_F(the_tool, shows_the_dump) {
  const auto program = start("waits");
  const test::child c = console_with({"--dump", only_path()});
  EXPECT_EQ(c.exit_code, 0) << c.summary();
  EXPECT_TRUE(c.out.starts_with("thrum: 6 fibers, ")) << c.out;
}

TEST_F(the_tool, watches_the_only_program_and_lists_several) {
  if (!is_alone()) GTEST_SKIP() << "another program of this user can be watched in /tmp";
  const auto first = start("waits");
  const std::string one = std::to_string(look(only_path()).pid);
  EXPECT_TRUE(has(console_with({}).out, "watched waits  process " + one + ", up "));
  const test::child list = console_with({"--list"});
  EXPECT_EQ(list.exit_code, 0);
  EXPECT_TRUE(has(list.out, one)) << list.out;

  // A file of a dead program is none, and is removed.
  const auto killed = start("twice");
  killed->send(SIGKILL);
  EXPECT_EQ(killed->end().signal, SIGKILL);
  EXPECT_EQ(files().size(), 2u);
  EXPECT_TRUE(has(console_with({}).out, "watched waits  process " + one + ", up "));
  EXPECT_EQ(files().size(), 1u);

  const auto second = start("twice");
  const test::child both = console_with({});
  EXPECT_EQ(both.exit_code, 0) << both.summary();
  EXPECT_TRUE(has(both.out, "  COMMAND\n")) << both.out;
  EXPECT_TRUE(has(both.out, "/watched waits\n")) << both.out;
  EXPECT_TRUE(has(both.out, "/watched twice\n")) << both.out;
  const test::child which = console_with({"--once"});
  EXPECT_EQ(which.exit_code, 1) << which.summary();
  EXPECT_TRUE(has(which.err, "say which, thrum-console PID")) << which.err;
}

TEST_F(the_tool, says_of_a_program_that_is_stopped_that_it_does_not_answer) {
  const auto program = start("waits");
  const std::string path = only_path();
  program->send(SIGSTOP);
  const test::child once = console_with({"--once", path});
  EXPECT_EQ(once.exit_code, 1) << once.summary();
  EXPECT_EQ(once.err, "thrum-console: the program does not answer\n");
  EXPECT_TRUE(has(console_with({"--list"}).out, "  the program does not answer\n"));
  program->send(SIGCONT);
  EXPECT_EQ(console_with({path}).exit_code, 0);
}

TEST_F(the_tool, says_what_to_do_if_there_is_nothing_to_watch) {
  if (!is_alone()) GTEST_SKIP() << "another program of this user can be watched in /tmp";
  const test::child none = console_with({});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_EQ(none.out, "");
  EXPECT_EQ(none.err, "thrum-console: no program of yours can be watched: start one with THRUM_CONSOLE=1\n");
}

TEST_F(the_tool, says_what_is_wrong_with_what_it_was_given) {
  const test::child gone = console_with({"1"});
  EXPECT_EQ(gone.exit_code, 1);
  EXPECT_TRUE(has(gone.err, "process 1 cannot be watched: ")) << gone.err;
  EXPECT_TRUE(has(gone.err, "THRUM_CONSOLE=1")) << gone.err;
  const test::child nobody = console_with({base() + "/nobody.sock"});
  EXPECT_EQ(nobody.exit_code, 1);
  EXPECT_TRUE(has(nobody.err, "no program listens at " + base() + "/nobody.sock")) << nobody.err;
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{"--often"},
                                                {"nonsense"},
                                                {"-5"},
                                                {"1", "2"},
                                                {"--json", "--dump"},
                                                {"--list", "1"}}) {
    const test::child c = console_with(wrong);
    EXPECT_EQ(c.exit_code, 2) << c.summary();
    EXPECT_EQ(c.out, "");
    EXPECT_TRUE(has(c.err, "thrum-console --help says what there is\n")) << c.err;
  }
  const test::child help = console_with({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_TRUE(help.out.starts_with("usage: thrum-console ")) << help.out;
}

TEST_F(the_tool, redraws_on_a_terminal_and_leaves_it_as_it_was) {
  const auto program = start("waits");
  on_a_terminal tool({only_path()}, 80, 24);
  EXPECT_TRUE(tool.draws(begins));
  EXPECT_TRUE(tool.draws("watched waits"));
  EXPECT_TRUE(tool.draws("a \"waiter\""));
  EXPECT_TRUE(tool.draws("p pauses, d shows the dump, q quits"));
  EXPECT_TRUE(tool.draws("started 0/s")); // of the next look
  EXPECT_FALSE(tool.has_lines());
  tool.press("p");
  EXPECT_TRUE(tool.draws("PAUSED"));
  tool.press("p");
  EXPECT_TRUE(tool.draws("p pauses"));
  tool.press("d");
  EXPECT_TRUE(tool.draws("thrum: 6 fibers, "));
  EXPECT_TRUE(tool.draws("the dump; space goes on, any other key returns"));
  tool.press("x");
  EXPECT_TRUE(tool.draws("watched waits"));
  tool.resize(20, 5);
  EXPECT_TRUE(tool.draws("p pauses, d shows t…"));
  tool.press("q");
  EXPECT_TRUE(tool.draws(ends));
  EXPECT_EQ(tool.end(), 0);
  EXPECT_TRUE(tool.has_lines());
}

TEST_F(the_tool, is_ended_by_control_c) {
  const auto program = start("waits");
  on_a_terminal tool({only_path()}, 80, 24);
  EXPECT_TRUE(tool.draws("q quits"));
  tool.press("\003");
  EXPECT_TRUE(tool.draws(ends));
  EXPECT_EQ(tool.end(), 0);
  EXPECT_TRUE(tool.has_lines());
}

TEST_F(the_tool, keeps_the_last_picture_of_a_program_that_ends) {
  const auto program = start("waits");
  on_a_terminal tool({only_path()}, 80, 24);
  EXPECT_TRUE(tool.draws("a \"waiter\""));
  program->tell("\n");
  EXPECT_EQ(program->end().exit_code, 0);
  EXPECT_TRUE(tool.draws(ends));
  EXPECT_TRUE(tool.draws("watched waits"));
  EXPECT_TRUE(tool.draws(" has ended"));
  EXPECT_EQ(tool.end(), 0);
}

TEST_F(the_tool, has_colours_unless_nobody_wants_them) {
  const auto program = start("hogged");
  static_cast<void>(console_kit::look_until(
      only_path(), [](const console::snapshot& s) { return console_kit::in_state(s, "computes") == 2; }));
  {
    on_a_terminal tool({only_path()}, 80, 24);
    EXPECT_TRUE(tool.draws("\033[31m"));
    tool.press("q");
    EXPECT_EQ(tool.end(), 0);
  }
  ::setenv("NO_COLOR", "1", 1);
  on_a_terminal tool({only_path()}, 80, 24);
  ::unsetenv("NO_COLOR");
  EXPECT_TRUE(tool.draws(begins));
  const std::string picture = tool.until("computes");
  EXPECT_FALSE(picture.empty());
  EXPECT_FALSE(has(picture, "\033[31m")) << picture;
  tool.press("q");
  EXPECT_TRUE(tool.draws(ends));
  EXPECT_EQ(tool.end(), 0);
  program->tell("\n");
}
