// Deadlines and stop requests, in handshakes, reads and writes: what they end, and that nothing is lost by them.
#include "tls/test_kit.h"

#include <algorithm>
#include <chrono>
#include <random>

#include <thrum/latch.h>
#include <thrum/runtime.h>

namespace thrum::tls {
namespace {

using namespace std::chrono_literals;
using namespace test;

TEST(tls_deadline, ends_a_handshake_and_with_it_the_stream) {
  thrum::run([] {
    const world w;
    auto [a, b] = memory_way(); // b says nothing
    const stream s = stream::client(std::move(a), w.client(), "localhost");
    EXPECT_EQ(s.handshake(5ms).error(), io::errc::deadline);
    const auto again = s.handshake();
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error(), errc::handshake_interrupted);
    EXPECT_EQ(again.error().message(),
              "tls handshake tls: the handshake did not come to its end, so this stream cannot be "
              "used; make another connection");
    char c;
    EXPECT_EQ(s.read_some({&c, 1}).error(), errc::handshake_interrupted);
    EXPECT_EQ(s.write_all("x").error(), errc::handshake_interrupted);
    EXPECT_EQ(s.shutdown_write().error(), errc::handshake_interrupted);
    const stream server = stream::server(std::move(b), w.server());
    EXPECT_EQ(server.handshake(5ms).error(),
              io::errc::deadline); // the client has sent, and is not there any more
  });
}

TEST(tls_deadline, covers_connecting_and_the_handshake) {
  thrum::run([] {
    const world w;
    const auto silent = net::tcp_listener::listen(net::endpoint::loopback_v4(0)).value();
    const auto port = silent.local_address().value().port();
    EXPECT_EQ(connect("127.0.0.1", port, w.client(), 20ms).error(), io::errc::deadline);
    EXPECT_EQ(connect("nobody here", port, w.client(), 20ms).error().operation, std::string("connect"));
  });
}

TEST(tls_deadline, of_a_read_ends_it_only_also_in_the_middle_of_a_record) {
  thrum::run([] {
    const world w;
    auto [a, b] = memory_way();
    auto [c, d] = memory_way();
    // b and c are one line, on which records are passed on by half.
    auto there = spawn([&] {
      char block[4096];
      while (auto n = b.read_some(block))
        if (*n == 0 || !c.write_some({block, *n})) break;
    });
    auto [client, server] = [&] {
      auto back = spawn([&] {
        char block[4096];
        while (auto n = c.read_some(block))
          if (*n == 0 || !b.write_some({block, *n})) break;
      });
      auto both = meet(std::move(a), std::move(d), w.client(), w.server());
      back.request_stop();
      try {
        back.join();
      } catch (const cancelled&) {}
      return both;
    }();
    server.write_all("hello").value(); // on the line: tickets perhaps, and the record
    std::string line;
    char block[4096];
    while (auto n = c.read_some(block, 5ms)) line.append(block, *n);
    char text[5];
    const std::size_t half = line.size() - 3; // within the last record
    b.write_some({line.data(), half}).value();
    EXPECT_EQ(client.read_exactly(text, 5ms).error(), io::errc::deadline);
    EXPECT_EQ(client.read_exactly(text, 5ms).error(), io::errc::deadline);
    b.write_some({line.data() + half, 3}).value();
    client.read_exactly(text).value();
    EXPECT_EQ(std::string(text, 5), "hello");
    b.close();
    c.close();
    there.join();
  });
}

TEST(tls_deadline, of_a_write_says_what_was_taken_and_the_rest_may_follow) {
  thrum::run([] {
    const world w;
    auto [client, server] = meet_in_memory(w, 20'000); // room for one record
    const std::string said = bytes(100'000, 5);
    const auto r = client.write_all(said, 5ms);
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error(), io::errc::deadline);
    const std::size_t taken = r.error().transferred;
    EXPECT_EQ(taken, 2u * 16384u); // one is there, one is on its way
    EXPECT_EQ(client.write_all(said, 5ms).error().transferred, 0u);
    EXPECT_EQ(client.write_some(said, 5ms).error(), io::errc::deadline);
    auto reader = spawn([&] { return all_of(server).value(); });
    client.write_all({said.data() + taken, said.size() - taken}).value();
    client.shutdown_write().value();
    EXPECT_TRUE(reader.join() == said);
  });
}

TEST(tls_deadline, a_record_that_was_taken_and_not_sent_goes_with_the_next_write) {
  thrum::run([] {
    const world w;
    auto [client, server] = meet_in_memory(w, 1000);
    const std::string said = bytes(5000, 6);
    EXPECT_EQ(client.write_some(said, 5ms).value(), said.size());
    const auto late = client.write_all("", 5ms);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error(), io::errc::deadline);
    auto reader = spawn([&] { return all_of(server).value(); });
    client.write_all("").value();
    client.shutdown_write().value();
    EXPECT_TRUE(reader.join() == said);
  });
}

TEST(tls_deadline, sticky_ones_are_those_of_the_connection) {
  thrum::run([] {
    const world w;
    auto way = tcp_pair();
    auto [client, server] = meet(std::move(way.first), std::move(way.second), w.client(), w.server());
    client.set_read_deadline(5ms);
    char c;
    EXPECT_EQ(client.read_some({&c, 1}).error(), io::errc::deadline);
    client.write_all("x").value();
    client.set_read_deadline({});
    server.write_all("y").value();
    EXPECT_EQ(client.read_some({&c, 1}).value(), 1u);
  });
}

TEST(tls_deadline, ends_the_wait_for_a_turn) {
  thrum::run([] {
    const world w;
    auto [client, server] = meet_in_memory(w);
    latch begun(1);
    auto first = spawn([&] {
      char c;
      begun.count_down();
      return client.read_some({&c, 1}).value();
    });
    begun.wait();
    this_fiber::yield();
    char c;
    EXPECT_EQ(client.read_some({&c, 1}, 5ms).error(), io::errc::deadline);
    server.write_all("x").value();
    EXPECT_EQ(first.join(), 1u);
  });
}

// Begins f, lets it come to its wait, and asks it to stop. What it threw.
template <class F> std::exception_ptr stopped(F f) {
  auto fiber = spawn([&]() -> std::exception_ptr {
    try {
      f();
    } catch (...) { return std::current_exception(); }
    return nullptr;
  });
  for (int i = 0; i < 20; ++i) this_fiber::yield();
  fiber.request_stop();
  return fiber.join();
}

TEST(tls_stop, ends_a_handshake_and_with_it_the_stream) {
  thrum::run([] {
    const world w;
    auto [a, b] = memory_way();
    const stream s = stream::client(std::move(a), w.client(), "localhost");
    EXPECT_THROW(std::rethrow_exception(stopped([&] { static_cast<void>(s.handshake()); })), cancelled);
    EXPECT_EQ(s.handshake().error(), errc::handshake_interrupted);
  });
}

TEST(tls_stop, ends_a_read_that_waits_and_no_more) {
  thrum::run([] {
    const world w;
    auto [client, server] = meet_in_memory(w);
    char text[4];
    EXPECT_THROW(std::rethrow_exception(stopped([&] { static_cast<void>(client.read_some(text)); })),
                 cancelled);
    server.write_all("ab").value();
    try {
      std::rethrow_exception(stopped([&] { static_cast<void>(client.read_exactly(text)); }));
    } catch (const io::cancelled_transfer& c) { EXPECT_EQ(c.transferred(), 2u); }
    EXPECT_EQ(std::string(text, 2), "ab");
    server.write_all("cd").value();
    client.read_exactly({text, 2}).value();
    EXPECT_EQ(std::string(text, 2), "cd");
  });
}

TEST(tls_stop, of_a_write_says_what_was_taken) {
  thrum::run([] {
    const world w;
    auto [client, server] = meet_in_memory(w, 20'000);
    const std::string said = bytes(100'000, 7);
    std::size_t taken = 0;
    try {
      std::rethrow_exception(stopped([&] { static_cast<void>(client.write_all(said)); }));
    } catch (const io::cancelled_transfer& c) { taken = c.transferred(); }
    EXPECT_EQ(taken, 2u * 16384u);
    auto reader = spawn([&] { return all_of(server).value(); });
    client.write_all({said.data() + taken, said.size() - taken}).value();
    client.shutdown_write().value();
    EXPECT_TRUE(reader.join() == said);
  });
}

// Both directions of a narrow way, all of whose operations are late most of the time.
TEST(tls_deadline, no_byte_is_lost_or_sent_twice_however_often_operations_are_late) {
  thrum::run(
      [] {
        const world w;
        auto [client, server] = meet_in_memory(w, 3000);
        const std::size_t size = 400'000 / static_cast<std::size_t>(io::test::slowness);
        const std::string there = bytes(size, 8), back = bytes(size, 9);
        const auto soon = [](std::minstd_rand& random) { return std::chrono::microseconds(random() % 200); };
        const auto send = [&](const stream& s, const std::string& text, unsigned seed) {
          std::minstd_rand random(seed);
          for (std::size_t at = 0; at < text.size();) {
            const std::size_t n = std::min<std::size_t>(random() % 30'000 + 1, text.size() - at);
            if (random() % 2 == 0) {
              const auto r = s.write_all({text.data() + at, n}, soon(random));
              at += r ? n : r.error().transferred;
            } else if (const auto r = s.write_some({text.data() + at, n}, soon(random))) {
              at += *r;
            }
          }
          while (!s.shutdown_write(soon(random))) {}
        };
        const auto receive = [&](const stream& s, unsigned seed) {
          std::minstd_rand random(seed);
          std::string text;
          char block[5000];
          for (;;) {
            const auto n = s.read_some({block, random() % sizeof block + 1}, soon(random));
            if (!n) continue;
            if (*n == 0) return text;
            text.append(block, *n);
          }
        };
        auto a = spawn([&] { send(client, there, 1); });
        auto b = spawn([&] { send(server, back, 2); });
        auto c = spawn([&] { return receive(client, 3); });
        EXPECT_TRUE(receive(server, 4) == there);
        EXPECT_TRUE(c.join() == back);
        a.join();
        b.join();
      },
      four_processors());
}

} // namespace
} // namespace thrum::tls
