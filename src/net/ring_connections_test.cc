// More connections than descriptors: a server and its clients in one process that may have a few, and nobody notices.
#include "base/sanitizer.h"
#include "env/descriptors_kit.h"
#include "io/test_kit.h"
#include "net/tcp_kit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <vector>

#include <thrum/mutex.h>
#include <thrum/net/serve.h>
#include <thrum/wait_group.h>

namespace thrum::net {
namespace {

using namespace std::chrono_literals;
using env::test::descriptor_limit;
using io::errc;
using io::test::wait_until;

bool rings_work() {
  env::world& w = env::linux_world();
  env::poller* p = nullptr;
  if (w.open_poller(&p) != 0) return false;
  w.all_beyond = true;
  const int s = w.socket(AF_INET, SOCK_STREAM, 0, p);
  w.all_beyond = false;
  if (s >= 0) w.close(s);
  w.close_poller(p);
  return s >= 0;
}

constexpr unsigned descriptors = 200;
constexpr unsigned many = 300; // connections, each of which has two ends here

class beyond : public testing::TestWithParam<unsigned> {
protected:
  void SetUp() override {
    if (THRUM_ASAN)
      GTEST_SKIP() << "the sanitizer reads doubtful memory through a pipe, which needs descriptors";
    if (!rings_work())
      GTEST_SKIP() << "io_uring is refused here: " << env::linux_world().descriptors().beyond;
  }
  // Calls f(clients, listener, server) with so many clients connected to a server that echoes.
  template <class F> void with_connections(unsigned n, F f) {
    const unsigned before = io::test::open_descriptors();
    {
      const descriptor_limit few(descriptors);
      run(
          [&] {
            server s;
            const tcp_listener l = test::local_listener();
            auto serving = spawn([&] { s.serve(l, &test::echo).value(); });
            std::vector<tcp_stream> clients;
            for (unsigned i = 0; i < n; ++i)
              clients.push_back(tcp_stream::connect(l.local_address().value()).value());
            wait_until([&] { return s.accepted() == n; });
            f(clients, l, s);
            clients.clear();
            EXPECT_TRUE(s.drain());
            serving.join();
            EXPECT_EQ(s.shed(), 0u);
          },
          {.processors = GetParam()});
    }
    EXPECT_EQ(io::test::open_descriptors(), before);
  }
};
INSTANTIATE_TEST_SUITE_P(processors, beyond, testing::Values(1u, 2u, 4u));

TEST_P(beyond, every_connection_is_answered_byte_for_byte) {
  with_connections(many, [](const std::vector<tcp_stream>& clients, const tcp_listener&, server&) {
    unsigned without = 0;
    for (const tcp_stream& c : clients) without += c.is_open() && c.native() < 0;
    EXPECT_GT(without, many - descriptors);
    for (unsigned round = 0; round < 3; ++round) {
      wait_group all;
      for (unsigned i = 0; i < clients.size(); ++i)
        all.go([&, i] {
          const std::string sent = test::message(i, round, 1 + i * 7 % 3'000);
          std::string got(sent.size(), '\0');
          clients[i].write_all(sent).value();
          clients[i].read_exactly(got).value();
          EXPECT_EQ(got, sent);
        });
      all.wait();
    }
  });
}

TEST_P(beyond, much_passes_in_both_directions_at_a_time) {
  with_connections(many / 2, [](const std::vector<tcp_stream>& clients, const tcp_listener&, server&) {
    const tcp_stream& c = clients.back();
    ASSERT_EQ(c.native(), -1);
    const std::string sent = test::message(1, 1, 8 << 20);
    auto writer = spawn([&] {
      c.write_all(sent).value();
      c.shutdown_write().value(); // the echo ends behind it
    });
    std::string got(sent.size(), '\0');
    c.read_exactly(got).value();
    char end[1];
    EXPECT_EQ(c.read_some(end).value(), 0u);
    writer.join();
    EXPECT_TRUE(got == sent);
  });
}

TEST_P(beyond, deadlines_stop_requests_and_close_end_who_waits) {
  with_connections(many / 2, [](const std::vector<tcp_stream>& clients, const tcp_listener&, server&) {
    const tcp_stream& c = clients.back();
    ASSERT_EQ(c.native(), -1);
    char b[4];
    EXPECT_EQ(c.read_some(b, 1ms).error(), errc::deadline);
    auto stopped = spawn([&] { static_cast<void>(c.read_some(b)); });
    this_fiber::yield();
    stopped.request_stop();
    EXPECT_THROW(stopped.join(), cancelled);
    c.write_all("word").value();
    c.read_exactly(b).value(); // nothing was lost
    EXPECT_EQ(std::string(b, 4), "word");
    std::vector<fiber<io::error>> readers;
    for (int i = 0; i < 3; ++i)
      readers.push_back(spawn([&] {
        char mine[1];
        return c.read_some(mine).error();
      }));
    this_fiber::yield();
    c.close();
    for (auto& r : readers) EXPECT_EQ(r.join(), errc::closed);
    EXPECT_FALSE(c.is_open());
    EXPECT_EQ(c.read_some(b).error(), errc::closed);
  });
}

TEST_P(beyond, a_reset_is_seen_by_the_server_and_its_place_is_used_again) {
  with_connections(many / 2, [](std::vector<tcp_stream>& clients, const tcp_listener& l, server& s) {
    for (int round = 0; round < 5; ++round) {
      for (unsigned i = 0; i < 100 / io::test::slowness; ++i) {
        clients.back().reset_on_close(true).value();
        clients.pop_back();
      }
      wait_until([&] { return s.connections() == clients.size(); });
      while (clients.size() < many / 2)
        clients.push_back(tcp_stream::connect(l.local_address().value()).value());
      wait_until([&] { return s.connections() == clients.size(); });
    }
    for (const tcp_stream& c : clients) {
      char b[2];
      c.write_all("ok").value();
      c.read_exactly(b).value();
    }
    s.drain(0ms); // while all are there: handlers are stopped
  });
}

TEST_P(beyond, handles_outlive_their_runtime) {
  std::vector<tcp_stream> kept;
  tcp_listener listener;
  {
    const descriptor_limit few(descriptors);
    run(
        [&] {
          listener = test::local_listener();
          for (unsigned i = 0; i < many / 2; ++i) {
            auto c = test::connect_to(listener);
            kept.push_back(std::move(c.client));
            kept.push_back(std::move(c.server));
          }
        },
        {.processors = GetParam()});
    char b[1];
    EXPECT_EQ(kept.back().read_some(b).error(), errc::runtime_ended);
    EXPECT_TRUE(kept.back().no_delay(false).has_value());
  }
  kept.clear();
}

} // namespace
} // namespace thrum::net
