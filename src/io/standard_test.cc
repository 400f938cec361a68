// The standard streams, as whatever the program may have been given: terminals, pipes, sockets, files, devices, nothing.
#include "io/descriptor_kit.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include <thrum/io/standard.h>
#include <thrum/simulate.h>
#include <thrum/spawn.h>

namespace thrum::io {
namespace {

using namespace std::chrono_literals;
using test::wait_until;

// Stands in for one of 0, 1, 2 for the time of a test. Takes over `fd`; -1: closed.
class stand_in {
public:
  stand_in(int number, int fd) : number_(number), before_(::fcntl(number, F_DUPFD_CLOEXEC, 100)) {
    if (fd < 0) {
      ::close(number);
      return;
    }
    ::dup2(fd, number);
    ::close(fd);
  }
  ~stand_in() {
    ::dup2(before_, number_);
    ::close(before_);
  }
  stand_in(const stand_in&) = delete;
  stand_in& operator=(const stand_in&) = delete;

private:
  const int number_;
  const int before_;
};

bool is_blocking(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0; }

// Master and terminal; the terminal echoes nothing and changes nothing.
std::pair<int, int> open_terminal() {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0) std::abort();
  char name[64];
  if (::ptsname_r(master, name, sizeof name) != 0) std::abort();
  const int terminal = ::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
  termios t;
  ::tcgetattr(terminal, &t);
  t.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  t.c_oflag &= ~static_cast<tcflag_t>(OPOST);
  ::tcsetattr(terminal, TCSANOW, &t);
  return {master, terminal};
}

void put(int fd, const std::string& text) {
  ASSERT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

// Every kind of stream that can be waited for: {ours, the other side}.
enum class kind { terminal, pipe, socket };
std::pair<int, int> make(kind k, bool ours_reads) {
  int ends[2] = {-1, -1};
  if (k == kind::terminal) {
    const auto [master, terminal] = open_terminal();
    return {terminal, master};
  }
  if (k == kind::socket) {
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
    return {ends[0], ends[1]};
  }
  if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
  return ours_reads ? std::pair(ends[0], ends[1]) : std::pair(ends[1], ends[0]);
}

class standard : public testing::TestWithParam<std::tuple<unsigned, kind>> {
protected:
  template <class F> void run(F&& f) {
    thrum::run(std::forward<F>(f), {.processors = std::get<0>(GetParam())});
  }
  static kind what() { return std::get<1>(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(all, standard,
                         testing::Combine(testing::Values(1u, 2u, 4u),
                                          testing::Values(kind::terminal, kind::pipe, kind::socket)));

TEST_P(standard, reading_a_line_parks_only_its_fiber_and_leaves_the_stream_blocking) {
  const auto [ours, other] = make(what(), true);
  const stand_in stdin_is(0, ours);
  run([&] {
    auto reader = spawn([] {
      char line[100];
      return std::string(line, in().read_some(line).value());
    });
    wait_until([&] { return test::is_parked(*descriptor_of(in()), direction::in); });
    EXPECT_TRUE(is_blocking(0));
    put(other, "hello\n");
    EXPECT_EQ(reader.join(), "hello\n");
    EXPECT_TRUE(is_blocking(0));
  });
  ::close(other);
}

TEST_P(standard, what_a_simulated_program_writes_goes_out) {
  const auto [ours, other] = make(what(), false);
  simulation_result found;
  {
    const stand_in stdout_is(1, ours);
    found = simulate({.seed = 1, .runs = 2, .quiet = true},
                     [] { spawn([] { out().write_all({"hello\n", 6}).value(); }).join(); });
  }
  EXPECT_FALSE(found.failed) << found.failure;
  char both[13] = {};
  EXPECT_EQ(::read(other, both, 12), 12);
  EXPECT_STREQ(both, "hello\nhello\n");
  ::close(other);
}

TEST_P(standard, waits_obey_deadlines_stop_requests_and_close) {
  const auto [ours, other] = make(what(), true);
  const stand_in stdin_is(0, ours);
  run([&] {
    char b[100];
    EXPECT_EQ(in().read_some(b, 1ms).error(), errc::deadline);
    const auto read = [&] { return in().read_some(b); };
    auto stopped = spawn(read);
    wait_until([&] { return test::is_parked(*descriptor_of(in()), direction::in); });
    stopped.request_stop();
    EXPECT_THROW(static_cast<void>(stopped.join()), cancelled);
    auto closed = spawn(read);
    wait_until([&] { return test::is_parked(*descriptor_of(in()), direction::in); });
    const byte_reader& stream = in();
    stream.close();
    EXPECT_EQ(closed.join().error(), errc::closed);
    EXPECT_EQ(stream.read_some(b).error(), errc::closed);
    EXPECT_NE(::fcntl(0, F_GETFD), -1); // the number itself is still open
  });
  run([&] { // and another runtime has streams of its own
    put(other, "more\n");
    char b[100];
    EXPECT_EQ(in().read_some(b).value(), 5u);
  });
  ::close(other);
}

TEST_P(standard, writes_wait_for_the_reader_and_lose_nothing) {
  const auto [ours, other] = make(what(), false);
  const std::string text(300'000, 'z');
  std::size_t got = 0;
  std::thread reader;
  {
    const stand_in stdout_is(1, ours);
    run([&] {
      auto writer = spawn([&] { out().write_all(text).value(); });
      wait_until([&] { return test::is_parked(*descriptor_of(out()), direction::out); });
      EXPECT_TRUE(is_blocking(1));
      EXPECT_EQ(out().write_all("never", 1ms).error(), errc::deadline); // the turn is the other's
      reader = std::thread([&, from = other] {
        char b[5'000];
        while (got < text.size()) {
          const ssize_t n = ::read(from, b, sizeof b);
          if (n <= 0) break;
          got += static_cast<std::size_t>(n);
        }
      });
      writer.join();
    });
  }
  reader.join();
  EXPECT_EQ(got, text.size());
  ::close(other);
}

TEST(standard_stream, a_pipe_ends_when_its_writer_is_gone) {
  const auto [ours, other] = make(kind::pipe, true);
  const stand_in stdin_is(0, ours);
  put(other, "all");
  ::close(other);
  run([] {
    char b[100];
    EXPECT_EQ(in().read_some(b).value(), 3u);
    EXPECT_EQ(in().read_some(b).value(), 0u);
  });
}

TEST(standard_stream, a_pipe_that_nobody_reads_is_broken_without_a_signal) {
  const auto [ours, other] = make(kind::pipe, false);
  const stand_in stderr_is(2, ours);
  ::close(other); // it can not even be opened any more
  io::result<void> r;
  run([&] { r = err().write_all("x"); });
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error(), std::errc::broken_pipe);
  EXPECT_EQ(r.error().message(), "write standard error: Broken pipe");
}

TEST(standard_stream, a_file_goes_on_at_the_position_that_it_shares) {
  char name[] = "/tmp/thrum-standard-XXXXXX";
  const int file = ::mkostemp(name, O_CLOEXEC);
  ::unlink(name);
  put(file, "before ");
  {
    const stand_in stdout_is(1, ::dup(file));
    run([] { out().write_all("ours ").value(); });
  }
  put(file, "after");
  ASSERT_EQ(::lseek(file, 0, SEEK_SET), 0);
  const stand_in stdin_is(0, file);
  run([] {
    char b[100];
    EXPECT_EQ(std::string(b, in().read_some(b).value()), "before ours after");
    EXPECT_EQ(in().read_some(b).value(), 0u);
  });
}

TEST(standard_stream, what_cannot_be_waited_for_answers_at_once) {
  const stand_in stdin_is(0, ::open("/dev/null", O_RDWR | O_CLOEXEC));
  const stand_in stdout_is(1, ::open("/dev/full", O_RDWR | O_CLOEXEC));
  io::result<void> full;
  run([&] {
    char b[10];
    EXPECT_EQ(in().read_some(b).value(), 0u);
    full = out().write_all("x");
  });
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().message(), "write standard output: No space left on device");
}

TEST(standard_stream, closed_or_of_the_wrong_direction_is_said_so) {
  const auto [ours, other] = make(kind::pipe, true);
  const stand_in stdout_is(1, ours); // an end that reads
  io::result<void> wrong;
  run([&] {
    const stand_in stdin_is(0, -1); // only now, or the runtime's own descriptors would take the number
    char b[10];
    EXPECT_EQ(in().read_some(b).error(), errc::closed);
    wrong = out().write_all("x");
  });
  EXPECT_EQ(wrong.error(), errc::closed);
  ::close(other);
}

// What cannot be opened once more is asked before each call: here the master of a terminal, of which opening makes another.
TEST(standard_stream, what_may_not_be_opened_anew_obeys_deadlines_and_stays_blocking) {
  const auto [master, terminal] = open_terminal();
  const stand_in stdin_is(0, master);
  run([to = terminal] {
    char b[10];
    EXPECT_EQ(in().read_some(b, 1ms).error(), errc::deadline);
    auto reader = spawn([&] { return in().read_some(b).value(); });
    wait_until([&] { return test::is_parked(*descriptor_of(in()), direction::in); });
    put(to, "abc");
    EXPECT_EQ(reader.join(), 3u);
    EXPECT_TRUE(is_blocking(0));
  });
  ::close(terminal);
}

TEST(standard_stream, of_many_fibers_at_once_is_opened_once_and_leaks_nothing) {
  const auto [ours, other] = make(kind::pipe, true);
  const stand_in stdin_is(0, ours);
  const unsigned before = test::open_descriptors();
  for (int i = 0; i < 40; ++i)
    run(
        [] {
          std::vector<fiber<const byte_reader*>> all;
          for (int k = 0; k < 20; ++k) all.push_back(spawn([] { return &in(); }));
          for (auto& f : all) EXPECT_EQ(f.join(), &in());
        },
        {.processors = 4});
  EXPECT_LE(test::open_descriptors(), before + 1); // what the last runtime had goes to the next
  ::close(other);
}

} // namespace
} // namespace thrum::io
