// Connections without descriptors: the operations of the world do on them what they do on descriptors, and no report is lost.
#include "env/descriptors_kit.h"
#include "env/env.h"
#include "env/process.h"

#include "base/sanitizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <map>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/uio.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace thrum::env {
namespace {

world& w() { return linux_world(); }

constexpr nanoseconds second = 1'000'000'000;

int lowest_free() {
  const int fd = ::dup(STDIN_FILENO);
  ::close(fd);
  return fd;
}

sockaddr_in loopback(in_port_t port) {
  sockaddr_in a = {};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  a.sin_port = port;
  return a;
}
::sockaddr* raw(sockaddr_in& a) { return reinterpret_cast<::sockaddr*>(&a); }

class a_ring : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_EQ(w().open_poller(&poller_), 0);
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    at_ = loopback(0);
    socklen_t size = sizeof at_;
    ASSERT_EQ(::bind(listener_, raw(at_), size), 0);
    ASSERT_EQ(::listen(listener_, 4096), 0);
    ASSERT_EQ(::getsockname(listener_, raw(at_), &size), 0);
    w().all_beyond = true;
    const int probe = w().socket(AF_INET, SOCK_STREAM, 0, poller_);
    if (probe < 0) GTEST_SKIP() << "io_uring is refused here: " << w().descriptors().beyond;
    w().close(probe);
  }
  void TearDown() override {
    w().all_beyond = false;
    w().fault = nullptr;
    if (poller_ != nullptr) w().close_poller(poller_);
    ::close(listener_);
  }

  int client() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(fd, raw(at_), sizeof at_), 0);
    return fd;
  }
  int accept() { return w().accept(listener_, nullptr, nullptr, poller_); }

  // What the poller reports within so long, by token; directions of several reports together.
  struct seen {
    bool readable = false;
    bool writable = false;
    bool hangup = false;
    unsigned reports = 0;
  };
  std::map<void*, seen> poll(nanoseconds longest, std::size_t until = 1, int capacity = 16) {
    std::map<void*, seen> all;
    const nanoseconds end = w().now() + longest;
    std::vector<readiness> events(static_cast<std::size_t>(capacity));
    while (all.size() < until && w().now() < end) {
      const int n = w().poll(poller_, events.data(), capacity, end);
      EXPECT_GE(n, 0);
      for (int i = 0; i < n; ++i) {
        seen& s = all[events[static_cast<std::size_t>(i)].token];
        s.readable |= events[static_cast<std::size_t>(i)].readable;
        s.writable |= events[static_cast<std::size_t>(i)].writable;
        s.hangup |= events[static_cast<std::size_t>(i)].hangup;
        ++s.reports;
      }
    }
    return all;
  }
  // Until a read says something else than "would block".
  std::int64_t read(int fd, void* data, std::size_t size) {
    for (;;) {
      const std::int64_t n = w().read(fd, data, size);
      if (n != -EAGAIN) return n;
      std::this_thread::yield();
    }
  }

  poller* poller_ = nullptr;
  int listener_ = -1;
  sockaddr_in at_ = {};
};

struct alignas(8) token {
  char c;
};

TEST_F(a_ring, takes_a_connection_that_has_no_descriptor) {
  const int c = client();
  const int free = lowest_free();
  sockaddr_in from = {};
  unsigned size = sizeof from;
  errno = EDOM;
  const int s = w().accept(listener_, raw(from), &size, poller_);
  ASSERT_TRUE(in_ring(s)) << s;
  EXPECT_EQ(lowest_free(), free);
  sockaddr_in mine = {};
  socklen_t length = sizeof mine;
  ::getsockname(c, raw(mine), &length);
  EXPECT_EQ(from.sin_port, mine.sin_port);
  EXPECT_EQ(w().accept(listener_, nullptr, nullptr, poller_), -EAGAIN); // nobody else waits
  char b[8];
  EXPECT_EQ(w().read(s, b, sizeof b), -EAGAIN);
  EXPECT_EQ(w().write(s, "hello", 5), 5);
  EXPECT_EQ(::read(c, b, sizeof b), 5);
  EXPECT_EQ(::write(c, "you", 3), 3);
  EXPECT_EQ(read(s, b, sizeof b), 3);
  EXPECT_EQ(std::string_view(b, 3), "you");
  EXPECT_EQ(w().close(s), 0);
  EXPECT_EQ(::read(c, b, sizeof b), 0);
  EXPECT_EQ(w().read(s, b, sizeof b), -EBADF);
  EXPECT_EQ(errno, EDOM);
  ::close(c);
}

TEST_F(a_ring, passes_bytes_in_parts_and_messages) {
  const int c = client();
  const int s = accept();
  char one[] = "ab";
  char two[] = "cde";
  const ::iovec out[] = {{one, 2}, {two, 3}};
  EXPECT_EQ(w().write_vector(s, out, 2), 5);
  char b[8] = {};
  EXPECT_EQ(::read(c, b, sizeof b), 5);
  EXPECT_EQ(std::string_view(b), "abcde");
  ASSERT_EQ(::write(c, "vwxyz", 5), 5);
  while (!w().look(s).readable) std::this_thread::yield();
  char three[2];
  char four[8];
  const ::iovec in[] = {{three, 2}, {four, 8}};
  EXPECT_EQ(w().read_vector(s, in, 2), 5);
  EXPECT_EQ(std::string(three, 2) + std::string(four, 3), "vwxyz");
  EXPECT_EQ(w().read_vector(s, in, 2), -EAGAIN);
  ::msghdr m = {};
  m.msg_iov = const_cast<::iovec*>(out);
  m.msg_iovlen = 2;
  EXPECT_EQ(w().send_message(s, &m, 0), 5);
  std::int64_t offset = 1;
  char name[] = "/tmp/thrum_ring_XXXXXX";
  const int file = ::mkstemp(name);
  ::unlink(name);
  ASSERT_EQ(::write(file, "0123456789", 10), 10);
  EXPECT_EQ(w().send_file(s, file, &offset, 100), 9);
  EXPECT_EQ(offset, 10);
  EXPECT_EQ(w().send_file(s, file, &offset, 100), 0);
  ::close(file);
  w().close(s);
  std::string all;
  for (ssize_t n; (n = ::read(c, b, sizeof b)) > 0;) all.append(b, static_cast<std::size_t>(n));
  EXPECT_EQ(all, "abcde123456789");
  ::close(c);
}

TEST_F(a_ring, says_what_the_system_says_of_ends_and_resets) {
  int c = client();
  int s = accept();
  char b[4];
  EXPECT_EQ(w().shutdown(s, SHUT_WR), 0);
  EXPECT_EQ(::read(c, b, 1), 0);
  EXPECT_EQ(w().write(s, "x", 1), -EPIPE); // and no signal
  ASSERT_EQ(::write(c, "y", 1), 1);
  ::shutdown(c, SHUT_WR);
  EXPECT_EQ(read(s, b, 1), 1);
  EXPECT_EQ(read(s, b, 1), 0);
  w().close(s);
  ::close(c);

  c = client();
  s = accept();
  const linger reset{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(c, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  ::close(c);
  EXPECT_EQ(read(s, b, 1), -ECONNRESET);
  w().close(s);

  c = client();
  s = accept();
  EXPECT_EQ(w().set_option(s, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
  w().close(s);
  EXPECT_EQ(::read(c, b, 1), -1);
  EXPECT_EQ(errno, ECONNRESET);
  ::close(c);
}

TEST_F(a_ring, knows_options_and_addresses) {
  const int c = client();
  const int s = accept();
  int value = 0;
  unsigned size = sizeof value;
  EXPECT_EQ(w().set_option(s, IPPROTO_TCP, TCP_NODELAY, &(value = 1), sizeof value), 0);
  EXPECT_EQ(w().get_option(s, IPPROTO_TCP, TCP_NODELAY, &(value = 0), &size),
            0); // by a descriptor for a moment
  EXPECT_NE(value, 0);
  EXPECT_EQ(w().get_option(s, SOL_SOCKET, SO_RCVBUF, &(value = 0), &size), 0);
  EXPECT_GT(value, 0);
  EXPECT_EQ(size, sizeof value);
  sockaddr_in mine = {};
  sockaddr_in theirs = {};
  unsigned length = sizeof mine;
  EXPECT_EQ(w().local_address(s, raw(mine), &length), 0);
  EXPECT_EQ(mine.sin_port, at_.sin_port);
  EXPECT_EQ(w().peer_address(s, raw(theirs), &length), 0);
  socklen_t l = sizeof mine;
  ::getsockname(c, raw(mine), &l);
  EXPECT_EQ(theirs.sin_port, mine.sin_port);
  {
    const test::descriptor_limit none(test::room_for(0));
    theirs = {};
    length = sizeof(sockaddr_storage);
    sockaddr_storage room;
    EXPECT_EQ(w().peer_address(s, reinterpret_cast<::sockaddr*>(&room), &length), 0); // also without
    EXPECT_EQ(length, sizeof(sockaddr_in));
    EXPECT_EQ(reinterpret_cast<sockaddr_in&>(room).sin_port, mine.sin_port);
    EXPECT_EQ(w().local_address(s, raw(mine), &length), -EMFILE);
    EXPECT_EQ(w().get_option(s, SOL_SOCKET, SO_ERROR, &value, &size), 0);
    EXPECT_EQ(value, 0);
  }
  w().close(s);
  ::close(c);
}

TEST_F(a_ring, connects) {
  token t;
  int s = w().socket(AF_INET, SOCK_STREAM, 0, poller_);
  ASSERT_TRUE(in_ring(s));
  const int begun = w().connect(s, raw(at_), sizeof at_);
  ASSERT_TRUE(begun == 0 || begun == -EINPROGRESS) << begun;
  ASSERT_EQ(w().watch(poller_, s, &t, 1), 0);
  EXPECT_TRUE(poll(10 * second)[&t].writable);
  int error = -1;
  unsigned size = sizeof error;
  EXPECT_EQ(w().get_option(s, SOL_SOCKET, SO_ERROR, &error, &size), 0);
  EXPECT_EQ(error, 0);
  sockaddr_in peer = {};
  unsigned length = sizeof peer;
  EXPECT_EQ(w().peer_address(s, raw(peer), &length), 0);
  const int other = ::accept(listener_, nullptr, nullptr);
  EXPECT_GE(other, 0);
  EXPECT_EQ(w().write(s, "x", 1), 1);
  char b[1];
  EXPECT_EQ(::read(other, b, 1), 1);
  w().unwatch(poller_, s);
  w().close(s);
  ::close(other);

  const int closed = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in nobody = loopback(0);
  socklen_t l = sizeof nobody;
  ::bind(closed, raw(nobody), l);
  ::getsockname(closed, raw(nobody), &l);
  s = w().socket(AF_INET, SOCK_STREAM, 0, poller_);
  int refused = w().connect(s, raw(nobody), sizeof nobody);
  if (refused == -EINPROGRESS) {
    while (!w().look(s).hangup) std::this_thread::yield();
    w().get_option(s, SOL_SOCKET, SO_ERROR, &error, &size);
    refused = -error;
  }
  EXPECT_EQ(refused, -ECONNREFUSED);
  w().close(s);
  ::close(closed);
}

TEST_F(a_ring, tells_of_a_connect_that_goes_on_only_when_it_has_ended) {
  // Whose queue is full drops what comes.
  const int deaf = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  sockaddr_in at = loopback(0);
  socklen_t l = sizeof at;
  ::bind(deaf, raw(at), l);
  ::listen(deaf, 0);
  ::getsockname(deaf, raw(at), &l);
  std::vector<int> waiting;
  for (int i = 0; i < 8; ++i) {
    const int s = w().socket(AF_INET, SOCK_STREAM, 0, poller_);
    const int n = w().connect(s, raw(at), sizeof at);
    EXPECT_TRUE(n == 0 || n == -EINPROGRESS) << n;
    waiting.push_back(s);
  }
  const test::descriptor_limit none(test::room_for(0)); // nothing is asked of a descriptor
  sockaddr_in peer = {};
  unsigned length = sizeof peer;
  EXPECT_EQ(w().peer_address(waiting.back(), raw(peer), &length), -ENOTCONN);
  EXPECT_FALSE(w().look(waiting.back()).writable);
  for (const int s : waiting) w().close(s);
  ::close(deaf);
}

// The kernel lets a thread of its own do a shutdown, so the answer comes while we look for it among reports that nobody has taken.
TEST_F(a_ring, finds_an_answer_that_comes_while_it_looks) {
  const int c = client();
  const int s = accept();
  std::vector<int> watched;
  token t;
  for (int i = 0; i < 500; ++i) {
    watched.push_back(w().socket(AF_INET, SOCK_STREAM, 0, poller_));
    ASSERT_EQ(w().watch(poller_, watched.back(), &t, 7), 0); // a report, and looking takes a little longer
    for (int k = 0; k < 40; ++k) {
      const int n = w().shutdown(s, SHUT_WR);
      ASSERT_TRUE(n == 0 || n == -ENOTCONN) << n;
    }
  }
  EXPECT_TRUE(poll(10 * second)[&t].writable);
  for (const int other : watched) w().close(other);
  ::close(c);
  w().close(s);
}

// A thread of the kernel's does a shutdown, and stays for a while. It is among ours, and will wake nobody.
TEST_F(a_ring, has_no_thread_that_counts) {
  const int c = client();
  const int s = accept();
  EXPECT_EQ(w().shutdown(s, SHUT_WR), 0);
  unsigned threads = 0;
  unsigned kernels = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    ++threads;
    kernels += name_of_thread(std::stoi(thread.path().filename())).starts_with("iou-wrk") ? 1 : 0;
  }
  if (kernels == 0) std::puts("this kernel does it at once");
  EXPECT_EQ(look_at_threads({}).live, threads - kernels - (THRUM_TSAN ? 1 : 0));
  ::close(c);
  w().close(s);
}

TEST_F(a_ring, reports_each_wake_up_to_its_poller) {
  const int c = client();
  const int s = accept();
  token t;
  ASSERT_EQ(w().watch(poller_, s, &t, 7), 0);
  EXPECT_EQ(w().watch(poller_, s, &t, 7), -EEXIST);
  auto first = poll(10 * second);
  EXPECT_TRUE(first[&t].writable); // already
  EXPECT_FALSE(first[&t].readable);
  EXPECT_TRUE(poll(0).empty());
  for (int i = 0; i < 3; ++i) { // nothing is read meanwhile
    ASSERT_EQ(::write(c, "x", 1), 1);
    EXPECT_TRUE(poll(10 * second)[&t].readable) << i;
  }
  ::shutdown(c, SHUT_WR);
  EXPECT_TRUE(poll(10 * second)[&t].readable);
  EXPECT_FALSE(w().has_events(poller_));
  w().unwatch(poller_, s);
  ::close(c);
  w().close(s);
  EXPECT_TRUE(poll(second / 50).empty());
}

TEST_F(a_ring, reports_what_came_during_other_calls) {
  const int c = client();
  const int s = accept();
  const int other = client();
  const int busy = accept();
  token t;
  ASSERT_EQ(w().watch(poller_, s, &t, 7), 0);
  poll(10 * second);
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(::write(c, "x", 1), 1);
    char b[1];
    for (int k = 0; k < 20; ++k)
      EXPECT_EQ(w().read(busy, b, 1), -EAGAIN); // these find the report before they find theirs
    EXPECT_TRUE(w().has_events(poller_) || poll(10 * second).contains(&t));
    if (w().has_events(poller_)) { EXPECT_TRUE(poll(10 * second)[&t].readable); }
    EXPECT_EQ(w().read(s, b, 1), 1);
  }
  w().unwatch(poller_, s);
  for (const int fd : {s, busy}) w().close(fd);
  for (const int fd : {c, other}) ::close(fd);
}

TEST_F(a_ring, loses_no_report_when_more_come_than_its_queue_holds) {
  constexpr unsigned n = 400;
  w().close_poller(poller_);                                // its ring was made for more
  const test::descriptor_limit few(test::room_for(n + 50)); // a queue of 256
  ASSERT_EQ(w().open_poller(&poller_), 0);
  std::vector<int> clients;
  std::vector<int> served;
  std::vector<token> tokens(n);
  for (unsigned i = 0; i < n; ++i) {
    clients.push_back(client());
    served.push_back(accept());
    ASSERT_TRUE(in_ring(served.back())) << served.back();
    ASSERT_EQ(w().watch(poller_, served.back(), &tokens[i], 1), 0);
  }
  EXPECT_EQ(poll(30 * second, n).size(), n);
  for (int round = 0; round < 5; ++round) {
    for (const int c : clients) ASSERT_EQ(::write(c, "x", 1), 1);
    char b[1];
    const int quiet = served[0];
    EXPECT_EQ(read(quiet, b, 1), 1);
    for (int k = 0; k < 10; ++k) EXPECT_EQ(w().read(quiet, b, 1), -EAGAIN);
    auto told = poll(30 * second, n, 7);
    EXPECT_EQ(told.size(), n);
    for (const int s : served)
      if (s != quiet) { EXPECT_EQ(w().read(s, b, 1), 1); }
  }
  for (const int s : served) w().close(s);
  for (const int c : clients) ::close(c);
}

TEST_F(a_ring, goes_on_watching_when_the_thread_that_asked_for_it_has_ended) {
  const int c = client();
  const int s = accept();
  token t;
  std::thread([&] { ASSERT_EQ(w().watch(poller_, s, &t, 1), 0); }).join();
  poll(10 * second);
  char b[1];
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(::write(c, "x", 1), 1);
    EXPECT_TRUE(poll(10 * second)[&t].readable) << i;
    EXPECT_EQ(read(s, b, 1), 1);
  }
  w().close(s);
  ::close(c);
}

TEST_F(a_ring, wakes_who_sleeps_in_poll) {
  const int c = client();
  const int s = accept();
  token t;
  ASSERT_EQ(w().watch(poller_, s, &t, 1), 0);
  poll(10 * second);
  std::thread writer([&] { EXPECT_EQ(::write(c, "x", 1), 1); });
  EXPECT_TRUE(poll(60 * second)[&t].readable);
  writer.join();
  w().close(s);
  ::close(c);
}

TEST_F(a_ring, reports_of_a_former_owner_of_a_slot_are_not_those_of_the_next) {
  token first;
  token second_one;
  for (int i = 0; i < 50; ++i) {
    const int c = client();
    const int s = accept();
    ASSERT_EQ(w().watch(poller_, s, &first, 1), 0);
    ASSERT_EQ(::write(c, "x", 1), 1);
    w().unwatch(poller_, s);
    w().close(s);
    const int d = client();
    const int next = accept();
    ASSERT_EQ(next, s); // the same slot
    ASSERT_EQ(w().watch(poller_, next, &second_one, 2), 0);
    auto told = poll(10 * second);
    EXPECT_FALSE(told.contains(&first));
    EXPECT_TRUE(told[&second_one].writable);
    EXPECT_FALSE(told[&second_one].readable);
    w().unwatch(poller_, next);
    w().close(next);
    ::close(c);
    ::close(d);
  }
}

TEST_F(a_ring, is_followed_by_another_when_it_is_full) {
  w().close_poller(poller_);
  ASSERT_EQ(w().open_poller(&poller_), 0);
  constexpr unsigned n = 150;
  std::vector<int> all;
  {
    const test::descriptor_limit few(100); // slots
    for (unsigned i = 0; i < n; ++i) {
      all.push_back(w().socket(AF_INET, SOCK_STREAM, 0, poller_));
      ASSERT_TRUE(in_ring(all.back())) << all.back();
    }
  }
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::unique(all.begin(), all.end()), all.end());
  for (const int s : all) EXPECT_EQ(w().close(s), 0);
}

TEST_F(a_ring, is_there_before_the_last_descriptor_is_gone) {
  w().all_beyond = false;
  const test::descriptor_limit few(test::room_for(60));
  std::vector<int> clients;
  std::vector<int> served;
  unsigned beyond = 0;
  for (int i = 0; i < 20; ++i) clients.push_back(client());
  for (int i = 0; i < 20; ++i) served.push_back(accept());
  std::vector<int> others;
  for (int fd; (fd = ::dup(STDIN_FILENO)) >= 0;) others.push_back(fd); // the rest
  ::close(others.back());
  others.pop_back();
  for (int i = 0; i < 30; ++i) {
    int s = w().socket(AF_INET, SOCK_STREAM, 0, poller_);
    ASSERT_GE(s, 0) << w().descriptors().beyond;
    if (in_ring(s)) ++beyond;
    served.push_back(s);
  }
  EXPECT_EQ(beyond, 29u);
  EXPECT_EQ(w().socket(AF_INET, SOCK_STREAM, 0, nullptr), -EMFILE); // who has no poller is not sent there
  for (const int fd : served) w().close(fd);
  for (const int fd : others) ::close(fd);
  for (const int fd : clients) ::close(fd);
}

TEST_F(a_ring, outlives_its_poller_for_as_long_as_there_are_numbers) {
  const int c = client();
  const int s = accept();
  token t;
  ASSERT_EQ(w().watch(poller_, s, &t, 1), 0);
  w().close_poller(poller_);
  poller_ = nullptr;
  int on = 1;
  EXPECT_EQ(w().set_option(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
  EXPECT_EQ(w().write(s, "x", 1), 1);
  EXPECT_EQ(w().close(s), 0);
  char b[2];
  EXPECT_EQ(::read(c, b, 2), 1);
  EXPECT_EQ(::read(c, b, 2), 0);
  ::close(c);
}

TEST_F(a_ring, that_is_refused_leaves_the_answer_as_it_was_and_says_why) {
  w().close_poller(poller_);
  w().fault = [](fault_site at) noexcept { return at == fault_site::ring_open; };
  ASSERT_EQ(w().open_poller(&poller_), 0);
  const int c = client();
  EXPECT_EQ(accept(), -EMFILE);
  EXPECT_EQ(w().descriptors().beyond, -EPERM);
  w().fault = nullptr;
  w().all_beyond = false;
  const int s = accept(); // it has waited
  EXPECT_GE(s, 0);
  ::close(s);
  ::close(c);
}

std::atomic<bool> calls_fail{false};

TEST_F(a_ring, calls_that_it_cannot_take_fail_and_change_nothing) {
  w().close_poller(poller_);
  w().fault = [](fault_site at) noexcept { return at == fault_site::ring_call && calls_fail; };
  ASSERT_EQ(w().open_poller(&poller_), 0);
  const int c = client();
  calls_fail = true;
  EXPECT_EQ(accept(), -ENOMEM);
  EXPECT_EQ(w().socket(AF_INET, SOCK_STREAM, 0, poller_), -ENOMEM);
  calls_fail = false;
  const int s = accept();
  ASSERT_TRUE(in_ring(s));
  token t;
  char b[4];
  calls_fail = true;
  EXPECT_EQ(w().watch(poller_, s, &t, 1), -ENOMEM);
  EXPECT_EQ(w().write(s, "x", 1), -ENOMEM);
  ASSERT_EQ(::write(c, "y", 1), 1);
  EXPECT_EQ(w().read(s, b, 1), -ENOMEM);
  EXPECT_EQ(w().shutdown(s, SHUT_WR), -ENOMEM);
  EXPECT_TRUE(w().look(s).readable); // when it does not know, it lets try
  calls_fail = false;
  EXPECT_EQ(read(s, b, 4), 1);
  EXPECT_EQ(w().write(s, "z", 1), 1);
  ASSERT_EQ(w().watch(poller_, s, &t, 1), 0);
  EXPECT_TRUE(poll(10 * second)[&t].writable);
  calls_fail = true;
  w().unwatch(poller_, s);
  EXPECT_EQ(w().close(s), 0); // this never fails
  calls_fail = false;
  EXPECT_EQ(::read(c, b, 4), 1);
  EXPECT_EQ(::read(c, b, 4), 0);
  ::close(c);
}

TEST_F(a_ring, serves_several_threads_at_a_time) {
  constexpr unsigned pairs = 8;
  constexpr unsigned rounds = THRUM_TSAN ? 200 : 2'000;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < pairs; ++i) {
    const int c = client();
    const int s = accept();
    threads.emplace_back([this, c, s, i] {
      token t;
      EXPECT_EQ(w().watch(poller_, s, &t, 1), 0);
      for (unsigned k = 0; k < rounds; ++k) {
        const std::uint32_t sent = i << 24 | k;
        std::uint32_t got = 0;
        EXPECT_EQ(::write(c, &sent, sizeof sent), 4);
        EXPECT_EQ(read(s, &got, sizeof got), 4);
        EXPECT_EQ(got, sent);
        EXPECT_EQ(w().write(s, &got, sizeof got), 4);
        EXPECT_EQ(::read(c, &got, sizeof got), 4);
        EXPECT_EQ(got, sent);
      }
      w().unwatch(poller_, s);
      w().close(s);
      ::close(c);
    });
  }
  std::atomic<bool> over{false};
  std::thread poller([&] {
    readiness events[4];
    while (!over) EXPECT_GE(w().poll(poller_, events, 4, forever), 0);
  });
  for (auto& t : threads) t.join();
  over = true;
  w().kick(poller_);
  poller.join();
}

} // namespace
} // namespace thrum::env
