// Bytes through TLS: over several kinds of streams, in both directions at once, to the end and to no end.
#include "tls/test_kit.h"

#include <algorithm>
#include <atomic>

#include <thrum/io/buffered.h>
#include <thrum/io/copy.h>
#include <thrum/io/lines.h>
#include <thrum/latch.h>
#include <thrum/net/unix.h>
#include <thrum/runtime.h>
#include <thrum/wait_group.h>

namespace thrum::tls {
namespace {

using namespace test;

void echo(const stream& s) {
  char buffer[4096];
  while (auto n = s.read_some(buffer)) {
    if (*n == 0) break;
    if (!s.write_all({buffer, *n})) return;
  }
  if (s.shutdown_write()) s.close(); // which alone says the end only if there is room
}

// Sends what the other sends back, and compares.
void talk(const stream& client, const stream& server, std::size_t size) {
  auto other = spawn([&] { echo(server); });
  const std::string said = bytes(size, 1);
  auto writer = spawn([&] {
    client.write_all(said).value();
    client.shutdown_write().value();
  });
  EXPECT_EQ(all_of(client).value(), said);
  writer.join();
  other.join();
}

TEST(tls_stream, echoes_over_tcp) {
  thrum::run([] {
    const world w;
    auto way = tcp_pair();
    auto [client, server] = meet(std::move(way.first), std::move(way.second), w.client(), w.server());
    EXPECT_EQ(client.protocol(), "TLSv1.3");
    EXPECT_EQ(client.cipher(), server.cipher());
    EXPECT_EQ(server.server_name(), "localhost");
    ASSERT_NE(client.below<net::tcp_stream>(), nullptr);
    EXPECT_TRUE(client.below<net::tcp_stream>()->peer_address());
    EXPECT_EQ(client.below<net::unix_stream>(), nullptr);
    talk(client, server, 300'000);
  });
}

TEST(tls_stream, echoes_over_memory_and_unix_sockets_and_with_tls_1_2) {
  thrum::run([] {
    const world w;
    {
      auto [client, server] = meet_in_memory(w);
      talk(client, server, 300'000);
    }
    {
      auto [a, b] = net::unix_stream::pair().value();
      auto [client, server] = meet(std::move(a), std::move(b), w.client(), w.server());
      talk(client, server, 300'000);
    }
    auto [a, b] = memory_way();
    auto [client, server] =
        meet(std::move(a), std::move(b), w.client({.newest = version::tls_1_2}), w.server());
    EXPECT_EQ(client.protocol(), "TLSv1.2");
    talk(client, server, 300'000);
  });
}

TEST(tls_stream, passes_through_a_stream_that_gives_one_byte_at_a_time) {
  thrum::run([] {
    const world w;
    auto [a, b] = memory_way();
    auto [client, server] = meet(trickle(std::move(a)), trickle(std::move(b)), w.client(), w.server());
    talk(client, server, 5'000);
  });
}

TEST(tls_stream, passes_through_a_pipe_of_one_byte) {
  thrum::run([] {
    const world w;
    auto [client, server] = meet_in_memory(w, 1);
    talk(client, server, 2'000);
  });
}

TEST(tls_stream, reads_and_writes_megabytes_at_the_same_time_from_four_fibers) {
  thrum::run(
      [] {
        const world w;
        auto way = tcp_pair();
        auto [client, server] = meet(std::move(way.first), std::move(way.second), w.client(), w.server());
        const std::size_t size = (4u << 20) / static_cast<unsigned>(io::test::slowness);
        const std::string there = bytes(size, 2), back = bytes(size, 3);
        const auto send = [](const stream& s, const std::string& text) {
          for (std::size_t at = 0, n = 1; at < text.size(); at += n, n = n * 3 % 50'000 + 1)
            s.write_all({text.data() + at, std::min(n, text.size() - at)}).value();
          s.shutdown_write().value();
        };
        auto a = spawn([&] { send(client, there); });
        auto b = spawn([&] { send(server, back); });
        auto c = spawn([&] { return all_of(client).value() == back; });
        EXPECT_TRUE(all_of(server).value() == there);
        EXPECT_TRUE(c.join());
        a.join();
        b.join();
      },
      four_processors());
}

TEST(tls_stream, write_all_of_several_fibers_is_never_mixed) {
  thrum::run(
      [] {
        const world w;
        auto [client, server] = meet_in_memory(w);
        wait_group writers;
        for (char c = 'a'; c < 'e'; ++c)
          writers.go([&, c] {
            for (int i = 0; i < 20; ++i) client.write_all(std::string(40'000, c)).value();
          });
        for (int i = 0; i < 80; ++i) {
          std::string text(40'000, '\0');
          server.read_exactly(text).value();
          EXPECT_EQ(text, std::string(40'000, text[0]));
        }
        writers.wait();
      },
      four_processors());
}

TEST(tls_stream, lines_buffers_and_copy_work_on_top) {
  thrum::run([] {
    const world w;
    auto [client, server] = meet_in_memory(w);
    auto producer = spawn([&] {
      io::buffered_writer out(client);
      for (int i = 0; i < 1000; ++i) out.write_all(std::to_string(i) + '\n').value();
      out.flush().value();
      client.shutdown_write().value();
    });
    io::byte_pipe pipe;
    auto relay = spawn([&] {
      EXPECT_TRUE(io::copy(server, pipe.writer));
      pipe.writer.close();
    });
    io::buffered_reader in(pipe.reader);
    int next = 0;
    for (std::string_view line : io::lines(in)) EXPECT_EQ(line, std::to_string(next++));
    EXPECT_EQ(next, 1000);
    producer.join();
    relay.join();
  });
}

// ---- the end

TEST(tls_stream, a_half_close_ends_one_direction_only) {
  thrum::run([] {
    const world w;
    auto [client, server] = meet_in_memory(w);
    client.write_all("question").value();
    client.shutdown_write().value();
    EXPECT_EQ(client.write_all("more").error(), std::errc::broken_pipe);
    EXPECT_EQ(all_of(server).value(), "question");
    EXPECT_EQ(all_of(server).value(), ""); // as often as one asks
    server.write_all("answer").value();
    server.shutdown_write().value();
    server.shutdown_write().value();
    EXPECT_EQ(all_of(client).value(), "answer");
  });
}

TEST(tls_stream, an_end_without_its_words_is_truncated_and_another_error_than_a_clean_end) {
  thrum::run([] {
    const world w;
    auto way = tcp_pair();
    auto [client, server] = meet(std::move(way.first), std::move(way.second), w.client(), w.server());
    server.write_all("the beginning of").value();
    server.below<net::tcp_stream>()->shutdown_write().value(); // as somebody on the way could
    char text[16];
    client.read_exactly(text).value();
    const auto n = client.read_some(text);
    ASSERT_FALSE(n);
    EXPECT_EQ(n.error(), errc::truncated);
    EXPECT_EQ(client.read_some(text).error(), errc::truncated);
    EXPECT_EQ(n.error().message(),
              "read tls: the connection has ended without the end of TLS; what has come may not be "
              "all, by accident or by force");
    client.write_all("still heard").value(); // writing is another matter
    char heard[11];
    server.read_exactly(heard).value();
  });
}

TEST(tls_stream, close_says_the_end_and_a_stream_that_is_dropped_does_not) {
  thrum::run([] {
    const world w;
    {
      auto [client, server] = meet_in_memory(w);
      server.write_all("all").value();
      server.close();
      EXPECT_FALSE(server.is_open());
      EXPECT_EQ(server.write_all("x").error(), io::errc::closed);
      EXPECT_EQ(all_of(client).value(), "all");
    }
    auto way = tcp_pair();
    auto [client, server] = meet(std::move(way.first), std::move(way.second), w.client(), w.server());
    server.write_all("some").value();
    { const stream gone = std::move(server); }
    EXPECT_EQ(all_of(client).error(), errc::truncated);
  });
}

TEST(tls_stream, close_ends_operations_that_wait) {
  thrum::run([] {
    const world w;
    auto [client, server] = meet_in_memory(w, 1000);
    latch begun(2);
    auto reader = spawn([&] {
      char c;
      begun.count_down();
      return client.read_some({&c, 1}).error();
    });
    auto writer = spawn([&] {
      begun.count_down();
      return client.write_all(std::string(100'000, 'x')).error();
    });
    begun.wait();
    for (int i = 0; i < 10; ++i) this_fiber::yield();
    client.close();
    EXPECT_EQ(reader.join(), io::errc::closed);
    EXPECT_EQ(writer.join(), io::errc::closed);
  });
}

TEST(tls_stream, a_reset_in_the_middle_is_an_error_of_the_connection) {
  thrum::run([] {
    const world w;
    auto way = tcp_pair();
    auto [client, server] = meet(std::move(way.first), std::move(way.second), w.client(), w.server());
    server.write_all("x").value();
    char c;
    client.read_exactly({&c, 1}).value();
    server.below<net::tcp_stream>()->reset_on_close(true).value();
    { const stream gone = std::move(server); }
    const auto n = client.read_some({&c, 1});
    ASSERT_FALSE(n);
    EXPECT_EQ(n.error(), std::errc::connection_reset);
    io::result<void> written;
    for (int i = 0; written && i < 100; ++i)
      written = client.write_all(std::string(20'000, 'x')); // and no SIGPIPE
    EXPECT_FALSE(written);
  });
}

TEST(tls_stream, damaged_records_are_an_error_for_good) {
  thrum::run([] {
    const world w;
    auto [a, b] = memory_way();
    // Between the two: passes all on, and turns a bit of what comes after the handshake.
    auto [c, d] = memory_way();
    std::atomic<bool> damage{false};
    auto there = spawn([&] {
      char block[4096];
      while (auto n = b.read_some(block)) {
        if (*n == 0) break;
        if (damage) block[*n - 1] ^= 1;
        if (!c.write_some({block, *n})) break;
      }
    });
    auto back = spawn([&] { static_cast<void>(io::copy(c, b)); });
    {
      auto [client, server] = meet(std::move(a), std::move(d), w.client(), w.server());
      client.write_all("good").value();
      char text[4];
      server.read_exactly(text).value();
      damage = true;
      client.write_all("evil").value();
      const auto n = server.read_some(text);
      ASSERT_FALSE(n);
      EXPECT_EQ(n.error(), errc::protocol_error);
      EXPECT_EQ(server.read_some(text).error(), errc::protocol_error);
      EXPECT_EQ(server.write_all("x").error(), errc::protocol_error);
      EXPECT_EQ(client.read_some(text).error(), errc::refused); // by the alert
    }
    b.close();
    c.close();
    there.join();
    back.join();
  });
}

TEST(tls_stream, an_empty_one_and_one_without_a_handshake_say_so) {
  thrum::run([] {
    char c;
    EXPECT_EQ(stream().read_some({&c, 1}).error(), io::errc::closed);
    EXPECT_FALSE(stream().is_open());
    const world w;
    auto [a, b] = memory_way();
    const stream s = stream::server(std::move(a), w.server());
    EXPECT_EQ(s.read_some({&c, 1}).error(), errc::handshake_needed);
    EXPECT_EQ(s.write_all("x").error(), errc::handshake_needed);
    EXPECT_EQ(s.protocol(), "");
    const stream wrong = stream::server(std::move(b), w.client());
    EXPECT_EQ(wrong.handshake().error(), errc::wrong_role);
  });
}

TEST(tls_stream, serves_two_hundred_connections_at_once) {
  thrum::run(
      [] {
        const world w;
        const context server = w.server(), client = w.client();
        const auto listener = net::tcp_listener::listen(net::endpoint::loopback_v4(0)).value();
        const auto port = listener.local_address().value().port();
        auto acceptor = spawn([&] {
          while (auto c = listener.accept())
            go([server, c = std::move(*c)]() mutable {
              auto s = accept(std::move(c), server);
              if (s) echo(*s);
            });
        });
        const int connections = 200 / io::test::slowness;
        latch all(connections);
        wait_group done;
        for (int i = 0; i < connections; ++i)
          done.go([&, i] {
            const stream s = connect("127.0.0.1", port, client).value();
            all.arrive_and_wait(); // all are open at the same time
            const std::string said = bytes(20'000, static_cast<unsigned>(i));
            s.write_all(said).value();
            s.shutdown_write().value();
            EXPECT_EQ(all_of(s).value(), said);
          });
        done.wait();
        listener.close();
        acceptor.join();
      },
      four_processors());
}

TEST(tls_stream, leaves_the_queue_of_errors_of_the_thread_empty) {
  thrum::run([] {
    const world w;
    auto [a, b] = memory_way();
    auto [mine, theirs] = try_to_meet(std::move(a), std::move(b), w.client(), w.server(), "elsewhere");
    EXPECT_FALSE(mine);
    EXPECT_EQ(ERR_peek_error(), 0u);
    EXPECT_FALSE(identity::from_pem("no", "no"));
    EXPECT_EQ(ERR_peek_error(), 0u);
    auto [client, server] = meet_in_memory(w);
    ERR_raise(ERR_LIB_USER, 1); // of somebody else, who forgot it
    client.write_all("x").value();
    char c;
    server.read_exactly({&c, 1}).value();
    EXPECT_EQ(ERR_peek_error(), 0u);
  });
}

} // namespace
} // namespace thrum::tls
