// Deadlines of TCP operations: sticky ones, those of a single call, and both under somebody else's hands. Nothing here
// measures how late a deadline is; that it is never early can be asserted on any machine.
#include "io/descriptor_kit.h"
#include "net/tcp_kit.h"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

namespace thrum::net {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using io::direction;
using io::errc;
using io::test::wait_until;
using test::connection;
using test::deaf_listener;
using test::local_connection;

bool waits(const io::handle& h, direction way) { return io::test::is_parked(*descriptor_of(h), way); }

// Fills both kernel buffers, so that a write has to wait. The kernel goes on to move bytes from one to the other for a while.
void fill(const tcp_stream& s) {
  const std::string block(1 << 20, 'x');
  while (s.write_some(block, 50ms)) {}
}

TEST(tcp_deadline, in_the_past_refuses_even_what_would_not_wait) {
  run([] {
    const connection c = local_connection();
    char b[1];
    c.client.write_all("x").value();
    wait_until([&] { return io::test::look(c.server).readable; });
    c.server.set_read_deadline(clock::now() - 1s);
    EXPECT_EQ(c.server.read_some(b).error(), errc::deadline);
    c.server.set_read_deadline(0ms);
    EXPECT_EQ(c.server.read_some(b).error(), errc::deadline);
    EXPECT_TRUE(c.server.write_all("y").has_value()); // the other direction does not care
    c.server.set_read_deadline({});
    EXPECT_EQ(c.server.read_some(b).value(), 1u);
    c.server.set_deadline(clock::now());
    EXPECT_EQ(c.server.read_some(b).error(), errc::deadline);
    EXPECT_EQ(c.server.write_all("y").error(), errc::deadline);
  });
}

TEST(tcp_deadline, of_a_single_call_only_ends_waits) {
  run([] {
    const connection c = local_connection();
    char b[1];
    EXPECT_EQ(c.server.read_some(b, 0ms).error(), errc::deadline);
    c.client.write_all("x", clock::now() - 1h).value();
    wait_until([&] { return io::test::look(c.server).readable; });
    // The report of the poller may still be on its way; then the call may say "deadline", and the next one knows.
    io::result<std::size_t> r = c.server.read_some(b, clock::now() - 1h);
    while (!r) r = c.server.read_some(b, 0ms);
    EXPECT_EQ(*r, 1u);
  });
}

TEST(tcp_deadline, is_never_early) {
  run([] {
    const connection c = local_connection();
    char b[1];
    for (const auto wait : {0us, 50us, 1'000us, 5'000us}) {
      const auto end = clock::now() + wait;
      EXPECT_EQ(c.server.read_some(b, end).error(), errc::deadline);
      EXPECT_GE(clock::now(), end);
      const auto sticky = clock::now() + wait;
      c.server.set_read_deadline(sticky);
      EXPECT_EQ(c.server.read_some(b).error(), errc::deadline);
      EXPECT_GE(clock::now(), sticky);
      c.server.set_read_deadline({});
    }
  });
}

TEST(tcp_deadline, the_earlier_of_the_two_counts) {
  run([] {
    const connection c = local_connection();
    char b[1];
    c.server.set_read_deadline(1h);
    EXPECT_EQ(c.server.read_some(b, 1ms).error(), errc::deadline);
    c.server.set_read_deadline(1ms);
    EXPECT_EQ(c.server.read_some(b, 1h).error(), errc::deadline);
  });
}

TEST(tcp_deadline, set_by_another_fiber_ends_a_read_that_waits) {
  run([] {
    const connection c = local_connection();
    for (const bool had_one : {false, true}) {
      c.server.set_read_deadline(had_one ? io::deadline(1h) : io::deadline());
      auto reader = spawn([&] {
        char b[1];
        return c.server.read_some(b);
      });
      wait_until([&] { return waits(c.server, direction::in); });
      c.server.set_read_deadline(0ms);
      EXPECT_EQ(reader.join().error(), errc::deadline);
    }
  });
}

TEST(tcp_deadline, moved_later_by_another_fiber_lets_a_read_wait_longer) {
  run([] {
    const connection c = local_connection();
    const auto first = clock::now() + 20ms;
    const auto second = first + 20ms;
    c.server.set_read_deadline(first);
    auto reader = spawn([&] {
      char b[1];
      const auto r = c.server.read_some(b);
      return std::pair(r.error() == errc::deadline, clock::now());
    });
    c.server.set_read_deadline(second);
    const auto [late, when] = reader.join();
    EXPECT_TRUE(late);
    EXPECT_GE(when, second);
  });
}

TEST(tcp_deadline, lifted_by_another_fiber_lets_a_read_wait_for_its_data) {
  run([] {
    const connection c = local_connection();
    const auto soon = clock::now() + 5ms;
    c.server.set_read_deadline(soon);
    auto reader = spawn([&] {
      char b[1];
      return c.server.read_some(b).has_value();
    });
    c.server.set_read_deadline({});
    wait_until([&] { return clock::now() > soon + 5ms && waits(c.server, direction::in); });
    c.client.write_all("x").value();
    EXPECT_TRUE(reader.join());
  });
}

TEST(tcp_deadline, of_writes_says_how_much_went_through) {
  run([] {
    const connection c = local_connection();
    fill(c.client);
    const auto r = c.client.write_all("more", 1ms);
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error(), errc::deadline);
    EXPECT_EQ(r.error().transferred, 0u);
    auto writer = spawn([&] { return c.client.write_all("more").error(); });
    wait_until([&] { return waits(c.client, direction::out); });
    c.client.set_write_deadline(0ms);
    EXPECT_EQ(writer.join(), errc::deadline);
  });
}

TEST(tcp_deadline, accept_obeys_it) {
  run([] {
    const tcp_listener l = test::local_listener();
    EXPECT_EQ(l.accept(0ms).error(), errc::deadline);
    EXPECT_EQ(l.accept(1ms).error(), errc::deadline);
    auto acceptor = spawn([&] { return l.accept().error(); });
    wait_until([&] { return waits(l, direction::in); });
    l.set_read_deadline(0ms);
    EXPECT_EQ(acceptor.join(), errc::deadline);
    l.set_read_deadline({});
    const connection c = test::connect_to(l);
    EXPECT_TRUE(c.server.is_open());
  });
}

TEST(tcp_deadline, connect_obeys_it) {
  run([] {
    const unsigned before = io::test::open_descriptors();
    {
      const deaf_listener nobody;
      EXPECT_EQ(tcp_stream::connect(nobody.at, 1ms).error(), errc::deadline);
      EXPECT_EQ(tcp_stream::connect(nobody.at, 0ms).error(), errc::deadline);
    }
    EXPECT_EQ(io::test::open_descriptors(), before);
  });
}

TEST(tcp_cancel, connect_gives_up_and_closes) {
  run([] {
    const deaf_listener nobody;
    const unsigned before = io::test::open_descriptors();
    for (int i = 0; i < 50; ++i) {
      auto connecting = spawn([&] { return tcp_stream::connect(nobody.at).has_value(); });
      if (i % 2 == 0) wait_until([&] { return io::test::open_descriptors() == before + 1; });
      connecting.request_stop();
      EXPECT_THROW(connecting.join(), cancelled);
    }
    EXPECT_EQ(io::test::open_descriptors(), before);
  });
}

TEST(tcp_cancel, a_read_a_write_and_an_accept_that_wait_throw) {
  run([] {
    const tcp_listener l = test::local_listener();
    const connection c = test::connect_to(l);
    fill(c.client);
    auto reader = spawn([&] {
      char b[1];
      static_cast<void>(c.client.read_some(b));
    });
    auto writer = spawn([&] { static_cast<void>(c.client.write_all("x")); });
    auto acceptor = spawn([&] { static_cast<void>(l.accept()); });
    wait_until([&] {
      return waits(c.client, direction::in) && waits(c.client, direction::out) && waits(l, direction::in);
    });
    for (auto* f : {&reader, &writer, &acceptor}) {
      f->request_stop();
      EXPECT_THROW(f->join(), cancelled);
    }
    // Nothing is left behind: everything works as before.
    const connection other = test::connect_to(l);
    c.server.write_all("y").value();
    char b[1];
    EXPECT_EQ(c.client.read_some(b).value(), 1u);
  });
}

TEST(tcp_cancel, what_does_not_wait_does_not_throw) {
  run([] {
    const connection c = local_connection();
    c.client.write_all("abc").value();
    wait_until([&] { return io::test::look(c.server).readable; });
    auto reader = spawn([&] {
      wait_until([] { return this_fiber::stop_requested(); });
      char b[3];
      return c.server.read_exactly(b).has_value();
    });
    reader.request_stop();
    EXPECT_TRUE(reader.join());
  });
}

TEST(tcp_cancel, the_end_of_the_runtime_stops_connections_that_nobody_joins) {
  const unsigned before = io::test::open_descriptors();
  {
    runtime r({.processors = 2});
    r.run([] {
      static tcp_listener l;
      l = test::local_listener();
      for (int i = 0; i < 20; ++i) {
        connection c = test::connect_to(l);
        go([s = std::move(c.server)] { test::echo(s); });
        go([s = std::move(c.client)] {
          char b[1];
          static_cast<void>(s.read_some(b)); // for ever
        });
      }
      l = {};
    });
  }
  EXPECT_EQ(io::test::open_descriptors(), before);
}

} // namespace
} // namespace thrum::net
