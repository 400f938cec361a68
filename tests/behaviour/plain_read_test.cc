// A library's plain read(2), with and without the hook of docs/plain-read.md.
#include "programs/plain_reader.h"
#include "support/waits.h"

#include <thrum/thrum.h>

#include <gtest/gtest.h>

#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

struct two_ends {
  int in = -1, out = -1;
  two_ends() {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    in = fds[0];
    out = fds[1];
  }
  two_ends(const two_ends&) = delete;
  two_ends& operator=(const two_ends&) = delete;
  ~two_ends() {
    ::close(in);
    ::close(out);
  }
  void put(unsigned char c) const { EXPECT_EQ(::write(out, &c, 1), 1); }
};

} // namespace

// More fibers than threads are in the library at a time: all have got their first byte, and none its second. With a thread for each
// read, two would have come so far, and this would never end.
TEST(plain_read, a_hook_lets_a_crowd_wait_in_a_library_without_threads) {
  constexpr int crowd = 100;
  std::vector<two_ends> all(crowd);
  thrum::run(
      [&] {
        std::vector<thrum::fiber<long>> readers;
        for (const two_ends& e : all) readers.push_back(thrum::spawn([&] { return sum_of_bytes(e.in, 2); }));
        for (const two_ends& e : all) e.put(1);
        for (const two_ends& e : all) // taken
          test::until([&] {
            char c;
            return ::recv(e.in, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
          });
        for (const two_ends& e : all) e.put(41);
        for (auto& r : readers) EXPECT_EQ(r.join(), 42);
      },
      {.processors = 2, .max_threads = 2});
}

TEST(plain_read, a_stop_request_and_a_time_limit_end_it_as_errors) {
  const two_ends e;
  thrum::run([&] {
    auto stopped = thrum::spawn([&] { return sum_of_bytes(e.in, 1); });
    for (int i = 0; i < 3; ++i) thrum::this_fiber::yield();
    stopped.request_stop();
    EXPECT_EQ(stopped.join(), -ECANCELED);
    const timeval soon{.tv_sec = 0, .tv_usec = 1'000};
    ::setsockopt(e.in, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
    EXPECT_EQ(sum_of_bytes(e.in, 1), -EAGAIN);
  });
}

TEST(plain_read, what_does_not_block_and_what_is_no_fiber_read_as_ever) {
  const two_ends e;
  std::thread([&] {
    e.put(7);
    EXPECT_EQ(sum_of_bytes(e.in, 1), 7);
  }).join();
  thrum::run([&] {
    ::fcntl(e.in, F_SETFL, O_NONBLOCK);
    EXPECT_EQ(sum_of_bytes(e.in, 1), -EAGAIN);
    EXPECT_EQ(sum_of_bytes(1'000'000, 1), -EBADF);
  });
}
