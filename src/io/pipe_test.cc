// Pipes with and without a name: what comes out, how they end, and every wait cut short by a deadline, a stop request, a close.
#include "env/descriptors_kit.h"
#include "env/linux/quiet_write.h"
#include "io/descriptor_kit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <thrum/go.h>
#include <thrum/io/pipe.h>
#include <thrum/spawn.h>

namespace thrum::io {
namespace {

using namespace std::chrono_literals;
using env::test::descriptor_limit;
using env::test::room_for;
using test::wait_until;

bool waits(const handle& h, direction way) { return test::is_parked(*descriptor_of(h), way); }

// Fills the pipe, so that a write has to wait. Returns how much that took.
std::size_t fill(const pipe_writer& w) {
  const std::string block(1 << 16, 'x');
  std::size_t sum = 0;
  while (auto n = w.write_some(block, 0ms)) sum += *n;
  return sum;
}

// A folder that goes with everything in it.
struct scratch {
  std::string path = "/tmp/thrum-pipe-XXXXXX";
  scratch() {
    if (::mkdtemp(path.data()) == nullptr) std::abort();
  }
  ~scratch() {
    ::unlink(name("fifo").c_str());
    ::rmdir(path.c_str());
  }
  std::string name(const char* file) const { return path + '/' + file; }
};

class pipes : public testing::TestWithParam<unsigned> {
protected:
  template <class F> void run(F&& f) { thrum::run(std::forward<F>(f), {.processors = GetParam()}); }
};
INSTANTIATE_TEST_SUITE_P(processors, pipes, testing::Values(1u, 2u, 4u));

TEST_P(pipes, every_byte_comes_through_in_order_however_slow_the_reader) {
  run([] {
    auto [reader, writer] = pipe().value();
    constexpr std::size_t size = 3'000'000;
    auto producer = spawn([w = std::move(writer)] {
      std::string text(size, '\0');
      for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7 % 251);
      for (std::size_t at = 0, step = 1; at < size; at += step, step = step * 3 % 10'007 + 1)
        w.write_all({text.data() + at, std::min(step, size - at)}).value();
    });
    std::string got;
    char buffer[3'000];
    while (const std::size_t n = reader.read_some(buffer).value()) got.append(buffer, n);
    producer.join();
    ASSERT_EQ(got.size(), size);
    for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(got[i], static_cast<char>(i * 7 % 251)) << i;
  });
}

TEST_P(pipes, many_pipes_at_a_time_mix_nothing_up) {
  run([] {
    std::vector<fiber<void>> all;
    for (unsigned i = 0; i < 50; ++i)
      all.push_back(spawn([i] {
        auto [reader, writer] = pipe().value();
        auto echo = spawn([&] {
          for (unsigned round = 0; round < 50; ++round) {
            std::uint64_t value;
            reader.read_exactly({&value, sizeof value}).value();
            EXPECT_EQ(value, i * 1'000 + round);
          }
        });
        for (unsigned round = 0; round < 50; ++round) {
          const std::uint64_t value = i * 1'000 + round;
          writer.write_all({&value, sizeof value}).value();
        }
        echo.join();
      }));
    for (auto& f : all) f.join();
  });
}

TEST_P(pipes, a_stop_request_ends_a_read_that_waits_and_loses_nothing) {
  run([] {
    auto [reader, writer] = pipe().value();
    for (int i = 0; i < test::repetitions(200); ++i) {
      std::size_t taken = 0;
      auto waiting = spawn([&] {
        char b[8];
        try {
          while (taken < 8) taken += reader.read_some({b, 8 - taken}).value();
        } catch (const cancelled&) { throw; }
      });
      auto writing = spawn([&] { writer.write_all("12345678").value(); });
      waiting.request_stop();
      try {
        waiting.join();
      } catch (const cancelled&) {}
      writing.join();
      std::string rest(8 - taken, '\0');
      reader.read_exactly(rest, 10s).value();
      ASSERT_EQ(rest, std::string("12345678").substr(taken));
    }
  });
}

TEST_P(pipes, closed_while_read_and_written_answers_everybody) {
  run([] {
    for (int i = 0; i < test::repetitions(100); ++i) {
      auto [reader, writer] = pipe().value();
      std::vector<fiber<void>> users;
      for (int k = 0; k < 3; ++k) {
        users.push_back(spawn([&] {
          char b[100];
          while (auto n = reader.read_some(b))
            if (*n == 0) return;
        }));
        users.push_back(spawn([&] {
          while (writer.write_all("some bytes")) {}
        }));
      }
      auto closer = spawn([&, i] {
        if (i % 2 == 0) this_fiber::yield();
        writer.close();
        reader.close();
      });
      for (auto& u : users) u.join();
      closer.join();
    }
  });
}

TEST(pipe, the_end_comes_when_the_writer_is_closed_after_what_was_written) {
  run([] {
    auto [reader, writer] = pipe().value();
    writer.write_all("last words").value();
    writer.close();
    char b[100];
    EXPECT_EQ(reader.read_some(b).value(), 10u);
    EXPECT_EQ(reader.read_some(b).value(), 0u);
    EXPECT_EQ(reader.read_exactly(b).error(), errc::end_of_stream);
  });
}

TEST(pipe, a_read_that_waits_sees_the_end) {
  run([] {
    auto [reader, writer] = pipe().value();
    auto waiting = spawn([&] {
      char b[1];
      return reader.read_some(b).value();
    });
    wait_until([&] { return waits(reader, direction::in); });
    writer.close();
    EXPECT_EQ(waiting.join(), 0u);
  });
}

// With the handler, SIGPIPE ends the test. Both ways to keep it away, in fibers and on a thread.
TEST(pipe, a_write_that_nobody_reads_fails_without_a_signal) {
  struct sigaction act = {};
  act.sa_handler = [](int) { std::abort(); };
  struct sigaction before;
  ASSERT_EQ(::sigaction(SIGPIPE, &act, &before), 0);
  for (const bool old_kernel : {false, true}) {
    env::refuse_no_signal_flag(old_kernel);
    const auto broken = [] {
      auto [reader, writer] = pipe().value();
      reader.close();
      const auto r = writer.write_all("x");
      ASSERT_FALSE(r);
      EXPECT_EQ(r.error(), std::errc::broken_pipe);
      EXPECT_EQ(r.error().message(), "write a pipe: Broken pipe");
      sigset_t mask;
      ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
      EXPECT_EQ(::sigismember(&mask, SIGPIPE), 0); // what is started now inherits nothing
      sigset_t pending;
      ::sigpending(&pending);
      EXPECT_EQ(::sigismember(&pending, SIGPIPE), 0);
    };
    run(broken);
    std::thread(broken).join();
  }
  env::refuse_no_signal_flag(false);
  ::sigaction(SIGPIPE, &before, nullptr);
}

TEST(pipe, a_signal_that_waited_before_is_not_swallowed_by_a_write) {
  env::refuse_no_signal_flag(true);
  std::thread([] {
    sigset_t just_pipe;
    ::sigemptyset(&just_pipe);
    ::sigaddset(&just_pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &just_pipe, nullptr);
    ::pthread_kill(::pthread_self(), SIGPIPE);
    auto [reader, writer] = pipe().value();
    reader.close();
    EXPECT_EQ(writer.write_all("x").error(), std::errc::broken_pipe);
    sigset_t pending;
    ::sigpending(&pending);
    EXPECT_EQ(::sigismember(&pending, SIGPIPE), 1);
    const timespec now{};
    EXPECT_EQ(::sigtimedwait(&just_pipe, nullptr, &now), SIGPIPE);
  }).join();
  env::refuse_no_signal_flag(false);
}

TEST(pipe, a_write_that_waits_ends_when_the_reader_closes) {
  run([] {
    auto [reader, writer] = pipe().value();
    fill(writer);
    auto waiting = spawn([&] { return writer.write_all("more"); });
    wait_until([&] { return waits(writer, direction::out); });
    reader.close();
    EXPECT_EQ(waiting.join().error(), std::errc::broken_pipe);
  });
}

TEST(pipe, deadlines_end_reads_and_writes_and_say_how_much_went_through) {
  run([] {
    auto [reader, writer] = pipe().value();
    char b[10];
    EXPECT_EQ(reader.read_some(b, 1ms).error(), errc::deadline);
    writer.write_all("abc").value();
    const auto r = reader.read_exactly(b, 1ms);
    EXPECT_EQ(r.error(), errc::deadline);
    EXPECT_EQ(r.error().transferred, 3u);
    const std::string much(1'000'000, 'x');
    const auto w = writer.write_all(much, 1ms);
    EXPECT_EQ(w.error(), errc::deadline);
    EXPECT_GT(w.error().transferred, 0u);
    EXPECT_LT(w.error().transferred, much.size());
    std::string got(w.error().transferred, '\0');
    reader.read_exactly(got).value();
    EXPECT_EQ(reader.read_some(b, 0ms).error(), errc::deadline); // not a byte more was taken
  });
}

TEST(pipe, a_stop_request_ends_a_write_that_waits_and_says_how_much_went_through) {
  run([] {
    auto [reader, writer] = pipe().value();
    std::size_t through = 0;
    auto waiting = spawn([&] {
      try {
        writer.write_all(std::string(1'000'000, 'x')).value();
      } catch (const cancelled_transfer& c) { through = c.transferred(); }
    });
    wait_until([&] { return waits(writer, direction::out); });
    waiting.request_stop();
    waiting.join();
    ASSERT_GT(through, 0u);
    writer.close();
    std::size_t got = 0;
    char b[5'000];
    while (const std::size_t n = reader.read_some(b).value()) got += n;
    EXPECT_EQ(got, through);
  });
}

TEST(pipe, works_between_plain_threads) {
  auto [reader, writer] = pipe().value();
  std::thread writing([&] { writer.write_all(std::string(500'000, 'y')).value(); });
  std::string got(500'000, '\0');
  reader.read_exactly(got, 30s).value();
  writing.join();
  EXPECT_EQ(got, std::string(500'000, 'y'));
}

TEST(pipe, outlives_its_runtime_as_a_handle_that_only_closes) {
  pipe_ends ends;
  run([&] { ends = pipe().value(); });
  char b[1];
  EXPECT_EQ(ends.reader.read_some(b).error(), errc::runtime_ended);
  EXPECT_EQ(ends.writer.write_all("x").error(), errc::runtime_ended);
  ends.reader.close();
}

TEST(pipe, is_close_on_exec_and_leaves_no_descriptor_behind) {
  run([] {
    { auto warm_up = pipe().value(); }
    const unsigned before = test::open_descriptors();
    {
      auto [reader, writer] = pipe().value();
      EXPECT_NE(::fcntl(reader.native(), F_GETFD) & FD_CLOEXEC, 0);
      EXPECT_NE(::fcntl(writer.native(), F_GETFD) & FD_CLOEXEC, 0);
      EXPECT_EQ(test::open_descriptors(), before + 2);
    }
    EXPECT_EQ(test::open_descriptors(), before);
  });
}

std::atomic<int> let_in{0}; // so many registrations
bool refuse_to_watch(env::fault_site site) noexcept {
  return site == env::fault_site::poller_add && let_in.fetch_sub(1, std::memory_order_relaxed) <= 0;
}

TEST(pipe, a_poller_that_is_full_is_an_error_and_leaks_nothing) {
  const test::fault_hook hook(&refuse_to_watch);
  let_in = 100;
  run([] {
    { auto warm_up = pipe().value(); }
    const unsigned before = test::open_descriptors();
    for (const int n : {0, 1}) {
      let_in = n;
      const auto r = pipe();
      ASSERT_FALSE(r);
      EXPECT_EQ(r.error().code.category(), std::system_category());
      EXPECT_EQ(test::open_descriptors(), before);
    }
  });
}

TEST(pipe, no_descriptors_left_is_an_error_that_says_so) {
  run([] {
    const auto r = [] {
      const descriptor_limit few(room_for(1));
      return pipe();
    }();
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error(), std::errc::too_many_files_open);
    EXPECT_TRUE(r.error().message().starts_with("make a pipe: Too many open files (")) << r.error().message();
  });
}

std::atomic<unsigned> asked{0};
bool would_block_often(env::fault_site site) noexcept {
  return site == env::fault_site::io_would_block && asked.fetch_add(1, std::memory_order_relaxed) % 3 != 0;
}

TEST(pipe, false_readiness_loses_and_repeats_nothing) {
  const test::fault_hook hook(&would_block_often);
  run([] {
    auto [reader, writer] = pipe().value();
    auto producer = spawn([w = std::move(writer)] {
      for (int i = 0; i < 2'000; ++i) w.write_all({&i, sizeof i}).value();
    });
    for (int i = 0; i < 2'000; ++i) {
      int got = -1;
      reader.read_exactly({&got, sizeof got}).value();
      ASSERT_EQ(got, i);
    }
    producer.join();
  });
}

// ---- with a name

TEST(fifo, the_first_read_waits_for_a_writer_and_the_end_comes_when_it_has_gone) {
  run([] {
    const scratch folder;
    const std::string path = folder.name("fifo");
    make_fifo(path).value();
    EXPECT_EQ(make_fifo(path).error(), std::errc::file_exists);
    const pipe_reader reader = open_fifo_reader(path).value();
    auto waiting = spawn([&] {
      char b[100];
      return std::string(b, reader.read_some(b).value());
    });
    wait_until([&] { return waits(reader, direction::in); });
    {
      const pipe_writer writer = open_fifo_writer(path).value();
      writer.write_all("hello").value();
    }
    EXPECT_EQ(waiting.join(), "hello");
    char b[1];
    EXPECT_EQ(reader.read_some(b).value(), 0u);
  });
}

TEST(fifo, a_writer_waits_for_a_reader) {
  run([] {
    const scratch folder;
    const std::string path = folder.name("fifo");
    make_fifo(path).value();
    const auto late = open_fifo_writer(path, 3ms);
    EXPECT_EQ(late.error(), errc::deadline);
    auto writing = spawn([&] { open_fifo_writer(path).value().write_all("x").value(); });
    const pipe_reader reader = open_fifo_reader(path).value();
    char b[1];
    EXPECT_EQ(reader.read_some(b).value(), 1u);
    writing.join();
    auto stopped = spawn([&] {
      reader.close();
      static_cast<void>(open_fifo_writer(path));
    });
    stopped.request_stop();
    EXPECT_THROW(stopped.join(), cancelled);
  });
}

TEST(fifo, what_is_no_pipe_is_refused) {
  const auto r = open_fifo_reader("/dev/null");
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error(), std::errc::invalid_argument);
  EXPECT_EQ(open_fifo_writer(std::string("/tmp\0/x", 7)).error(), std::errc::invalid_argument);
  const auto none = open_fifo_reader("/no/such/pipe");
  EXPECT_EQ(none.error().message(), "open /no/such/pipe: No such file or directory");
}

} // namespace
} // namespace thrum::io
