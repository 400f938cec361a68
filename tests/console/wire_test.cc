// THRUM_CONSOLE, as a client sees it: what a program answers at its socket, and who may ask (programs/watched.cc).
#include "console/kit.h"
#include "json.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <grp.h>
#include <sched.h>
#include <sstream>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using console::group_row;
using console::snapshot;
using console_kit::ask;
using console_kit::client;
using console_kit::in_state;
using console_kit::look;
using console_kit::look_until;

class the_console : public console_kit::a_console {};

mode_t mode_of(const std::string& path) {
  struct stat facts{};
  EXPECT_EQ(::lstat(path.c_str(), &facts), 0) << path;
  return facts.st_mode & 07777;
}

std::string first_line(const std::filesystem::path& file) {
  std::ifstream from(file);
  std::string line;
  std::getline(from, line);
  return line;
}

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++n;
  return n;
}

// Ends well, and has said nothing on standard error.
void expect_good_end(test::live_child& program) {
  program.tell("\n");
  const test::child end = program.end();
  EXPECT_EQ(end.exit_code, 0) << end.summary();
  EXPECT_EQ(end.err, "");
}

// Ends well although it cannot be watched, which one line says.
void expect_complaint(test::live_child& program, const std::string& cause, const std::string& remedy) {
  program.tell("\n");
  const test::child end = program.end();
  EXPECT_EQ(end.exit_code, 0) << end.summary();
  EXPECT_EQ(lines(end.err), 1u) << end.err;
  EXPECT_TRUE(end.err.starts_with("thrum: THRUM_CONSOLE: nobody can watch this program: ")) << end.err;
  EXPECT_NE(end.err.find(cause), end.err.npos) << end.err;
  EXPECT_NE(end.err.find(remedy), end.err.npos) << end.err;
}

} // namespace

TEST_F(the_console, answers_a_look_with_one_line_that_names_runtimes_and_fibers) {
  const auto program = start("waits");
  const std::string path = only_path();
  const std::string text = ask(path, "look");
  EXPECT_EQ(lines(text), 1u) << text;
  ASSERT_TRUE(text.ends_with('\n'));
  const auto json = console::json::parse(text);
  ASSERT_TRUE(json && json->is_object()) << text;
  EXPECT_EQ((*json)["thrum_console"].number(), 1);

  const snapshot s = look_until(path, [](const snapshot& now) { return in_state(now, "chan receive") == 5; });
  EXPECT_EQ(folder() + "/" + std::to_string(s.pid) + ".sock", path);
  EXPECT_EQ(s.command, a_console::program() + " waits");
  EXPECT_GT(s.now, s.up);
  EXPECT_TRUE(s.all_seen);
  EXPECT_EQ(s.seen, 6u); // and main
  ASSERT_EQ(s.runtimes.size(), 1u);
  EXPECT_EQ(s.runtimes[0].name, "quiet \\ one");
  EXPECT_EQ(s.runtimes[0].processors, 2u);
  EXPECT_EQ(s.runtimes[0].spawned, 6u);
  EXPECT_EQ(s.runtimes[0].finished, 0u);
  const group_row& g = s.groups[0]; // the largest first
  EXPECT_EQ(g.fibers, 5u);
  EXPECT_EQ(g.state, "chan receive");
  EXPECT_EQ(g.name, "a \"waiter\"");
  EXPECT_FALSE(g.names_differ);
  EXPECT_EQ(g.runtime, "quiet \\ one");
  EXPECT_TRUE(g.at.file.ends_with("programs/watched.cc")) << g.at.file;
  EXPECT_GT(g.at.line, 0u);
  EXPECT_NE(g.at.function.find("waiters"), g.at.function.npos) << g.at.function;
  expect_good_end(*program);
}

TEST_F(the_console, answers_while_fibers_keep_every_processor) {
  const auto program = start("kept");
  const std::string path = only_path();
  const snapshot s = look_until(path, [](const snapshot& now) { return in_state(now, "runs") == 2; });
  ASSERT_EQ(s.runtimes.size(), 1u);
  EXPECT_EQ(s.runtimes[0].idle, 0u);
  EXPECT_EQ(s.runtimes[0].threads, 2u);
  EXPECT_NE(ask(path, "dump").find("'hog'"), std::string::npos);
  expect_good_end(*program);
}

TEST_F(the_console, shows_who_has_lost_a_processor) {
  const auto program = start("hogged");
  const auto lost = [](const snapshot& s, const std::string& state) {
    const auto is_it = [&](const group_row& g) { return g.state == state && g.longest > 0; };
    return std::any_of(s.groups.begin(), s.groups.end(), is_it);
  };
  const snapshot s = look_until(only_path(), [&](const snapshot& now) {
    return lost(now, "computes") && lost(now, "blocked") && now.runtimes.at(0).taken_from_computing != 0;
  });
  ASSERT_EQ(s.runtimes.size(), 1u);
  EXPECT_GE(s.runtimes[0].detached, 1u);
  expect_good_end(*program);
}

TEST_F(the_console, shows_blocking_pools) {
  const auto program = start("pools");
  const snapshot s = look(only_path());
  ASSERT_EQ(s.pools.size(), 1u);
  EXPECT_EQ(s.pools[0].name, "disks");
  EXPECT_EQ(s.pools[0].limit, 2u);
  EXPECT_EQ(s.pools[0].running, 1u);
  expect_good_end(*program);
}

TEST_F(the_console, answers_with_the_whole_dump) {
  const auto program = start("waits");
  const std::string text = ask(only_path(), "dump");
  EXPECT_TRUE(text.starts_with("thrum: 6 fibers, ")) << text;
  EXPECT_NE(text.find("task group 'waiters'"), text.npos) << text;
  expect_good_end(*program);
}

TEST_F(the_console, says_what_it_answers_to_whoever_asks_for_something_else) {
  const auto program = start("waits");
  const std::string path = only_path();
  const std::string refusal = "error: the console answers \"look\" and \"dump\"\n";
  for (const std::string request : {"", "looks", "dump ", "GET / HTTP/1.1", "\xff\xfe"})
    EXPECT_EQ(ask(path, request), refusal) << request;
  const client endless(path);
  endless.say(std::string(33, 'x'));
  EXPECT_EQ(endless.hear_all(), refusal);
  EXPECT_EQ(look(path).runtimes.size(), 1u);
  expect_good_end(*program);
}

TEST_F(the_console, is_held_up_by_no_client_that_hangs) {
  const auto program = start("waits");
  const std::string path = only_path();
  const client silent(path);
  const client half(path);
  half.say("lo");
  const client gone(path);
  gone.say("dump\n");
  { const client at_once(path); }
  EXPECT_EQ(look(path).runtimes.size(), 1u);
  EXPECT_EQ(silent.hear_all(), ""); // its time was over
  EXPECT_EQ(half.hear_all(), "");
  const client at_the_end(path); // nor is the end of the program
  expect_good_end(*program);
}

TEST_F(the_console, gives_all_of_a_long_answer_to_who_reads_late_and_gives_up_on_who_does_not) {
  const auto program = start("talkative");
  const std::string path = only_path();
  static_cast<void>(look_until(path, [](const snapshot& s) { return in_state(s, "chan receive") == 90; }));
  const client late(path);
  late.say("dump\n");
  late.wait_for_much();
  const std::string text = late.hear_all();
  EXPECT_GT(text.size(), 300'000u);
  EXPECT_EQ(count(text, " waits to receive from a channel "), 90u);
  const client never(path);
  never.say("dump\n");
  never.wait_for_much();
  EXPECT_EQ(look(path).runtimes.size(), 1u);
  expect_good_end(*program);
}

TEST_F(the_console, answers_several_clients) {
  const auto program = start("waits");
  const std::string path = only_path();
  const client first(path);
  const client second(path);
  const client third(path);
  third.say("look\n");
  first.say("look\n");
  second.say("dump\n");
  for (const client* c : {&first, &third}) EXPECT_TRUE(console::read_snapshot(c->hear_all()));
  EXPECT_TRUE(second.hear_all().starts_with("thrum: "));
  expect_good_end(*program);
}

TEST_F(the_console, has_a_file_for_this_user_alone_until_the_program_ends) {
  const auto program = start("twice");
  const std::string path = only_path();
  EXPECT_EQ(mode_of(path), 0600u);
  EXPECT_EQ(mode_of(folder()), 0700u);
  EXPECT_EQ(look(path).runtimes.at(0).name, "second"); // it outlives the first runtime
  expect_good_end(*program);
  EXPECT_EQ(files(), std::vector<std::string>());
}

TEST_F(the_console, is_left_alone_by_a_copy_of_the_process_that_ends) {
  ::setenv("LSAN_OPTIONS", "detect_leaks=0", 1); // it would look for the original's threads in the copy
  const auto program = start("forks");
  ::unsetenv("LSAN_OPTIONS");
  EXPECT_EQ(look(only_path()).runtimes.size(), 0u); // between two runtimes
  expect_good_end(*program);
  EXPECT_EQ(files(), std::vector<std::string>());
}

TEST_F(the_console, is_not_there_without_the_variable) {
  for (const char* value : {static_cast<const char*>(nullptr), "", "0"}) {
    const auto program = start("waits", value);
    EXPECT_FALSE(std::filesystem::exists(folder()));
    expect_good_end(*program);
  }
}

TEST_F(the_console, has_one_thread_which_sleeps_until_somebody_asks) {
  const auto program = start("waits");
  const std::string tasks = "/proc/" + std::to_string(look(only_path()).pid) + "/task";
  std::vector<std::filesystem::path> threads;
  for (const auto& e : std::filesystem::directory_iterator(tasks))
    if (first_line(e.path() / "comm") == "thrum-console") threads.push_back(e.path());
  ASSERT_EQ(threads.size(), 1u);
  // In a system call without end, as soon as it has answered: "271 0x7f... 0x2 0x0 ...", of which the third argument is the time.
  std::string call;
  for (int i = 0; i < 10'000; ++i) {
    std::istringstream words(call = first_line(threads[0] / "syscall"));
    if (call.empty()) GTEST_SKIP() << "this kernel does not say what a thread waits for";
    std::string number, files, count, time;
    if (words >> number >> files >> count >> time && number == std::to_string(SYS_ppoll) && count == "0x2") {
      EXPECT_EQ(time, "0x0") << call;
      return expect_good_end(*program);
    }
    ::sched_yield();
  }
  ADD_FAILURE() << call;
}

TEST_F(the_console, listens_where_it_is_told_to) {
  const auto program = start("waits", (base() + "/number %p.sock").c_str());
  std::string path;
  for (const auto& e : std::filesystem::directory_iterator(base())) path = e.path();
  const snapshot s = look(path);
  EXPECT_EQ(path, base() + "/number " + std::to_string(s.pid) + ".sock");
  EXPECT_EQ(mode_of(path), 0600u);
  expect_good_end(*program);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(the_console, takes_the_place_of_a_dead_program) {
  const std::string path = base() + "/one.sock";
  {
    const auto killed = start("waits", path.c_str());
    killed->send(SIGKILL);
    EXPECT_EQ(killed->end().signal, SIGKILL);
  }
  EXPECT_TRUE(std::filesystem::exists(path));
  const auto program = start("waits", path.c_str());
  EXPECT_EQ(look(path).runtimes.size(), 1u);
  expect_good_end(*program);
}

TEST_F(the_console, leaves_a_path_to_the_program_that_uses_it) {
  const std::string path = base() + "/one.sock";
  const auto first = start("waits", path.c_str());
  const auto second = start("waits", path.c_str());
  expect_complaint(*second, path + " is in use", "THRUM_CONSOLE=1, or a path with %p");
  EXPECT_EQ(look(path).runtimes.size(), 1u); // of the first
  expect_good_end(*first);
}

TEST_F(the_console, leaves_a_file_that_is_no_socket) {
  const std::string path = base() + "/notes";
  std::ofstream(path) << "mine";
  expect_complaint(*start("waits", path.c_str()), path + " is in use", "or a path with %p");
  EXPECT_EQ(std::filesystem::file_size(path), 4u);
}

TEST_F(the_console, says_what_is_wrong_with_a_path_and_the_program_goes_on) {
  expect_complaint(*start("waits", "yes"), "its value is 'yes'", "set it to 1, or to a path with a / in it");
  expect_complaint(*start("waits", (base() + "/nowhere/x.sock").c_str()), "No such file or directory",
                   "in a folder that is there");
  expect_complaint(*start("waits", (base() + "/" + std::string(120, 'x')).c_str()), "bytes",
                   "has at most 107");
  ::setenv("XDG_RUNTIME_DIR", (base() + "/nowhere").c_str(), 1);
  expect_complaint(*start("waits"), "cannot be made: No such file or directory", "XDG_RUNTIME_DIR");
}

TEST_F(the_console, is_in_no_folder_that_others_can_use) {
  ASSERT_EQ(::mkdir(folder().c_str(), 0700), 0);
  ASSERT_EQ(::chmod(folder().c_str(), 0750), 0);
  expect_complaint(*start("waits"), "other users can use the folder " + folder(), "chmod 700 " + folder());
  std::filesystem::remove(folder());
  std::filesystem::create_directory_symlink("/", folder());
  expect_complaint(*start("waits"), folder() + " is no folder", "remove it");
}

TEST_F(the_console, is_in_no_folder_of_another_user) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
  ASSERT_EQ(::mkdir(folder().c_str(), 0700), 0);
  ASSERT_EQ(::chown(folder().c_str(), 65534, 65534), 0);
  expect_complaint(*start("waits"), "the folder " + folder() + " is another user's",
                   "THRUM_CONSOLE=/path/of.sock");
}

TEST_F(the_console, answers_no_other_user_even_if_the_file_lets_him_in) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const std::string path = base() + "/one.sock";
  const auto program = start("waits", path.c_str());
  ASSERT_EQ(::chmod(base().c_str(), 0755), 0);
  ASSERT_EQ(::chmod(path.c_str(), 0666), 0);
  const pid_t other = ::fork();
  if (other == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(3);
    const client c(path);
    if (!c.connected()) ::_exit(2);
    ::_exit(c.hear_all() == "error: this program is another user's\n" ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(other, &status, 0), other);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(look(path).runtimes.size(), 1u);
  expect_good_end(*program);
}

TEST_F(the_console, does_not_keep_a_deadlock_from_being_found) {
  const auto program = start("deadlock");
  const std::string path = only_path();
  EXPECT_EQ(look(path).runtimes.size(), 1u);
  const client silent(path); // nor does one that hangs
  program->tell("\n");
  const test::child end = program->end();
  EXPECT_EQ(end.signal, SIGABRT) << end.summary();
  EXPECT_NE(end.err.find("deadlock: the only fiber is asleep"), end.err.npos) << end.err;
}
