// Sending files: all bytes once and in order, whatever the stream does meanwhile.
#include "io/descriptor_kit.h"
#include "net/tcp_kit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <numeric>
#include <unistd.h>

#include <thrum/net/send_file.h>
#include <thrum/net/unix.h>

namespace thrum::net {
namespace {

using namespace std::chrono_literals;
using io::direction;
using io::errc;
using io::test::fault_hook;
using io::test::wait_until;
using test::connection;
using test::local_connection;

// A file that closes itself, as its own class would.
class temporary_file {
public:
  explicit temporary_file(const std::string& content) {
    char name[] = "/tmp/thrum_send_XXXXXX";
    fd_ = ::mkostemp(name, O_CLOEXEC);
    ::unlink(name);
    for (std::size_t done = 0; done < content.size();) {
      const ssize_t n = ::write(fd_, content.data() + done, content.size() - done);
      if (n <= 0) std::abort();
      done += static_cast<std::size_t>(n);
    }
  }
  ~temporary_file() { ::close(fd_); }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  int native() const { return fd_; }

private:
  int fd_;
};

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  unsigned x = 1;
  for (char& c : text) c = static_cast<char>((x = x * 1664525u + 1013904223u) >> 24);
  return text;
}

class sending_files : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(processors, sending_files, testing::Values(1u, 2u, 4u));

TEST_P(sending_files, a_slow_reader_gets_every_byte_once) {
  run(
      [] {
        const std::string content = pattern(5'000'000);
        const temporary_file file(content);
        const connection c = local_connection();
        c.client.send_buffer(200'000).value();
        auto sender = spawn([&] { return send_file(c.client, file, 1'000, content.size()).value(); });
        wait_until([&] { return io::test::is_parked(*descriptor_of(c.client), direction::out); });
        std::string got(content.size() - 1'000, '\0');
        c.server.read_exactly(got).value();
        EXPECT_EQ(sender.join(), got.size()); // the file ends before `count`
        EXPECT_TRUE(got == content.substr(1'000));
        EXPECT_EQ(::lseek(file.native(), 0, SEEK_CUR), static_cast<off_t>(content.size())); // not moved
      },
      {.processors = GetParam()});
}

TEST_P(sending_files, is_not_mixed_with_what_others_write) {
  run(
      [] {
        const std::string content(300'000, 'f');
        const temporary_file file(content);
        auto [a, b] = unix_stream::pair().value();
        const std::string block(300'000, 'w');
        auto sender = spawn([&end = a, &file, &content] {
          for (int i = 0; i < 5; ++i)
            EXPECT_EQ(send_file(end, file, 0, content.size()).value(), content.size());
        });
        auto writer = spawn([&end = a, &block] {
          for (int i = 0; i < 5; ++i) end.write_all(block).value();
        });
        for (int i = 0; i < 10; ++i) {
          std::string got(300'000, '\0');
          b.read_exactly(got).value();
          EXPECT_TRUE(got == content || got == block);
        }
        sender.join();
        writer.join();
      },
      {.processors = GetParam()});
}

TEST(sending_a_file, what_is_not_there_is_not_sent) {
  run([] {
    const temporary_file file("abcdef");
    const connection c = local_connection();
    EXPECT_EQ(send_file(c.client, file, 0, 0).value(), 0u);
    EXPECT_EQ(send_file(c.client, file, 6, 10).value(), 0u);
    EXPECT_EQ(send_file(c.client, file.native(), 2, 3).value(), 3u);
    char got[3];
    c.server.read_exactly(got).value();
    EXPECT_EQ(std::string(got, 3), "cde");
    EXPECT_EQ(send_file(c.client, -1, 0, 1).error(), std::errc::bad_file_descriptor);
    EXPECT_EQ(send_file(c.client, c.server, 0, 1).error(), std::errc::invalid_seek);
    EXPECT_EQ(send_file(tcp_stream(), file, 0, 1).error(), errc::closed);
  });
}

TEST(sending_a_file, that_is_late_or_stopped_or_closed_says_how_much_went_through) {
  run([] {
    const std::string content = pattern(20'000'000);
    const temporary_file file(content);
    const connection c = local_connection();
    const auto late = send_file(c.client, file, 0, content.size(), 0ms);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error(), errc::deadline);
    const std::size_t first = late.error().transferred;
    EXPECT_GT(first, 0u);
    auto stopped = spawn([&]() -> std::size_t {
      try {
        static_cast<void>(send_file(c.client, file, first, content.size()));
      } catch (const io::cancelled_transfer& stop) { return stop.transferred(); } catch (const cancelled&) {
      }
      return 0;
    });
    wait_until([&] { return io::test::is_parked(*descriptor_of(c.client), direction::out); });
    stopped.request_stop();
    const std::size_t sent = first + stopped.join();
    auto closed = spawn([&] { return send_file(c.client, file, sent, content.size()); });
    wait_until([&] { return io::test::is_parked(*descriptor_of(c.client), direction::out); });
    c.client.close();
    const auto r = closed.join();
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error(), errc::closed);
    std::string got(sent + r.error().transferred, '\0');
    c.server.read_exactly(got).value();
    EXPECT_TRUE(got == content.substr(0, got.size()));
    char end[1];
    EXPECT_EQ(c.server.read_some(end).value(), 0u);
  });
}

TEST(sending_a_file, to_a_peer_that_is_gone_fails_without_a_signal) {
  struct sigaction act = {};
  act.sa_handler = [](int) { std::abort(); };
  struct sigaction before;
  ASSERT_EQ(::sigaction(SIGPIPE, &act, &before), 0);
  run([] {
    const temporary_file file(std::string(1 << 20, 'x'));
    auto [a, b] = unix_stream::pair().value();
    b.close();
    EXPECT_EQ(send_file(a, file, 0, 1 << 20).error(), std::errc::broken_pipe);
    const connection c = local_connection();
    c.server.close();
    io::result<std::size_t> r(0);
    for (int i = 0; i < 1'000 && r; ++i) r = send_file(c.client, file, 0, 1 << 20);
    ASSERT_FALSE(r);
    EXPECT_TRUE(r.error() == std::errc::broken_pipe || r.error() == std::errc::connection_reset);
    sigset_t mask;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    EXPECT_EQ(::sigismember(&mask, SIGPIPE), 0); // as it was
  });
  ::sigaction(SIGPIPE, &before, nullptr);
}

TEST(sending_a_file, false_readiness_loses_and_repeats_nothing) {
  static std::atomic<unsigned> n;
  const fault_hook hook(
      [](env::fault_site site) noexcept { return site == env::fault_site::io_would_block && ++n % 3 != 0; });
  run(
      [] {
        const std::string content = pattern(2'000'000);
        const temporary_file file(content);
        const connection c = local_connection();
        auto sender = spawn([&] { return send_file(c.client, file, 0, content.size()).value(); });
        std::string got(content.size(), '\0');
        c.server.read_exactly(got).value();
        EXPECT_EQ(sender.join(), content.size());
        EXPECT_TRUE(got == content);
      },
      {.processors = 2});
}

} // namespace
} // namespace thrum::net
