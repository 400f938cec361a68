// What a program sees of TCP when all goes well, and how the ordinary failures look.
#include "io/descriptor_kit.h"
#include "net/tcp_kit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <numeric>
#include <sys/socket.h>
#include <thread>
#include <vector>

namespace thrum::net {
namespace {

using namespace std::chrono_literals;
using io::direction;
using io::errc;
using io::test::option;
using io::test::wait_until;
using test::connection;
using test::local_connection;

bool waits(const io::handle& h, direction way) { return io::test::is_parked(*descriptor_of(h), way); }

void set_buffer(const io::handle& h, int name, int bytes) {
  ASSERT_EQ(io::test::set_option(h, SOL_SOCKET, name, bytes), 0);
}

// ---- echo: processors x connections

struct echo_load {
  unsigned processors;
  unsigned connections;
};

class tcp_echo : public testing::TestWithParam<echo_load> {};

TEST_P(tcp_echo, every_byte_comes_back_to_its_sender) {
  const auto [processors, connections] = GetParam();
  const unsigned before = io::test::open_descriptors();
  run(
      [&] {
        const tcp_listener listener = test::local_listener();
        const endpoint at = listener.local_address().value();
        auto server = spawn([&] { test::serve_echo(listener); });
        const unsigned rounds = connections >= 1'000 ? 3 : connections >= 100 ? 20 : 500;
        std::vector<fiber<unsigned>> clients;
        for (unsigned c = 0; c < connections; ++c)
          clients.push_back(spawn([&, c] {
            const tcp_stream s = tcp_stream::connect(at).value();
            unsigned right = 0;
            for (unsigned i = 0; i < rounds; ++i) {
              const std::string sent = test::message(c, i, 1 + (c * 31 + i * 17) % 3'000);
              std::string got(sent.size(), '\0');
              s.write_all(sent).value();
              s.read_exactly(got).value();
              right += got == sent ? 1 : 0;
            }
            s.shutdown_write().value();
            char end[1];
            EXPECT_EQ(s.read_some(end).value(), 0u);
            return right;
          }));
        for (auto& c : clients) EXPECT_EQ(c.join(), rounds);
        listener.close();
        server.join();
      },
      {.processors = processors});
  EXPECT_EQ(io::test::open_descriptors(), before);
}

INSTANTIATE_TEST_SUITE_P(loads, tcp_echo,
                         testing::Values(echo_load{1, 1}, echo_load{1, 100}, echo_load{1, 1'000},
                                         echo_load{2, 1}, echo_load{2, 100}, echo_load{2, 1'000},
                                         echo_load{4, 1}, echo_load{4, 100}, echo_load{4, 1'000}),
                         [](const auto& load) {
                           return "p" + std::to_string(load.param.processors) + "_c" +
                                  std::to_string(load.param.connections);
                         });

// ---- the two directions

TEST(tcp, after_shutdown_write_the_peer_sees_the_end_and_can_still_answer) {
  run([] {
    const connection c = local_connection();
    c.client.write_all("question").value();
    c.client.shutdown_write().value();
    char buffer[64];
    ASSERT_EQ(c.server.read_some(buffer).value(), 8u);
    EXPECT_EQ(c.server.read_some(buffer).value(), 0u);
    EXPECT_EQ(c.server.read_some(buffer).value(), 0u); // the end stays the end
    c.server.write_all("answer").value();
    c.server.close();
    std::string got(6, '\0');
    c.client.read_exactly(got).value();
    EXPECT_EQ(got, "answer");
    EXPECT_EQ(c.client.read_some(buffer).value(), 0u);
  });
}

TEST(tcp, shutdown_read_ends_a_read_that_waits) {
  run([] {
    const connection c = local_connection();
    auto reader = spawn([&] {
      char b[1];
      return c.client.read_some(b).value();
    });
    wait_until([&] { return waits(c.client, direction::in); });
    c.client.shutdown_read().value();
    EXPECT_EQ(reader.join(), 0u);
  });
}

TEST(tcp, both_directions_work_at_the_same_time) {
  run([] {
    const connection c = local_connection();
    const std::string block(3 << 20, 'z');
    const auto pump = [&](const tcp_stream& from, const tcp_stream& to) {
      return std::pair(spawn([&] { from.write_all(block).value(); }), spawn([&] {
                         std::string got(block.size(), '\0');
                         to.read_exactly(got).value();
                         return got == block;
                       }));
    };
    auto [w1, r1] = pump(c.client, c.server);
    auto [w2, r2] = pump(c.server, c.client);
    EXPECT_TRUE(r1.join());
    EXPECT_TRUE(r2.join());
    w1.join();
    w2.join();
  });
}

TEST(tcp, an_early_end_is_an_error_of_read_exactly_that_says_how_much_came) {
  run([] {
    const connection c = local_connection();
    c.client.write_all("abc").value();
    c.client.close();
    char buffer[8];
    const auto r = c.server.read_exactly(buffer);
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error(), errc::end_of_stream);
    EXPECT_EQ(r.error().transferred, 3u);
    EXPECT_EQ(c.server.read_exactly(buffer).error().transferred, 0u);
  });
}

TEST(tcp, short_writes_into_a_tiny_buffer_lose_nothing) {
  run([] {
    const connection c = local_connection();
    set_buffer(c.client, SO_SNDBUF, 1);
    std::string sent(1'000'000, '\0');
    std::iota(sent.begin(), sent.end(), 0);
    auto writer = spawn([&] { c.client.write_all(sent).value(); });
    wait_until([&] { return waits(c.client, direction::out); });
    std::string got(sent.size(), '\0');
    c.server.read_exactly(got).value();
    writer.join();
    EXPECT_TRUE(got == sent);
  });
}

TEST(tcp, write_some_takes_what_fits_and_then_waits) {
  run([] {
    const connection c = local_connection();
    set_buffer(c.client, SO_SNDBUF, 1);
    const std::string much(10 << 20, 'x');
    std::size_t taken = 0;
    io::result<std::size_t> r = c.client.write_some(much);
    for (; r && taken < much.size(); r = c.client.write_some(much, 0ms)) {
      EXPECT_GT(*r, 0u);
      taken += *r;
    }
    EXPECT_EQ(r.error(), errc::deadline);
    std::string got(taken, '\0');
    c.server.read_exactly(got).value();
    EXPECT_EQ(got, much.substr(0, taken));
  });
}

TEST(tcp, empty_buffers_do_nothing) {
  run([] {
    const connection c = local_connection();
    EXPECT_EQ(c.client.read_some({nullptr, 0}).value(), 0u);
    EXPECT_EQ(c.client.write_some("").value(), 0u);
    EXPECT_TRUE(c.client.read_exactly({nullptr, 0}).has_value());
    EXPECT_TRUE(c.client.write_all("").has_value());
  });
}

TEST(tcp, urgent_data_does_not_hide_what_comes_after_it) {
  run([] {
    const connection c = local_connection();
    for (int round = 0; round < 50; ++round) {
      auto reader = spawn([&] {
        std::string got;
        char buffer[64];
        while (got.find('!') == std::string::npos) got.append(buffer, c.server.read_some(buffer).value());
        return got;
      });
      wait_until([&] { return waits(c.server, direction::in); });
      ASSERT_EQ(io::test::send(c.client, "ab", 0), 2);
      ASSERT_EQ(io::test::send(c.client, "U", MSG_OOB),
                1); // a read stops in front of it, short, with more behind
      ASSERT_EQ(io::test::send(c.client, "cd!", 0), 3);
      EXPECT_EQ(reader.join(), "abcd!");
    }
  });
}

// ---- failures

TEST(tcp, connecting_to_nobody_is_refused_and_names_the_address) {
  run([] {
    endpoint nobody;
    {
      const tcp_listener l = test::local_listener();
      nobody = l.local_address().value();
    }
    const auto r = tcp_stream::connect(nobody);
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error(), std::errc::connection_refused);
    EXPECT_EQ(r.error().message(), "connect " + nobody.to_string() + ": Connection refused");
    EXPECT_THROW(static_cast<void>(tcp_stream::connect(nobody).value()), std::system_error);
  });
}

TEST(tcp, a_reset_by_the_peer_is_an_error_of_reads_and_writes) {
  run([] {
    const connection c = local_connection();
    auto reader = spawn([&] {
      char b[1];
      return c.server.read_some(b);
    });
    wait_until([&] { return waits(c.server, direction::in); });
    c.client.reset_on_close(true).value();
    c.client.close();
    const auto r = reader.join();
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error(), std::errc::connection_reset);
    const auto w = c.server.write_all("x");
    ASSERT_FALSE(w);
    EXPECT_EQ(w.error(), std::errc::broken_pipe);
  });
}

TEST(tcp, a_peer_that_is_gone_fails_writes_without_a_signal) {
  struct sigaction act = {};
  act.sa_handler = [](int) { std::abort(); };
  struct sigaction before;
  ASSERT_EQ(::sigaction(SIGPIPE, &act, &before), 0);
  run([] {
    const connection c = local_connection();
    c.server.close();
    const std::string block(1 << 16, 'x');
    io::result<void> r;
    for (int i = 0; i < 1'000 && r; ++i) r = c.client.write_all(block);
    ASSERT_FALSE(r);
    EXPECT_TRUE(r.error() == std::errc::broken_pipe || r.error() == std::errc::connection_reset)
        << r.error().message();
  });
  ::sigaction(SIGPIPE, &before, nullptr);
}

TEST(tcp, an_address_in_use_and_an_address_that_is_none_are_refused) {
  run([] {
    const tcp_listener first = test::local_listener();
    const auto second = tcp_listener::listen(first.local_address().value());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error(), std::errc::address_in_use);
    const auto nonsense = tcp_listener::listen("not an address");
    ASSERT_FALSE(nonsense);
    EXPECT_EQ(nonsense.error(), std::errc::invalid_argument);
    EXPECT_EQ(nonsense.error().about.text(), "not an address");
    EXPECT_EQ(tcp_stream::connect("1.2.3.4").error(), std::errc::invalid_argument);
    const auto name = tcp_listener::listen("example.com:80");
    ASSERT_FALSE(name);
    EXPECT_EQ(name.error(), io::errc::not_an_endpoint);
    EXPECT_NE(name.error().message().find("listen example.com:80: not an address with a port"),
              std::string::npos)
        << name.error().message();
  });
}

TEST(tcp, an_empty_handle_fails_every_operation) {
  const tcp_stream none;
  const tcp_listener nobody;
  char b[1];
  EXPECT_FALSE(none);
  EXPECT_EQ(none.native(), -1);
  EXPECT_EQ(none.read_some(b).error(), errc::closed);
  EXPECT_EQ(none.read_exactly(b).error(), errc::closed);
  EXPECT_EQ(none.write_some(b).error(), errc::closed);
  EXPECT_EQ(none.write_all(b).error(), errc::closed);
  EXPECT_EQ(none.shutdown_write().error(), errc::closed);
  EXPECT_EQ(none.local_address().error(), errc::closed);
  EXPECT_EQ(nobody.accept().error(), errc::closed);
  none.close();
  none.set_deadline(0ms);
}

// ---- options and addresses

TEST(tcp, both_ends_know_their_addresses) {
  run([] {
    const tcp_listener l = test::local_listener();
    const connection c = test::connect_to(l);
    EXPECT_EQ(c.client.peer_address().value(), l.local_address().value());
    EXPECT_EQ(c.server.local_address().value(), l.local_address().value());
    EXPECT_EQ(c.server.peer_address().value(), c.client.local_address().value());
  });
}

TEST(tcp, no_delay_is_on_unless_switched_off_on_both_ends) {
  run([] {
    const connection c = local_connection();
    EXPECT_NE(option(c.client, IPPROTO_TCP, TCP_NODELAY), 0);
    EXPECT_NE(option(c.server, IPPROTO_TCP, TCP_NODELAY), 0);
    c.client.no_delay(false).value();
    EXPECT_EQ(option(c.client, IPPROTO_TCP, TCP_NODELAY), 0);
  });
}

TEST(tcp, keep_alive_is_set_as_asked) {
  run([] {
    const connection c = local_connection();
    EXPECT_EQ(option(c.client, SOL_SOCKET, SO_KEEPALIVE), 0);
    c.client.keep_alive({.idle = 30s, .interval = 5s, .probes = 3}).value();
    EXPECT_EQ(option(c.client, SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(c.client, IPPROTO_TCP, TCP_KEEPIDLE), 30);
    EXPECT_EQ(option(c.client, IPPROTO_TCP, TCP_KEEPINTVL), 5);
    EXPECT_EQ(option(c.client, IPPROTO_TCP, TCP_KEEPCNT), 3);
    c.client.keep_alive_off().value();
    EXPECT_EQ(option(c.client, SOL_SOCKET, SO_KEEPALIVE), 0);
  });
}

TEST(tcp, buffers_and_the_user_timeout_are_set_as_asked) {
  run([] {
    const connection c = local_connection();
    c.client.send_buffer(30'000).value();
    EXPECT_EQ(c.client.send_buffer().value(), 60'000u);
    EXPECT_EQ(option(c.client, SOL_SOCKET, SO_SNDBUF), 60'000);
    c.client.receive_buffer(20'000).value();
    EXPECT_EQ(c.client.receive_buffer().value(), 40'000u);
    c.client.user_timeout(1500ms).value();
    EXPECT_EQ(option(c.client, IPPROTO_TCP, TCP_USER_TIMEOUT), 1500);
    c.client.close();
    EXPECT_EQ(c.client.user_timeout(1s).error(), errc::closed);
    EXPECT_EQ(c.client.send_buffer().error(), errc::closed);
  });
}

TEST(tcp, shards_share_one_port_and_every_connection_reaches_one_of_them) {
  run([] {
    const auto shards = listen_shards("127.0.0.1:0", 4).value();
    ASSERT_EQ(shards.size(), 4u);
    const endpoint at = shards[0].local_address().value();
    for (const tcp_listener& l : shards) EXPECT_EQ(l.local_address().value(), at);
    constexpr unsigned clients = 100;
    std::vector<unsigned> accepted(shards.size());
    std::atomic<unsigned> all{0};
    std::vector<fiber<void>> acceptors;
    for (std::size_t i = 0; i < shards.size(); ++i)
      acceptors.push_back(spawn([&, i] {
        while (shards[i].accept()) {
          ++accepted[i];
          ++all;
        }
      }));
    std::vector<tcp_stream> connected;
    for (unsigned i = 0; i < clients; ++i) connected.push_back(tcp_stream::connect(at).value());
    wait_until([&] { return all == clients; });
    for (const tcp_listener& l : shards) l.close();
    for (auto& a : acceptors) a.join();
    for (const unsigned n : accepted) EXPECT_LT(n, clients); // spread, by the ports of who connects
    EXPECT_EQ(listen_shards("nonsense", 2).error(), errc::not_an_endpoint);
    EXPECT_EQ(listen_shards("127.0.0.1:0", 0).value().size(), 0u);
    const tcp_listener alone = test::local_listener();
    EXPECT_EQ(listen_shards(alone.local_address().value(), 2).error(), std::errc::address_in_use);
  });
}

TEST(tcp, two_listeners_share_a_port_if_both_say_so) {
  run([] {
    const auto first = tcp_listener::listen(endpoint::loopback_v4(0), {.reuse_port = true}).value();
    const auto second = tcp_listener::listen(first.local_address().value(), {.reuse_port = true});
    EXPECT_TRUE(second.has_value());
  });
}

TEST(tcp, descriptors_do_not_block_and_are_not_inherited_by_programs) {
  run([] {
    const connection c = local_connection();
    for (const tcp_stream* s : {&c.client, &c.server}) {
      EXPECT_NE(::fcntl(s->native(), F_GETFL) & O_NONBLOCK, 0);
      EXPECT_NE(::fcntl(s->native(), F_GETFD) & FD_CLOEXEC, 0);
    }
  });
}

TEST(tcp, ipv6_works_where_the_machine_has_it) {
  run([] {
    const auto l = tcp_listener::listen(endpoint::loopback_v6(0));
    if (!l && (l.error() == std::errc::address_not_available ||
               l.error() == std::errc::address_family_not_supported))
      GTEST_SKIP() << l.error().message();
    const connection c = test::connect_to(l.value());
    c.client.write_all("six").value();
    char b[3];
    c.server.read_exactly(b).value();
    EXPECT_TRUE(c.client.peer_address().value().is_v6());
  });
}

// ---- threads

TEST(tcp, plain_threads_use_the_default_runtime) {
  const tcp_listener l = test::local_listener();
  std::thread server([&] { test::echo(l.accept().value()); });
  {
    const tcp_stream s = tcp_stream::connect(l.local_address().value(), 10s).value();
    char b[5];
    for (int i = 0; i < 100; ++i) {
      s.write_all("hello").value();
      s.read_exactly(b).value();
    }
    EXPECT_EQ(s.read_some(b, 1ms).error(), errc::deadline);
  }
  server.join();
}

TEST(tcp, fibers_and_threads_share_a_listener) {
  const tcp_listener l = test::local_listener();
  constexpr int each = 20;
  std::atomic<int> served{0};
  const auto acceptor = [&] {
    while (auto s = l.accept()) {
      char b[1];
      if (s->read_exactly(b)) ++served;
    }
  };
  std::thread thread(acceptor);
  run([&] {
    auto a = spawn(acceptor);
    auto b = spawn(acceptor);
    std::vector<fiber<void>> clients;
    for (int i = 0; i < each; ++i)
      clients.push_back(spawn([&] {
        const tcp_stream s = tcp_stream::connect(l.local_address().value()).value();
        s.write_all("x").value();
        char end[1];
        EXPECT_EQ(s.read_some(end).value(), 0u);
      }));
    for (auto& c : clients) c.join();
    l.close();
    a.join();
    b.join();
  });
  thread.join();
  EXPECT_EQ(served, each);
}

} // namespace
} // namespace thrum::net
