// close() against everything else, many times over: every operation ends, nobody reads from another's connection, and no
// descriptor is lost.
#include "io/descriptor_kit.h"
#include "net/tcp_kit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fcntl.h>
#include <random>
#include <thread>
#include <vector>

namespace thrum::net {
namespace {

using namespace std::chrono_literals;
using io::direction;
using io::errc;
using io::test::repetitions;
using io::test::wait_until;
using test::connection;

class tcp_close : public testing::TestWithParam<unsigned> {
protected:
  // Runs f(random) on the parameter's processors and looks for lost descriptors.
  template <class F> void on_processors(F f) {
    const unsigned before = io::test::open_descriptors();
    run(
        [&] {
          std::mt19937 random(4711);
          f(random);
        },
        {.processors = GetParam()});
    EXPECT_EQ(io::test::open_descriptors(), before);
  }
};

// Lets some time pass that is sometimes none.
void dawdle(std::mt19937& random) {
  for (auto n = random() % 4; n > 0; --n) this_fiber::yield();
}

TEST_P(tcp_close, ends_reads_in_any_state) {
  on_processors([](std::mt19937& random) {
    const tcp_listener l = test::local_listener();
    for (int i = 0; i < repetitions(1'000); ++i) {
      const connection c = test::connect_to(l);
      std::vector<fiber<bool>> readers;
      for (auto n = 1 + random() % 3; n > 0; --n)
        readers.push_back(spawn([&] {
          char b[8];
          for (;;) {
            const auto r = c.server.read_some(b);
            if (!r) return r.error() == errc::closed;
          }
        }));
      if (random() % 2) c.client.write_all("data").value();
      dawdle(random);
      c.server.close();
      for (auto& r : readers) ASSERT_TRUE(r.join());
    }
  });
}

TEST_P(tcp_close, ends_writes_in_any_state) {
  on_processors([](std::mt19937& random) {
    const tcp_listener l = test::local_listener();
    const std::string block(1 << 20, 'x');
    for (int i = 0; i < repetitions(1'000); ++i) {
      const connection c = test::connect_to(l);
      auto writer = spawn([&] {
        for (;;) {
          const auto r = c.server.write_all(block);
          if (!r) return r.error() == errc::closed;
        }
      });
      auto reader = spawn([&] {
        char b[4096];
        for (int n = 0; n < 64; ++n)
          if (!c.client.read_some(b)) return;
      });
      dawdle(random);
      c.server.close();
      ASSERT_TRUE(writer.join());
      c.client.close();
      reader.join();
    }
  });
}

TEST_P(tcp_close, ends_accepts_in_any_state_and_frees_the_port) {
  on_processors([](std::mt19937& random) {
    endpoint at = endpoint::loopback_v4(0);
    for (int i = 0; i < repetitions(1'000); ++i) {
      const tcp_listener l = tcp_listener::listen(at).value();
      at = l.local_address().value(); // the same port every time
      std::vector<fiber<bool>> acceptors;
      for (auto n = 1 + random() % 3; n > 0; --n)
        acceptors.push_back(spawn([&] {
          for (;;) {
            const auto s = l.accept();
            if (!s) return s.error() == errc::closed;
          }
        }));
      if (random() % 2) static_cast<void>(tcp_stream::connect(at));
      dawdle(random);
      l.close();
      for (auto& a : acceptors) ASSERT_TRUE(a.join());
    }
  });
}

TEST_P(tcp_close, from_several_sides_at_once_closes_once) {
  on_processors([](std::mt19937& random) {
    const tcp_listener l = test::local_listener();
    for (int i = 0; i < repetitions(300); ++i) {
      const connection c = test::connect_to(l);
      std::vector<fiber<void>> all;
      for (int k = 0; k < 4; ++k) all.push_back(spawn([&] { c.server.close(); }));
      all.push_back(spawn([&] {
        char b[1];
        EXPECT_EQ(c.server.read_some(b).error(), errc::closed);
      }));
      dawdle(random);
      for (auto& f : all) f.join();
      EXPECT_FALSE(c.server.is_open());
    }
  });
}

// Readers that find their connection closed under their hands must not read from the one that gets its number next.
TEST_P(tcp_close, never_lets_a_reader_see_another_connections_data) {
  on_processors([](std::mt19937& random) {
    const tcp_listener l = test::local_listener();
    for (int i = 0; i < repetitions(300); ++i) {
      connection first = test::connect_to(l);
      auto reader = spawn([&] {
        char b[64];
        std::size_t foreign = 0;
        while (const auto n = first.server.read_some(b)) {
          for (std::size_t k = 0; k < *n; ++k) foreign += b[k] != '1';
          if (*n == 0) break;
        }
        return foreign;
      });
      first.client.write_all("1111").value();
      dawdle(random);
      const int number = first.server.native();
      first.server.close();
      const connection second = test::connect_to(l); // very likely takes the number
      if (second.server.native() == number) { second.client.write_all("2222").value(); }
      ASSERT_EQ(reader.join(), 0u);
    }
  });
}

INSTANTIATE_TEST_SUITE_P(processors, tcp_close, testing::Values(1u, 2u, 4u));

TEST(tcp_number, is_not_given_to_another_file_while_an_operation_may_use_it) {
  // Plain threads, so that the operations are really inside the kernel when the close comes.
  const tcp_listener l = test::local_listener();
  const std::string block(256 << 10, 'x');
  for (int i = 0; i < repetitions(100); ++i) {
    tcp_stream server;
    tcp_stream client;
    std::thread accepting([&] { server = l.accept().value(); });
    client = tcp_stream::connect(l.local_address().value()).value();
    accepting.join();
    std::atomic<bool> writing{false};
    std::thread writer([&] {
      writing = true;
      while (server.write_some(block, 10s)) {}
    });
    std::thread reader([&] {
      char b[65536];
      while (client.read_some(b, 10s).value_or(0) != 0) {}
    });
    while (!writing) std::this_thread::yield();
    server.close();
    // Whatever gets the number now is ours; a stray write would show as an error or as data in it.
    int pipe_ends[2];
    ASSERT_EQ(::pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK), 0);
    writer.join();
    client.close();
    reader.join();
    char stray[1];
    EXPECT_LT(::read(pipe_ends[0], stray, 1), 0);
    ::close(pipe_ends[0]);
    ::close(pipe_ends[1]);
  }
}

TEST(tcp_number, moving_a_handle_moves_the_connection_and_closing_the_old_one_does_nothing) {
  run([] {
    connection c = test::local_connection();
    tcp_stream moved = std::move(c.server);
    c.server.close();
    EXPECT_TRUE(moved.is_open());
    c.client.write_all("x").value();
    char b[1];
    EXPECT_EQ(moved.read_some(b).value(), 1u);
    moved = tcp_stream();
    EXPECT_EQ(c.client.read_some(b).value(), 0u);
  });
}

} // namespace
} // namespace thrum::net
