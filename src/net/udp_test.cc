// UDP: datagrams come whole or not at all, errors are values, every wait ends when it is asked to.
#include "io/descriptor_kit.h"
#include "io/test_kit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fcntl.h>
#include <net/if.h>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <thrum/net/udp.h>
#include <thrum/spawn.h>

namespace thrum::net {
namespace {

using namespace std::chrono_literals;
using io::direction;
using io::errc;
using io::test::fault_hook;
using io::test::repetitions;
using io::test::wait_until;

udp_socket local_socket(const udp_options& options = {}) {
  return udp_socket::bind(endpoint::loopback_v4(0), options).value();
}
bool waits(const udp_socket& s, direction way) { return io::test::is_parked(*descriptor_of(s), way); }

class udp_on : public testing::TestWithParam<unsigned> {
protected:
  template <class F> void on_processors(F f) {
    const unsigned before = io::test::open_descriptors();
    run([&] { f(); }, {.processors = GetParam()});
    EXPECT_EQ(io::test::open_descriptors(), before);
  }
};
INSTANTIATE_TEST_SUITE_P(processors, udp_on, testing::Values(1u, 2u, 4u));

TEST_P(udp_on, every_datagram_is_answered_to_its_sender) {
  on_processors([] {
    const udp_socket server = local_socket();
    const endpoint at = server.local_address().value();
    auto echo = [&] {
      char buffer[2'000];
      while (auto got = server.receive_from(buffer)) server.send_to({buffer, got->size}, got->from).value();
    };
    auto first = spawn(echo);
    auto second = spawn(echo);
    std::vector<fiber<void>> clients;
    for (unsigned c = 0; c < 20; ++c)
      clients.push_back(spawn([&, c] {
        const udp_socket s = udp_socket::connect(at).value();
        for (unsigned i = 0; i < 50; ++i) {
          const std::string sent(1 + (c * 31 + i * 17) % 1'400, static_cast<char>('a' + (c + i) % 26));
          s.send(sent).value();
          std::string got(2'000, '\0');
          got.resize(s.receive(got, 30s).value());
          ASSERT_EQ(got, sent);
        }
      }));
    for (auto& c : clients) c.join();
    server.close();
    first.join();
    second.join();
  });
}

TEST(udp, a_datagram_that_does_not_fit_is_cut_off_and_says_so) {
  run([] {
    const udp_socket a = local_socket();
    const udp_socket b = local_socket();
    a.send_to("0123456789", b.local_address().value()).value();
    a.send_to("next", b.local_address().value()).value();
    char four[4];
    const datagram cut = b.receive_from(four).value();
    EXPECT_EQ(cut.size, 4u);
    EXPECT_TRUE(cut.truncated);
    EXPECT_EQ(cut.from, a.local_address().value());
    const datagram whole = b.receive_from(four).value();
    EXPECT_EQ(std::string(four, 4), "next");
    EXPECT_FALSE(whole.truncated);
  });
}

TEST(udp, an_empty_datagram_is_one) {
  run([] {
    const udp_socket a = local_socket();
    const udp_socket b = local_socket();
    a.send_to("", b.local_address().value()).value();
    a.send_to("x", b.local_address().value()).value();
    char buffer[8];
    EXPECT_EQ(b.receive_from(buffer).value().size, 0u);
    EXPECT_EQ(b.receive_from(buffer).value().size, 1u);
  });
}

TEST(udp, too_much_for_one_datagram_is_an_error_that_names_the_receiver) {
  run([] {
    const udp_socket a = local_socket();
    const udp_socket b = local_socket();
    const endpoint to = b.local_address().value();
    const auto r = a.send_to(std::string(70'000, 'x'), to);
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error(), std::errc::message_size);
    EXPECT_EQ(r.error().message(), "send " + to.to_string() + ": Message too long");
    EXPECT_THROW(a.send_to(std::string(70'000, 'x'), to).value(), io::failure);
    EXPECT_EQ(a.send("x").error(), std::errc::destination_address_required);
  });
}

TEST(udp, nobody_at_the_other_end_is_an_error_value_and_the_socket_goes_on) {
  run([] {
    udp_socket peer = local_socket();
    const endpoint at = peer.local_address().value();
    peer.close();
    const udp_socket s = udp_socket::connect(at).value();
    s.send("anybody?").value();
    char buffer[8];
    const auto r = s.receive(buffer, 30s);
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error(), std::errc::connection_refused);
    peer = udp_socket::bind(at).value();
    s.send("now?").value();
    EXPECT_EQ(peer.receive_from(buffer, 30s).value().size, 4u);
  });
}

TEST(udp, a_refusal_wakes_a_receive_that_waits) {
  run([] {
    const udp_socket peer = local_socket();
    const udp_socket s = udp_socket::connect(peer.local_address().value()).value();
    peer.close();
    auto reader = spawn([&] {
      char b[1];
      return s.receive(b);
    });
    wait_until([&] { return waits(s, direction::in); });
    static_cast<void>(s.send("x"));
    EXPECT_EQ(reader.join().error(), std::errc::connection_refused);
  });
}

TEST(udp, a_connected_socket_hears_its_peer_alone) {
  run([] {
    const udp_socket peer = local_socket();
    const udp_socket stranger = local_socket();
    const udp_socket s = local_socket();
    s.set_peer(peer.local_address().value()).value();
    EXPECT_EQ(s.peer_address().value(), peer.local_address().value());
    stranger.send_to("stranger", s.local_address().value()).value();
    peer.send_to("peer", s.local_address().value()).value();
    char buffer[16];
    EXPECT_EQ(std::string(buffer, s.receive(buffer).value()), "peer");
    EXPECT_EQ(s.receive(buffer, 0ms).error(), errc::deadline);
    EXPECT_EQ(peer.peer_address().error(), std::errc::not_connected);
  });
}

// ---- waits that end early

TEST(udp, a_receive_that_is_stopped_or_late_has_taken_nothing) {
  run([] {
    const udp_socket a = local_socket();
    const udp_socket b = local_socket();
    char buffer[8];
    EXPECT_EQ(b.receive_from(buffer, 1ms).error(), errc::deadline);
    auto reader = spawn([&] {
      char other[8];
      try {
        static_cast<void>(b.receive_from(other));
        return false;
      } catch (const cancelled&) { return true; }
    });
    wait_until([&] { return waits(b, direction::in); });
    reader.request_stop();
    EXPECT_TRUE(reader.join());
    a.send_to("one", b.local_address().value()).value();
    EXPECT_EQ(b.receive_from(buffer).value().size, 3u);
    b.set_read_deadline(0ms);
    EXPECT_EQ(b.receive_from(buffer).error(), errc::deadline);
  });
}

// A stop request meets the datagram in every possible order: it was received, or it is still there.
TEST_P(udp_on, a_stop_request_beside_a_datagram_loses_none) {
  on_processors([] {
    const udp_socket a = local_socket();
    const udp_socket b = local_socket();
    const endpoint to = b.local_address().value();
    for (int i = 0; i < repetitions(500); ++i) {
      auto reader = spawn([&] {
        char buffer[8];
        try {
          return b.receive_from(buffer).value().size == 3;
        } catch (const cancelled&) { return false; }
      });
      if (i % 3 == 0) wait_until([&] { return waits(b, direction::in); });
      auto stopper = spawn([&] { reader.request_stop(); });
      a.send_to("abc", to).value();
      stopper.join();
      char buffer[8];
      if (!reader.join()) { ASSERT_EQ(b.receive_from(buffer, 30s).value().size, 3u); }
      ASSERT_EQ(b.receive_from(buffer, 0ms).error(), errc::deadline); // and it came once
    }
  });
}

TEST_P(udp_on, close_ends_receives_in_any_state) {
  on_processors([] {
    std::mt19937 random(4711);
    for (int i = 0; i < repetitions(300); ++i) {
      const udp_socket s = local_socket();
      std::vector<fiber<bool>> readers;
      for (int r = 0; r < 2; ++r)
        readers.push_back(spawn([&] {
          char b[8];
          for (;;) {
            const auto got = s.receive_from(b);
            if (!got) return got.error() == errc::closed;
          }
        }));
      if (random() % 2) s.send_to("x", s.local_address().value()).value();
      for (auto n = random() % 4; n > 0; --n) this_fiber::yield();
      s.close();
      for (auto& r : readers) ASSERT_TRUE(r.join());
      EXPECT_EQ(s.send_to("x", endpoint::loopback_v4(9)).error(), errc::closed);
    }
  });
}

TEST(udp, false_readiness_loses_nothing) {
  static std::atomic<unsigned> n;
  const fault_hook hook(
      [](env::fault_site site) noexcept { return site == env::fault_site::io_would_block && ++n % 4 != 0; });
  run(
      [] {
        const udp_socket a = local_socket();
        const udp_socket b = udp_socket::connect(a.local_address().value()).value();
        const endpoint back = b.local_address().value();
        char buffer[64];
        for (int i = 0; i < 300; ++i) {
          const std::string sent = std::to_string(i);
          b.send(sent).value();
          ASSERT_EQ(std::string(buffer, a.receive_from(buffer).value().size), sent);
          a.send_to(sent, back).value();
          ASSERT_EQ(std::string(buffer, b.receive(buffer).value()), sent);
        }
      },
      {.processors = 2});
  EXPECT_GT(n, 1'000u);
}

// ---- options

int option(const io::handle& h, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  EXPECT_EQ(::getsockopt(h.native(), level, name, &value, &size), 0);
  return value;
}

TEST(udp, options_are_set_as_asked) {
  run([] {
    const udp_socket s = local_socket({.broadcast = true, .receive_buffer = 20'000, .send_buffer = 30'000});
    EXPECT_EQ(option(s, SOL_SOCKET, SO_BROADCAST), 1);
    EXPECT_EQ(s.receive_buffer().value(), 40'000u);
    EXPECT_EQ(s.send_buffer().value(), 60'000u);
    s.broadcast(false).value();
    EXPECT_EQ(option(s, SOL_SOCKET, SO_BROADCAST), 0);
    EXPECT_EQ(s.send_to("x", endpoint(endpoint::v4_bytes{255, 255, 255, 255}, 9)).error(),
              std::errc::permission_denied);
    s.receive_buffer(50'000).value();
    EXPECT_EQ(s.receive_buffer().value(), 100'000u);
    s.send_buffer(50'000).value();
    EXPECT_EQ(s.send_buffer().value(), 100'000u);
    EXPECT_NE(::fcntl(s.native(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(s.native(), F_GETFD) & FD_CLOEXEC, 0);
  });
}

TEST(udp, two_sockets_share_a_port_if_both_say_so) {
  run([] {
    const udp_socket first = local_socket({.reuse_port = true});
    const endpoint at = first.local_address().value();
    EXPECT_TRUE(udp_socket::bind(at, {.reuse_port = true}).has_value());
    const auto third = udp_socket::bind(at);
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error(), std::errc::address_in_use);
    EXPECT_EQ(third.error().message(), "bind " + at.to_string() + ": Address already in use");
    EXPECT_EQ(udp_socket::bind("localhost:1").error(), errc::not_an_endpoint);
    EXPECT_EQ(udp_socket::connect("nonsense").error(), errc::not_an_endpoint);
  });
}

// Both families, over the loopback interface. A machine may have no multicast there; then joining fails with a reason.
class udp_group : public testing::TestWithParam<bool> {};

TEST_P(udp_group, members_get_what_is_sent_to_the_group_until_they_leave) {
  run([] {
    const bool v6 = GetParam();
    const unsigned loopback = ::if_nametoindex("lo");
    const endpoint any = v6 ? endpoint::any_v6(0) : endpoint::any_v4(0);
    auto made = udp_socket::bind(any, {.reuse_address = true, .v6_only = v6});
    if (!made) GTEST_SKIP() << made.error().message();
    const udp_socket member = std::move(*made);
    const udp_socket sender = udp_socket::bind(any, {.v6_only = v6}).value();
    const std::uint16_t port = member.local_address().value().port();
    const endpoint group = v6 ? endpoint::parse_address("ff01::4711", port).value()
                              : endpoint::parse_address("239.255.47.11", port).value();
    EXPECT_EQ(member.join(v6 ? endpoint::loopback_v6(1) : endpoint::loopback_v4(1), loopback).error(),
              std::errc::invalid_argument); // no group
    if (const auto joined = member.join(group, loopback); !joined) GTEST_SKIP() << joined.error().message();
    sender.multicast_interface(loopback).value();
    sender.multicast_loop(true).value();
    sender.multicast_hops(0).value();
    if (const auto sent = sender.send_to("hello", group); !sent) GTEST_SKIP() << sent.error().message();
    char buffer[16];
    const datagram got = member.receive_from(buffer, 30s).value();
    EXPECT_EQ(std::string(buffer, got.size), "hello");
    EXPECT_EQ(got.from.port(), sender.local_address().value().port());
    member.leave(group, loopback).value();
    EXPECT_EQ(member.leave(group, loopback).error(), std::errc::address_not_available);
  });
}
INSTANTIATE_TEST_SUITE_P(families, udp_group, testing::Bool(),
                         [](const auto& p) { return std::string(p.param ? "v6" : "v4"); });

// ---- threads, and nothing at all

TEST(udp, plain_threads_use_the_default_runtime) {
  const udp_socket a = local_socket();
  std::thread echo([&] {
    char buffer[16];
    const datagram got = a.receive_from(buffer).value();
    a.send_to({buffer, got.size}, got.from).value();
  });
  const udp_socket b = udp_socket::connect(a.local_address().value()).value();
  b.send("thread").value();
  char buffer[16];
  EXPECT_EQ(b.receive(buffer, 30s).value(), 6u);
  EXPECT_EQ(b.receive(buffer, 1ms).error(), errc::deadline);
  echo.join();
}

TEST(udp, a_socket_whose_runtime_has_ended_says_so) {
  udp_socket orphan;
  run([&] { orphan = local_socket(); });
  char b[1];
  EXPECT_EQ(orphan.receive_from(b).error(), errc::runtime_ended);
  EXPECT_TRUE(orphan.local_address().has_value());
}

TEST(udp, an_empty_handle_fails_every_operation) {
  const udp_socket none;
  char b[1];
  EXPECT_EQ(none.receive_from(b).error(), errc::closed);
  EXPECT_EQ(none.send_to("x", endpoint::loopback_v4(1)).error(), errc::closed);
  EXPECT_EQ(none.receive(b).error(), errc::closed);
  EXPECT_EQ(none.send("x").error(), errc::closed);
  EXPECT_EQ(none.join(endpoint::loopback_v4(1)).error(), errc::closed);
  EXPECT_EQ(none.local_address().error(), errc::closed);
}

} // namespace
} // namespace thrum::net
