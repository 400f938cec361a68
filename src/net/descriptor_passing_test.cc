// Passing descriptors: what is passed arrives once, and no descriptor is lost or leaked, whatever ends the pass.
#include "env/descriptors_kit.h"
#include "io/descriptor_kit.h"
#include "io/test_kit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <fcntl.h>
#include <sys/wait.h>
#include <vector>

#include <thrum/net/tcp.h>
#include <thrum/net/unix.h>
#include <thrum/spawn.h>

namespace thrum::net {
namespace {

using namespace std::chrono_literals;
using env::test::descriptor_limit;
using env::test::room_for;
using io::direction;
using io::errc;
using io::test::fault_hook;
using io::test::open_descriptors;
using io::test::repetitions;
using io::test::wait_until;

// An open file with a text in it.
int file_with(const std::string& text) {
  char name[] = "/tmp/thrum_pass_XXXXXX";
  const int fd = ::mkostemp(name, O_CLOEXEC);
  ::unlink(name);
  if (fd < 0 || ::pwrite(fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) std::abort();
  return fd;
}
std::string text_of(int fd) {
  char buffer[64];
  const ssize_t n = ::pread(fd, buffer, sizeof buffer, 0);
  return std::string(buffer, n < 0 ? 0 : static_cast<std::size_t>(n));
}

class passing : public testing::TestWithParam<unsigned> {
protected:
  void SetUp() override { before_ = open_descriptors(); }
  void TearDown() override { EXPECT_EQ(open_descriptors(), before_); }

private:
  unsigned before_ = 0;
};
INSTANTIATE_TEST_SUITE_P(processors, passing, testing::Values(1u, 2u, 4u));

TEST_P(passing, descriptors_arrive_in_order_between_other_bytes) {
  run(
      [] {
        auto [a, b] = unix_stream::pair().value();
        auto sender = spawn([&] {
          for (int i = 0; i < 100; ++i) {
            const int fd = file_with(std::to_string(i));
            a.write_all("next").value();
            a.send_descriptor(fd).value();
            ::close(fd);
          }
        });
        for (int i = 0; i < 100; ++i) {
          char word[4];
          b.read_exactly(word).value();
          const passed_descriptor got = b.receive_descriptor().value();
          EXPECT_EQ(text_of(got.native()), std::to_string(i));
          EXPECT_NE(::fcntl(got.native(), F_GETFD) & FD_CLOEXEC, 0);
        }
        sender.join();
      },
      {.processors = GetParam()});
}

TEST_F(passing, a_handle_is_passed_while_it_is_closed_here) {
  run([] {
    auto [a, b] = unix_stream::pair().value();
    const tcp_listener l = tcp_listener::listen(endpoint::loopback_v4(0)).value();
    const endpoint at = l.local_address().value();
    a.send_descriptor(l).value();
    l.close();
    EXPECT_EQ(a.send_descriptor(l).error(), errc::closed);
    const passed_descriptor got = b.receive_descriptor().value();
    EXPECT_TRUE(tcp_stream::connect(at, 10s).has_value()); // it listens still
  });
}

TEST_F(passing, comes_from_another_process) {
  run([] {
    auto [a, b] = unix_stream::pair().value();
    const int fd = file_with("from far");
    const pid_t child = ::fork();
    if (child == 0) {
      char byte = 0;
      iovec part{&byte, 1};
      alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
      msghdr m = {};
      m.msg_iov = &part;
      m.msg_iovlen = 1;
      m.msg_control = control;
      m.msg_controllen = sizeof control;
      cmsghdr* head = CMSG_FIRSTHDR(&m);
      head->cmsg_level = SOL_SOCKET;
      head->cmsg_type = SCM_RIGHTS;
      head->cmsg_len = CMSG_LEN(sizeof fd);
      std::memcpy(CMSG_DATA(head), &fd, sizeof fd);
      ::_exit(::sendmsg(a.native(), &m, 0) == 1 ? 0 : 1);
    }
    ::close(fd);
    const passed_descriptor got = b.receive_descriptor(30s).value();
    EXPECT_EQ(text_of(got.native()), "from far");
    int status = 1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  });
}

TEST_F(passing, a_byte_that_brings_nothing_and_the_end_are_errors_that_take_nothing) {
  run([] {
    auto [a, b] = unix_stream::pair().value();
    a.write_all("x").value();
    const auto r = b.receive_descriptor();
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error(), std::errc::bad_message);
    char c[1];
    b.read_exactly(c).value();
    EXPECT_EQ(c[0], 'x');
    EXPECT_EQ(a.send_descriptor(-1).error(), std::errc::bad_file_descriptor);
    a.close();
    EXPECT_EQ(b.receive_descriptor().error(), errc::end_of_stream);
  });
}

TEST_F(passing, what_nobody_takes_is_closed_with_the_stream) {
  run([] {
    const unsigned before = open_descriptors();
    {
      auto [a, b] = unix_stream::pair().value();
      const int fd = file_with("x");
      for (int i = 0; i < 5; ++i) a.send_descriptor(fd).value();
      ::close(fd);
      char read_over[1];
      b.read_exactly(read_over).value(); // drops one
    }
    EXPECT_EQ(open_descriptors(), before);
  });
}

TEST_F(passing, more_than_one_at_a_time_is_refused_and_none_leaks) {
  run([] {
    auto [a, b] = unix_stream::pair().value();
    const int three[] = {file_with("1"), file_with("2"), file_with("3")};
    char byte = 0;
    iovec part{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof three)] = {};
    msghdr m = {};
    m.msg_iov = &part;
    m.msg_iovlen = 1;
    m.msg_control = control;
    m.msg_controllen = sizeof control;
    cmsghdr* head = CMSG_FIRSTHDR(&m);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof three);
    std::memcpy(CMSG_DATA(head), three, sizeof three);
    ASSERT_EQ(::sendmsg(a.native(), &m, 0), 1);
    for (const int fd : three) ::close(fd);
    const unsigned before = open_descriptors();
    EXPECT_EQ(b.receive_descriptor().error(), std::errc::bad_message);
    EXPECT_EQ(open_descriptors(), before);
  });
}

TEST_F(passing, without_a_free_number_it_is_said_and_the_descriptor_waits) {
  run([] {
    auto [a, b] = unix_stream::pair().value();
    const int fd = file_with("patience");
    a.send_descriptor(fd).value();
    {
      const descriptor_limit none(room_for(0));
      for (int i = 0; i < 3; ++i) EXPECT_EQ(b.receive_descriptor(1s).error(), std::errc::too_many_files_open);
    }
    const passed_descriptor got = b.receive_descriptor(1s).value();
    EXPECT_EQ(text_of(got.native()), "patience");
    ::close(fd);
  });
}

// A stop request meets the pass in every possible order: it was received, or it is still there.
TEST_P(passing, a_stop_request_beside_it_loses_nothing) {
  run(
      [] {
        auto [a, b] = unix_stream::pair().value();
        const int fd = file_with("x");
        for (int i = 0; i < repetitions(300); ++i) {
          auto receiver = spawn([&] {
            try {
              return b.receive_descriptor().has_value();
            } catch (const cancelled&) { return false; }
          });
          if (i % 3 == 0) wait_until([&] { return io::test::is_parked(*descriptor_of(b), direction::in); });
          auto stopper = spawn([&] { receiver.request_stop(); });
          a.send_descriptor(fd).value();
          stopper.join();
          if (!receiver.join()) { ASSERT_TRUE(b.receive_descriptor(30s).has_value()); }
          ASSERT_EQ(b.receive_descriptor(0ms).error(), errc::deadline); // and it came once
        }
        ::close(fd);
      },
      {.processors = GetParam()});
}

TEST_P(passing, close_beside_it_leaks_nothing) {
  run(
      [] {
        const int fd = file_with("x");
        for (int i = 0; i < repetitions(200); ++i) {
          auto [a, b] = unix_stream::pair().value();
          auto receiver = spawn([&end = b] {
            for (;;)
              if (const auto got = end.receive_descriptor(); !got) return got.error() == errc::closed;
          });
          a.send_descriptor(fd).value();
          a.send_descriptor(fd).value();
          for (int n = i % 4; n > 0; --n) this_fiber::yield();
          b.close();
          ASSERT_TRUE(receiver.join());
        }
        ::close(fd);
      },
      {.processors = GetParam()});
}

TEST_F(passing, a_full_stream_makes_the_sender_wait_until_it_is_late_or_stopped) {
  run([] {
    auto [a, b] = unix_stream::pair().value();
    while (a.write_some(std::string(4096, 'x'), 0ms)) {}
    const int fd = file_with("x");
    const unsigned before = open_descriptors();
    EXPECT_EQ(a.send_descriptor(fd, 1ms).error(), errc::deadline);
    auto sender = spawn([&end = a, fd] {
      try {
        static_cast<void>(end.send_descriptor(fd));
        return false;
      } catch (const cancelled&) { return true; }
    });
    wait_until([&] { return io::test::is_parked(*descriptor_of(a), direction::out); });
    sender.request_stop();
    EXPECT_TRUE(sender.join());
    EXPECT_EQ(open_descriptors(), before);
    ::close(fd);
  });
}

TEST_F(passing, false_readiness_loses_and_repeats_nothing) {
  static std::atomic<unsigned> n;
  const fault_hook hook(
      [](env::fault_site site) noexcept { return site == env::fault_site::io_would_block && ++n % 3 != 0; });
  run(
      [] {
        auto [a, b] = unix_stream::pair().value();
        auto sender = spawn([&end = a] {
          for (int i = 0; i < 100; ++i) {
            const int fd = file_with(std::to_string(i));
            end.send_descriptor(fd).value();
            ::close(fd);
          }
        });
        for (int i = 0; i < 100; ++i)
          ASSERT_EQ(text_of(b.receive_descriptor().value().native()), std::to_string(i));
        sender.join();
      },
      {.processors = 2});
}

} // namespace
} // namespace thrum::net
