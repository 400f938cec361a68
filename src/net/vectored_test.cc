// Reading into and writing from several buffers: order, short transfers, more buffers than one call takes, stops.
#include "io/descriptor_kit.h"
#include "net/tcp_kit.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <csignal>
#include <numeric>
#include <vector>

namespace thrum::net {
namespace {

using namespace std::chrono_literals;
using io::const_buffer;
using io::direction;
using io::errc;
using io::mutable_buffer;
using io::test::fault_hook;
using io::test::wait_until;
using test::connection;
using test::local_connection;

std::atomic<unsigned> calls{0}; // reads and writes of descriptors
bool count_calls(env::fault_site site) noexcept {
  if (site == env::fault_site::io_would_block) ++calls;
  return false;
}

TEST(vectored, pieces_arrive_in_their_order_and_take_one_call) {
  const fault_hook hook(&count_calls);
  run([] {
    const connection c = local_connection();
    std::vector<std::string> words;
    std::string whole;
    for (int i = 0; i < 1'000; ++i) {
      words.push_back(i % 7 == 0 ? std::string() : std::to_string(i) + ' ');
      whole += words.back();
    }
    const std::vector<const_buffer> parts(words.begin(), words.end());
    const unsigned before = calls;
    c.client.write_all(parts).value();
    EXPECT_EQ(calls - before, 1u);
    std::string got(whole.size(), '\0');
    c.server.read_exactly(got).value();
    EXPECT_EQ(got, whole);
  });
}

TEST(vectored, more_pieces_than_the_kernel_takes_at_once_all_arrive) {
  run([] {
    const connection c = local_connection();
    std::string whole(5'000, '\0');
    std::iota(whole.begin(), whole.end(), 0);
    std::vector<const_buffer> parts;
    for (const char& byte : whole) parts.push_back({&byte, 1});
    auto writer = spawn([&] { c.client.write_all(parts).value(); });
    std::string got(whole.size(), '\0');
    c.server.read_exactly(got).value();
    writer.join();
    EXPECT_EQ(got, whole);
  });
}

TEST(vectored, a_read_fills_one_buffer_after_the_other) {
  run([] {
    const connection c = local_connection();
    c.client.write_all("abcdefgh").value();
    char first[3];
    char second[1];
    char third[16];
    const std::array<mutable_buffer, 4> parts{mutable_buffer(first), {nullptr, 0}, second, third};
    EXPECT_EQ(c.server.read_some(parts).value(), 8u);
    EXPECT_EQ(std::string(first, 3) + std::string(second, 1) + std::string(third, 4), "abcdefgh");
  });
}

TEST(vectored, short_writes_go_on_in_the_middle_of_a_piece) {
  run([] {
    const connection c = local_connection();
    c.client.send_buffer(1).value();
    std::vector<std::string> blocks;
    std::string whole;
    for (unsigned i = 0; i < 40; ++i) {
      blocks.push_back(test::message(i, 1, 10'000 + 777 * i));
      whole += blocks.back();
    }
    const std::vector<const_buffer> parts(blocks.begin(), blocks.end());
    auto writer = spawn([&] { c.client.write_all(parts).value(); });
    wait_until([&] { return io::test::is_parked(*descriptor_of(c.client), direction::out); });
    std::string got(whole.size(), '\0');
    c.server.read_exactly(got).value();
    writer.join();
    EXPECT_TRUE(got == whole);
  });
}

TEST(vectored, false_readiness_loses_and_repeats_nothing) {
  static std::atomic<unsigned> n;
  const fault_hook hook(
      [](env::fault_site site) noexcept { return site == env::fault_site::io_would_block && ++n % 3 != 0; });
  run(
      [] {
        const connection c = local_connection();
        const std::string a = test::message(1, 1, 70'000);
        const std::string b = test::message(2, 2, 90'000);
        const const_buffer both[] = {a, b};
        auto writer = spawn([&] {
          for (int i = 0; i < 20; ++i) c.client.write_all(both).value();
        });
        for (int i = 0; i < 20; ++i) {
          std::string got(a.size() + b.size(), '\0');
          c.server.read_exactly(got).value();
          ASSERT_TRUE(got == a + b);
        }
        writer.join();
      },
      {.processors = 2});
}

TEST(vectored, nothing_to_do_is_done_at_once) {
  run([] {
    const connection c = local_connection();
    const std::vector<const_buffer> empty{{nullptr, 0}, ""};
    EXPECT_TRUE(c.client.write_all(empty).has_value());
    EXPECT_TRUE(c.client.write_all(std::span<const const_buffer>()).has_value());
    EXPECT_EQ(c.client.write_some(empty).value(), 0u);
    EXPECT_EQ(c.server.read_some(std::span<const mutable_buffer>()).value(), 0u);
  });
}

TEST(vectored, who_is_stopped_or_late_says_how_much_went_through) {
  run([] {
    const connection c = local_connection();
    const std::string block(8 << 20, 'x');
    const const_buffer both[] = {block, block};
    const auto late = c.client.write_all(both, 0ms);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error(), errc::deadline);
    EXPECT_GT(late.error().transferred, 0u);
    std::size_t expected = late.error().transferred;
    auto stopped = spawn([&]() -> std::size_t {
      try {
        static_cast<void>(c.client.write_all(both));
      } catch (const io::cancelled_transfer& stop) { return stop.transferred(); } catch (const cancelled&) {
      }
      return 0;
    });
    wait_until([&] { return io::test::is_parked(*descriptor_of(c.client), direction::out); });
    stopped.request_stop();
    expected += stopped.join();
    auto waits = spawn([&] {
      char b[1];
      const mutable_buffer one[] = {b};
      try {
        static_cast<void>(c.client.read_some(one));
        return false;
      } catch (const cancelled&) { return true; }
    });
    wait_until([&] { return io::test::is_parked(*descriptor_of(c.client), direction::in); });
    waits.request_stop();
    EXPECT_TRUE(waits.join());
    c.client.close();
    EXPECT_EQ(c.client.write_all(both).error(), errc::closed);
    std::size_t got = 0;
    std::vector<char> buffer(1 << 20);
    while (const std::size_t n = c.server.read_some(buffer).value()) got += n;
    EXPECT_EQ(got, expected);
  });
}

TEST(vectored, a_peer_that_is_gone_fails_writes_without_a_signal) {
  const auto before = std::signal(SIGPIPE, [](int) { std::abort(); });
  run([] {
    const connection c = local_connection();
    c.server.close();
    const std::string block(1 << 16, 'x');
    const const_buffer both[] = {block, block};
    io::result<void> r;
    for (int i = 0; i < 1'000 && r; ++i) r = c.client.write_all(both);
    ASSERT_FALSE(r);
    EXPECT_TRUE(r.error() == std::errc::broken_pipe || r.error() == std::errc::connection_reset);
  });
  std::signal(SIGPIPE, before);
}

} // namespace
} // namespace thrum::net
