// Connecting to names: which address is tried when, who wins, and what is told when nobody does. Everything is on loopback; an
// address that never answers is a listener whose queue is full.
#include "env/descriptors_kit.h"
#include "net/lookup_kit.h"
#include "net/race.h"
#include "net/tcp_kit.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <thrum/net/resolve.h>

namespace thrum::net {
namespace {

using namespace std::chrono_literals;
using env::test::descriptor_limit;
using env::test::room_for;
using io::errc;
using io::test::open_descriptors;
using io::test::wait_until;
using test::deaf_listener;
using test::fake_names;

constexpr std::chrono::milliseconds never = 24h;

endpoint refused() { return test::local_listener().local_address().value(); }

std::string name_at(std::uint16_t port) { return "name.test:" + std::to_string(port); }

TEST(interleaved, takes_the_families_in_turn_and_begins_with_the_first) {
  const endpoint a = *endpoint::parse_address("::1", 1);
  const endpoint b = *endpoint::parse_address("::2", 1);
  const endpoint c = *endpoint::parse_address("::3", 1);
  const endpoint x(endpoint::v4_bytes{10, 0, 0, 1}, 1);
  const endpoint y(endpoint::v4_bytes{10, 0, 0, 2}, 1);
  const auto all = [](std::vector<endpoint> in) { return interleaved(in); };
  EXPECT_EQ(all({a, b, c, x, y}), (std::vector{a, x, b, y, c}));
  EXPECT_EQ(all({x, a, b, c}), (std::vector{x, a, b, c}));
  EXPECT_EQ(all({x, y}), (std::vector{x, y}));
  EXPECT_EQ(all({}), std::vector<endpoint>{});
}

TEST(race, the_next_address_is_tried_at_once_when_one_has_failed) {
  run([] {
    const tcp_listener l = test::local_listener();
    const endpoint good = l.local_address().value();
    const endpoint six_refused = endpoint::loopback_v6(good.port());
    const unsigned before = open_descriptors();
    {
      const auto s = race(std::vector{six_refused, refused(), good}, "name", never, {});
      EXPECT_EQ(s.value().peer_address().value(), good);
      EXPECT_EQ(open_descriptors(), before + 1);
    }
  });
}

TEST(race, an_address_that_does_not_answer_delays_the_next_one_only_that_long) {
  run([] {
    const deaf_listener nobody;
    const tcp_listener l = test::local_listener();
    const endpoint good = l.local_address().value();
    const unsigned before = open_descriptors();
    const auto s = race(std::vector{nobody.at, nobody.at, good}, "name", 1ms, {});
    EXPECT_EQ(s.value().peer_address().value(), good);
    EXPECT_EQ(open_descriptors(), before + 1); // the losers are closed when the winner is told
  });
}

TEST(race, an_address_behind_one_that_answers_is_not_tried) {
  run([] {
    const tcp_listener first = test::local_listener();
    const tcp_listener second = test::local_listener();
    const auto s =
        race(std::vector{first.local_address().value(), second.local_address().value()}, "name", never, {});
    EXPECT_EQ(s.value().peer_address().value(), first.local_address().value());
    EXPECT_EQ(second.accept(0ms).error(), errc::deadline);
  });
}

TEST(race, all_failures_are_told) {
  run([] {
    const endpoint one = refused();
    const endpoint two = refused();
    const unsigned before = open_descriptors();
    const auto s = race(std::vector{one, two}, "name:1", never, {});
    ASSERT_FALSE(s);
    EXPECT_EQ(s.error(), std::errc::connection_refused);
    EXPECT_EQ(s.error().message(), "connect name:1: Connection refused (" + one.to_string() +
                                       ": Connection refused; " + two.to_string() + ": Connection refused)");
    EXPECT_EQ(open_descriptors(), before);
  });
}

TEST(race, that_there_is_no_network_for_an_address_is_told_last) {
  run([] {
    const endpoint unreachable(endpoint::v4_bytes{224, 0, 0, 1}, 1); // a group: TCP does not go there
    const auto alone = tcp_stream::connect(unreachable);
    ASSERT_FALSE(alone);
    EXPECT_EQ(alone.error(), std::errc::network_unreachable);
    const auto s = race(std::vector{unreachable, refused()}, "name", never, {});
    EXPECT_EQ(s.error(), std::errc::connection_refused);
    ASSERT_EQ(s.error().causes->size(), 2u);
    EXPECT_EQ(s.error().causes->front(), std::errc::network_unreachable);
    EXPECT_EQ(race(std::vector{unreachable, unreachable}, "name", never, {}).error(),
              std::errc::network_unreachable);
  });
}

TEST(race, a_deadline_ends_all_attempts_and_tells_what_each_has_done) {
  run([] {
    const deaf_listener nobody;
    const endpoint bad = refused();
    const unsigned before = open_descriptors();
    for (const std::chrono::milliseconds wait : {0ms, 20ms}) {
      const auto s = race(std::vector{nobody.at, bad, bad}, "name", 1ms, wait);
      ASSERT_FALSE(s);
      EXPECT_EQ(s.error(), errc::deadline);
      EXPECT_EQ(s.error().causes->front(), errc::deadline);
      EXPECT_EQ(open_descriptors(), before);
    }
  });
}

class race_cancel : public testing::TestWithParam<unsigned> {};

TEST_P(race_cancel, a_stop_request_ends_all_attempts) {
  run(
      [] {
        const deaf_listener nobody;
        const unsigned before = open_descriptors();
        for (int i = 0; i < 20; ++i) {
          auto connecting = spawn([&] {
            return race(std::vector{nobody.at, nobody.at, nobody.at}, "name", 0ms, {}).has_value();
          });
          if (i % 2 == 0) wait_until([&] { return open_descriptors() == before + 3; });
          connecting.request_stop();
          EXPECT_THROW(connecting.join(), cancelled);
          EXPECT_EQ(open_descriptors(), before);
        }
      },
      {.processors = GetParam()});
}

// Several that answer: one connection is kept, and whatever the others got is closed.
TEST_P(race_cancel, of_several_that_win_at_once_one_is_kept) {
  run(
      [] {
        const tcp_listener l = test::local_listener();
        const endpoint at = l.local_address().value();
        const unsigned before = open_descriptors();
        for (int i = 0; i < io::test::repetitions(50); ++i) {
          {
            const tcp_stream s = race(std::vector{at, at, at, at}, "name", 0ms, {}).value();
            s.write_all("x").value();
            char b[1];
            std::size_t got = 0;
            while (got == 0) { // the others' connections come, too, and end
              const tcp_stream peer = l.accept().value();
              if (auto n = peer.read_some(b)) got = *n;
            }
            while (l.accept(0ms)) {}
          }
          EXPECT_EQ(open_descriptors(), before);
        }
      },
      {.processors = GetParam()});
}

INSTANTIATE_TEST_SUITE_P(processors, race_cancel, testing::Values(1u, 2u, 4u));

// ---- connect(text)

class connect_to_a_name : public testing::Test {
protected:
  void SetUp() override { resolver().clear(); }
  void TearDown() override { resolver().clear(); }
  fake_names system_;
};

TEST_F(connect_to_a_name, localhost_reaches_a_listener_on_ipv4_only) {
  run([] {
    const tcp_listener l = test::local_listener();
    const endpoint at = l.local_address().value();
    const auto s = tcp_stream::connect("localhost:" + std::to_string(at.port()));
    EXPECT_EQ(s.value().peer_address().value(), at); // [::1] has refused
  });
}

TEST_F(connect_to_a_name, tries_the_addresses_of_the_name) {
  run([this] {
    const deaf_listener nobody;
    const std::uint16_t port = nobody.at.port();
    const auto other = tcp_listener::listen(endpoint(endpoint::v4_bytes{127, 0, 0, 2}, port)).value();
    system_.set("name.test", {endpoint::loopback_v4(0), endpoint(endpoint::v4_bytes{127, 0, 0, 2}, 0)});
    const auto s = tcp_stream::connect(name_at(port)); // after the first has had its 250 ms
    EXPECT_EQ(s.value().peer_address().value(), other.local_address().value());
  });
}

TEST_F(connect_to_a_name, tells_what_is_wrong_with_the_name) {
  run([] {
    const auto unknown = tcp_stream::connect("none.test:80");
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error(), resolve_errc::not_known);
    EXPECT_EQ(unknown.error().message(), "connect none.test:80: name or service not known");
    for (const char* text : {"none.test", "not an address", "[name.test]:80"})
      EXPECT_EQ(tcp_stream::connect(text).error(), errc::not_an_endpoint) << text;
  });
}

TEST_F(connect_to_a_name, one_deadline_holds_for_the_lookup_and_the_attempts) {
  run([this] {
    const deaf_listener nobody;
    system_.set("name.test", {endpoint::loopback_v4(0)});
    system_.hold_back();
    const auto during_lookup = tcp_stream::connect(name_at(nobody.at.port()), 1ms);
    ASSERT_FALSE(during_lookup);
    EXPECT_EQ(during_lookup.error(), errc::deadline);
    EXPECT_EQ(during_lookup.error().causes, nullptr);
    system_.release();
    resolve("name.test", 1).value();
    const auto during_attempt = tcp_stream::connect(name_at(nobody.at.port()), 1ms);
    ASSERT_FALSE(during_attempt);
    EXPECT_EQ(during_attempt.error(), errc::deadline);
    EXPECT_EQ(during_attempt.error().causes->size(), 1u);
  });
}

TEST_F(connect_to_a_name, without_descriptors_says_so_and_goes_on_later) {
  run([] {
    const tcp_listener l = test::local_listener();
    const std::string here = "localhost:" + std::to_string(l.local_address().value().port());
    const unsigned before = open_descriptors();
    {
      const descriptor_limit none(room_for(0));
      const auto s = tcp_stream::connect(here);
      ASSERT_FALSE(s);
      EXPECT_EQ(s.error(), std::errc::too_many_files_open);
      EXPECT_EQ(s.error().causes->size(), 2u);
    }
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_TRUE(tcp_stream::connect(here).value().is_open());
  });
}

TEST_F(connect_to_a_name, works_from_a_thread) {
  const tcp_listener l = test::local_listener();
  const std::uint16_t port = l.local_address().value().port();
  std::thread client([&] {
    const tcp_stream s = tcp_stream::connect("localhost:" + std::to_string(port), 10s).value();
    s.write_all("x").value();
  });
  const tcp_stream s = l.accept().value();
  char b[1];
  EXPECT_EQ(s.read_some(b).value(), 1u);
  client.join();
}

} // namespace
} // namespace thrum::net
