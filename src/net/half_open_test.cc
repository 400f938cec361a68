// A peer that is gone without a word: a cable is pulled, a machine loses its power. Nothing is sent, so nothing is heard.
// Here the network itself is taken away, in a network namespace of this test's own.
#include "net/tcp_kit.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <net/if.h>
#include <sched.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace thrum::net {
namespace {

using namespace std::chrono_literals;
using io::errc;

// The loopback device of the caller's namespace.
bool set_network(bool up) {
  const int s = ::socket(AF_INET, SOCK_DGRAM, 0);
  ifreq loopback = {};
  std::strcpy(loopback.ifr_name, "lo");
  loopback.ifr_flags = up ? IFF_UP : 0;
  const bool done = ::ioctl(s, SIOCSIFFLAGS, &loopback) == 0;
  ::close(s);
  return done;
}

// Calls f(a connection) in a runtime whose network can be taken away. False: that is not allowed here.
template <class F> bool beyond_a_cable(F f) {
  bool allowed = false;
  std::thread([&] { // the namespace is that of the threads which this one starts
    allowed = ::unshare(CLONE_NEWNET) == 0 && set_network(true);
    if (allowed) run([&] { f(test::local_connection()); });
  })
      .join();
  return allowed;
}

constexpr const char* why = "a network of its own takes a privilege (CAP_SYS_ADMIN)";

bool is_given_up(const io::error& e) {
  return e == std::errc::timed_out || e == std::errc::host_unreachable || e == std::errc::network_unreachable;
}

TEST(a_peer_that_is_gone_without_a_word, is_waited_for_until_the_deadline) {
  const bool tried = beyond_a_cable([](const test::connection& c) {
    ASSERT_TRUE(set_network(false));
    char b[1];
    EXPECT_EQ(c.server.read_some(b, 50ms).error(), errc::deadline);
    const std::string much(8 << 20, 'x');
    const auto w = c.server.write_all(much, 50ms);
    ASSERT_FALSE(w);
    EXPECT_EQ(w.error(), errc::deadline);
    EXPECT_LT(w.error().transferred, much.size()); // so much the kernel has taken; nobody knows what came
    ASSERT_TRUE(
        set_network(true)); // the connection was only silent: it goes on, and all that was taken comes
    std::string got(w.error().transferred, '\0');
    c.client.read_exactly(got).value();
    EXPECT_TRUE(got == much.substr(0, got.size()));
  });
  if (!tried) GTEST_SKIP() << why;
}

TEST(a_peer_that_is_gone_without_a_word, is_found_out_by_keep_alive) {
  const bool tried = beyond_a_cable([](const test::connection& c) {
    c.server.keep_alive({.idle = 1s, .interval = 1s, .probes = 1}).value();
    ASSERT_TRUE(set_network(false));
    char b[1];
    const auto r = c.server.read_some(b);
    ASSERT_FALSE(r);
    EXPECT_TRUE(is_given_up(r.error())) << r.error().message();
  });
  if (!tried) GTEST_SKIP() << why;
}

TEST(a_peer_that_is_gone_without_a_word, is_given_up_when_nothing_is_acknowledged_for_too_long) {
  const bool tried = beyond_a_cable([](const test::connection& c) {
    c.server.user_timeout(500ms).value();
    ASSERT_TRUE(set_network(false));
    c.server.write_all("is anybody there?").value();
    char b[1];
    const auto r = c.server.read_some(b);
    ASSERT_FALSE(r);
    EXPECT_TRUE(is_given_up(r.error())) << r.error().message();
  });
  if (!tried) GTEST_SKIP() << why;
}

} // namespace
} // namespace thrum::net
