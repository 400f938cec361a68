// Streams and listeners in a select, beside channels and timeouts. On one processor with one thread, so that nothing is handed off, a
// fiber that yields while nothing else is ready knows that the others have run until they wait.
#include "net/tcp_kit.h"

#include <thrum/io/ready.h>
#include <thrum/thrum.h>

#include <gtest/gtest.h>

#include <atomic>

namespace thrum::net {
namespace {

using namespace std::chrono_literals;
using io::test::wait_until;
using test::connection;
using test::local_connection;

const options one{.processors = 1, .max_threads = 1};

TEST(tcp_ready, a_select_takes_what_is_there_and_else_the_rest) {
  run(
      [] {
        const connection c = local_connection();
        chan<int> channel(1);
        std::optional<int> got;
        const auto choose = [&] { return select(readable(c.server), recv(channel, got), otherwise()); };
        EXPECT_EQ(choose(), 2u);
        channel.send(7);
        EXPECT_EQ(choose(), 1u);
        EXPECT_EQ(got, 7);
        c.client.write_all("x").value();
        wait_until([&] { return choose() == 0; });
        char b[1];
        EXPECT_EQ(c.server.read_some(b).value(), 1u);
        EXPECT_EQ(choose(), 2u);
        EXPECT_EQ(select(readable(c.server), after(1ms)), 1u);
        EXPECT_EQ(select(writable(c.server), after(1h)), 0u);
      },
      one);
}

TEST(tcp_ready, a_waiting_select_is_woken_by_data_by_the_end_and_by_close) {
  run(
      [] {
        const connection c = local_connection();
        chan<int> never;
        const auto waiting = [&] {
          auto f = spawn([&] { return select(recv(never), readable(c.server)); });
          this_fiber::yield();
          EXPECT_FALSE(f.ended());
          return f;
        };
        char b[8];
        auto f = waiting();
        c.client.write_all("x").value();
        EXPECT_EQ(f.join(), 1u);
        EXPECT_EQ(c.server.read_some(b).value(), 1u);
        f = waiting();
        c.client.shutdown_write().value();
        EXPECT_EQ(f.join(), 1u);
        EXPECT_EQ(c.server.read_some(b).value(), 0u);
        const connection d = local_connection();
        f = spawn([&] { return select(recv(never), readable(d.server)); });
        this_fiber::yield();
        d.server.close();
        EXPECT_EQ(f.join(), 1u);
        EXPECT_EQ(d.server.read_some(b).error(), io::errc::closed);
        EXPECT_EQ(select(readable(d.server), writable(d.server), otherwise()) == 2, false); // closed is ready
      },
      one);
}

TEST(tcp_ready, a_read_that_filled_its_buffer_does_not_make_a_select_believe_there_is_more) {
  run(
      [] {
        const connection c = local_connection();
        chan<int> channel(1);
        for (int i = 0; i < 100; ++i) {
          c.client.write_all("abcd").value();
          ASSERT_EQ(select(readable(c.server), after(1h)), 0u);
          char four[4];
          ASSERT_EQ(c.server.read_some(four).value(),
                    4u); // exactly all: nobody knows yet that nothing is left
          ASSERT_EQ(select(readable(c.server), otherwise()), 1u);
        }
      },
      one);
}

TEST(tcp_ready, a_listener_is_readable_when_somebody_knocks) {
  run(
      [] {
        const tcp_listener l = test::local_listener();
        EXPECT_EQ(select(readable(l), otherwise()), 1u);
        auto client = spawn([&] { return tcp_stream::connect(l.local_address().value()).value(); });
        EXPECT_EQ(select(readable(l), after(1h)), 0u);
        EXPECT_TRUE(l.accept(0ms).has_value());
        client.join();
      },
      one);
}

TEST(tcp_ready, a_full_stream_is_writable_again_when_the_peer_has_read) {
  run(
      [] {
        const connection c = local_connection();
        const std::string block(1 << 20, 'x');
        std::size_t sent = 0;
        while (const auto n = c.client.write_some(block, 0ms)) sent += *n;
        EXPECT_EQ(select(writable(c.client), otherwise()), 1u);
        auto reader = spawn([&] {
          std::string got(sent, '\0');
          c.server.read_exactly(got).value();
        });
        EXPECT_EQ(select(writable(c.client), after(1h)), 0u);
        reader.join();
      },
      one);
}

TEST(tcp_ready, both_directions_of_one_stream_may_stand_in_one_select) {
  run(
      [] {
        const connection c = local_connection();
        EXPECT_EQ(select(readable(c.server), writable(c.server)), 1u);
        c.client.write_all("x").value();
        wait_until([&] { return select_ordered(readable(c.server), writable(c.server)) == 0; });
      },
      one);
}

TEST(tcp_ready, a_reader_and_selects_wait_for_the_same_stream) {
  run(
      [] {
        const connection c = local_connection();
        auto s1 = spawn([&] { return select(readable(c.server)); });
        auto s2 = spawn([&] { return select(readable(c.server), stopped()); });
        auto reader = spawn([&] {
          char b[1];
          return c.server.read_some(b).value();
        });
        this_fiber::yield();
        c.client.write_all("x").value();
        EXPECT_EQ(s1.join(), 0u);
        EXPECT_EQ(s2.join(), 0u);
        EXPECT_EQ(reader.join(), 1u);
      },
      one);
}

TEST(tcp_ready, a_stop_request_ends_the_select_and_leaves_nothing_behind) {
  run([] {
    const connection c = local_connection();
    for (int i = 0; i < 100; ++i) {
      auto f = spawn([&] { return select(readable(c.server)); });
      if (i % 2) this_fiber::yield();
      f.request_stop();
      EXPECT_THROW(f.join(), cancelled);
    }
    c.client.write_all("x").value();
    EXPECT_EQ(select(readable(c.server)), 0u);
  });
}

TEST(tcp_ready, an_empty_handle_is_never_ready) {
  run([] {
    const tcp_stream none;
    EXPECT_EQ(select(readable(none), writable(none), otherwise()), 2u);
  });
}

// A fiber that serves commands and a connection, with everybody in a hurry.
TEST(tcp_ready, streams_channels_and_timeouts_race_without_losing_anything) {
  for (const unsigned processors : {1u, 2u, 4u})
    run(
        [] {
          const connection c = local_connection();
          chan<int> commands(4);
          const int many = io::test::repetitions(2'000);
          auto writer = spawn([&] {
            for (int i = 0; i < many; ++i) {
              c.client.write_all("x").value();
              if (i % 3 == 0) this_fiber::yield();
            }
            c.client.shutdown_write().value();
          });
          auto commander = spawn([&] {
            for (int i = 0; i < many; ++i) commands.send(i);
            commands.close();
          });
          int bytes = 0;
          int next = 0;
          bool stream_open = true;
          bool commands_open = true;
          while (stream_open || commands_open) {
            std::optional<int> command;
            const chan<int> nil(nullptr);
            const tcp_stream none;
            const std::size_t which =
                select(readable(stream_open ? c.server : none), recv(commands_open ? commands : nil, command),
                       after(50us), after(1h));
            if (which == 0) {
              char b[3];
              const std::size_t n = c.server.read_some(b, 0ms).value(); // it was told: this does not wait
              bytes += static_cast<int>(n);
              stream_open = n != 0;
            } else if (which == 1) {
              if (!command) {
                commands_open = false;
              } else {
                ASSERT_EQ(*command, next++);
              }
            }
          }
          EXPECT_EQ(bytes, many);
          EXPECT_EQ(next, many);
          writer.join();
          commander.join();
        },
        {.processors = processors});
}

} // namespace
} // namespace thrum::net
