// What happens when the system says no: no descriptors, no room in the poller, readiness that was none.
#include "env/descriptors_kit.h"
#include "io/descriptor_kit.h"
#include "net/tcp_kit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <unistd.h>
#include <vector>

namespace thrum::net {
namespace {

using namespace std::chrono_literals;
using env::fault_site;
using env::test::descriptor_limit;
using env::test::room_for;
using io::direction;
using io::test::fault_hook;
using io::test::wait_until;
using test::connection;

std::atomic<unsigned> asked{0}; // how often a descriptor was read, written or accepted from
std::atomic<unsigned> refused{0};
std::atomic<unsigned> percentage{0}; // of them that would block, they say

bool would_block_often(fault_site site) noexcept {
  if (site != fault_site::io_would_block) return false;
  const unsigned n = asked.fetch_add(1, std::memory_order_relaxed);
  const bool refuse = (n * 2654435761u >> 8) % 100 < percentage.load(std::memory_order_relaxed);
  if (refuse) refused.fetch_add(1, std::memory_order_relaxed);
  return refuse;
}

class tcp_storm : public testing::TestWithParam<unsigned> {};

TEST_P(tcp_storm, false_readiness_loses_and_repeats_nothing) {
  const fault_hook hook(&would_block_often);
  for (const unsigned percent : {10u, 50u, 90u}) {
    percentage = percent;
    refused = 0;
    run(
        [] {
          const tcp_listener listener = test::local_listener();
          const endpoint at = listener.local_address().value();
          auto server = spawn([&] { test::serve_echo(listener); });
          std::vector<fiber<void>> clients;
          for (unsigned c = 0; c < 30; ++c)
            clients.push_back(spawn([&, c] {
              const tcp_stream s = tcp_stream::connect(at).value();
              for (unsigned i = 0; i < 20; ++i) {
                const std::string sent = test::message(c, i, 100 + 37 * i);
                std::string got(sent.size(), '\0');
                s.write_all(sent).value();
                s.read_exactly(got).value();
                ASSERT_EQ(got, sent);
              }
              s.shutdown_write().value();
              char end[1];
              EXPECT_EQ(s.read_some(end).value(), 0u); // the end is not lost either
            }));
          for (auto& c : clients) c.join();
          listener.close();
          server.join();
        },
        {.processors = GetParam()});
    EXPECT_GT(refused, 100u);
  }
  percentage = 0;
}

INSTANTIATE_TEST_SUITE_P(processors, tcp_storm, testing::Values(1u, 2u, 4u));

std::atomic<bool> poller_full{false};
bool refuse_to_watch(fault_site site) noexcept { return site == fault_site::poller_add && poller_full; }

TEST(tcp_fault, a_full_poller_refuses_new_connections_and_harms_no_old_one) {
  const fault_hook hook(&refuse_to_watch);
  run([] {
    const tcp_listener l = test::local_listener();
    const connection old = test::connect_to(l);
    const unsigned before = io::test::open_descriptors();
    poller_full = true;
    const auto c = tcp_stream::connect(l.local_address().value());
    ASSERT_FALSE(c);
    EXPECT_EQ(c.error(), std::errc::no_space_on_device);
    const auto s = l.accept(); // the connection was made before it was refused
    ASSERT_FALSE(s);
    EXPECT_EQ(s.error(), std::errc::no_space_on_device);
    EXPECT_FALSE(tcp_listener::listen(endpoint::loopback_v4(0)));
    poller_full = false;
    EXPECT_EQ(io::test::open_descriptors(), before);
    old.client.write_all("x").value();
    char b[1];
    EXPECT_EQ(old.server.read_some(b).value(), 1u);
    const connection fresh = test::connect_to(l);
    EXPECT_TRUE(fresh.server.is_open());
  });
}

bool count_and_refuse_rings(fault_site site) noexcept {
  return io::test::refuse_rings(site) || would_block_often(site);
}

TEST(tcp_fault, accept_without_descriptors_says_so_at_once_and_goes_on_later) {
  const fault_hook hook(&count_and_refuse_rings);
  percentage = 0;
  run([] {
    const tcp_listener l = test::local_listener();
    // The client's descriptor is made before the limit, the server's would be the next.
    auto client = spawn([&] { return tcp_stream::connect(l.local_address().value()).value(); });
    const tcp_stream connected = client.join();
    {
      const descriptor_limit none(room_for(0));
      for (int i = 0; i < 3; ++i) {
        const unsigned before = asked;
        const auto s = l.accept(10s);
        ASSERT_FALSE(s);
        EXPECT_EQ(s.error(), std::errc::too_many_files_open);
        EXPECT_EQ(asked - before, 1u); // asked once, not in a loop
      }
      EXPECT_EQ(tcp_stream::connect(l.local_address().value()).error(), std::errc::too_many_files_open);
    }
    const tcp_stream served = l.accept(10s).value(); // it has waited in the queue
    connected.write_all("x").value();
    char b[1];
    EXPECT_EQ(served.read_some(b).value(), 1u);
  });
}

} // namespace
} // namespace thrum::net
