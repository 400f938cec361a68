// The network of a simulation (thrum/simulate.h): what programs rely on holds with every seed, what breaks is what the rules say, and bugs
// that need an unlucky network are found.
#include <thrum/simulate.h>

#include "support/child.h"
#include "support/simulated.h"

#include <thrum/io/ready.h>
#include <thrum/net/tcp.h>
#include <thrum/net/udp.h>
#include <thrum/thrum.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

using test::always;
using test::read_to_the_end;
using test::send;
using test::sometimes;
using thrum::net::endpoint;
using thrum::net::tcp_listener;
using thrum::net::tcp_stream;
using thrum::net::udp_socket;

// Two ends of a connection, and who listened.
struct connection {
  tcp_listener listener = tcp_listener::listen("10.0.0.1:80").value();
  tcp_stream client;
  tcp_stream server;

  connection() {
    auto accepted = thrum::spawn([&] { return listener.accept().value(); });
    client = tcp_stream::connect("10.0.0.1:80").value();
    server = accepted.join();
  }
};
const endpoint server_address = endpoint::parse("10.0.0.1:80").value();

// ---- streams

bool three_clients_are_echoed() {
  const auto listener = tcp_listener::listen("0.0.0.0:7").value();
  auto serves = thrum::spawn([&] {
    thrum::task_group<> sessions;
    for (int i = 0; i < 3; ++i)
      sessions.spawn([s = listener.accept().value()] { send(s, read_to_the_end(s)); });
    sessions.join();
  });
  thrum::task_group<> clients;
  for (int i = 0; i < 3; ++i)
    clients.spawn([i] {
      const auto s = tcp_stream::connect(i == 0 ? "127.0.0.1:7" : "192.168.7.1:7").value();
      const std::string text(static_cast<std::size_t>(i + 1) * 50, static_cast<char>('a' + i));
      send(s, text);
      s.shutdown_write().value();
      if (read_to_the_end(s) != text) throw std::runtime_error("another text");
    });
  clients.join();
  serves.join();
  return true;
}

TEST(simulated_tcp, what_is_written_is_read) { always(three_clients_are_echoed); }

TEST(simulated_tcp, the_same_seed_is_the_same_run) {
  std::set<std::uint64_t> different;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto once = thrum::simulate({.seed = seed, .quiet = true}, three_clients_are_echoed);
    const auto again = thrum::simulate({.seed = seed, .quiet = true}, three_clients_are_echoed);
    ASSERT_FALSE(once.failed) << once.failure;
    EXPECT_EQ(once.trace_hash, again.trace_hash) << "seed " << seed;
    EXPECT_EQ(once.time, again.time);
    different.insert(once.trace_hash);
  }
  EXPECT_EQ(different.size(), 20u);
}

TEST(simulated_tcp, a_slow_reader_holds_the_writer_back) {
  always(
      [] {
        const connection c;
        constexpr std::size_t total = 20'000, buffer = 1'000;
        std::size_t written = 0, read = 0;
        bool in_order = true, within = true;
        auto writes = thrum::spawn([&] {
          while (written < total) {
            unsigned char piece[300];
            for (std::size_t i = 0; i < sizeof piece; ++i)
              piece[i] = static_cast<unsigned char>((written + i) % 251);
            written += c.client.write_some({piece, sizeof piece}).value();
          }
          c.client.shutdown_write().value();
        });
        for (unsigned char piece[170];;) {
          thrum::this_fiber::sleep_for(10ms);
          const std::size_t n = c.server.read_some(piece).value();
          if (n == 0) break;
          for (std::size_t i = 0; i < n; ++i) in_order = in_order && piece[i] == (read + i) % 251;
          within = within && written - read <= buffer + sizeof piece;
          read += n;
        }
        writes.join();
        return in_order && within && read == written;
      },
      {.buffer = 1'000}, 20);
}

TEST(simulated_tcp, a_read_finds_part_of_what_was_written) {
  sometimes([] {
    const connection c;
    send(c.client, "0123456789");
    char piece[10];
    return c.server.read_some(piece).value() < 10;
  });
}

TEST(simulated_tcp, where_nobody_listens_nobody_answers) {
  always([] {
    const auto refused = tcp_stream::connect("10.0.0.1:80");
    const auto first = tcp_listener::listen("10.0.0.1:80").value();
    const auto second = tcp_listener::listen("10.0.0.1:80");
    const auto other = tcp_listener::listen("10.0.0.2:80");
    const auto everywhere = tcp_listener::listen("0.0.0.0:80");
    const auto chosen = tcp_listener::listen("10.0.0.1:0").value();
    return !refused && refused.error().code == std::errc::connection_refused && !second &&
           second.error().code == std::errc::address_in_use && other.has_value() && !everywhere &&
           chosen.local_address().value().port() != 0;
  });
}

TEST(simulated_tcp, both_ends_know_their_addresses) {
  always([] {
    const connection c;
    return c.client.peer_address().value() == server_address &&
           c.server.local_address().value() == server_address &&
           c.server.peer_address().value() == c.client.local_address().value();
  });
}

TEST(simulated_tcp, who_leaves_bytes_unread_resets) {
  always([] {
    connection c;
    send(c.client, "is anybody there?");
    thrum::this_fiber::sleep_for(10ms);
    c.server.close();
    char piece[10];
    const auto n = c.client.read_some(piece);
    return !n && n.error().code == std::errc::connection_reset && c.client.read_some(piece).value() == 0;
  });
}

TEST(simulated_tcp, who_writes_to_nobody_is_told) {
  always([] {
    connection c;
    c.server.close();
    char piece[10];
    if (c.client.read_some(piece).value() != 0) return false; // it may still write, for all it knows
    send(c.client, "1");
    thrum::this_fiber::sleep_for(10ms);
    const auto done = c.client.write_all({"2", 1});
    return !done &&
           (done.error().code == std::errc::connection_reset || done.error().code == std::errc::broken_pipe);
  });
}

TEST(simulated_tcp, a_listener_that_closes_drops_who_was_not_accepted) {
  always([] {
    auto listener = tcp_listener::listen("10.0.0.1:80").value();
    const auto client = tcp_stream::connect("10.0.0.1:80").value();
    listener.close();
    char piece[10];
    const auto n = client.read_some(piece);
    return !n && n.error().code == std::errc::connection_reset;
  });
}

TEST(simulated_tcp, a_connection_that_is_closed_before_it_is_there_ends_at_the_server) {
  always([] {
    const auto listener = tcp_listener::listen("10.0.0.1:80").value();
    auto hurried = thrum::spawn([] { return tcp_stream::connect("10.0.0.1:80", 60us).has_value(); });
    const bool connected = hurried.join();
    const auto accepted = listener.accept(1s);
    if (!accepted) return !connected;
    char piece[10];
    const auto n = accepted->read_some(piece, 1s);
    return n ? *n == 0 : n.error().code == std::errc::connection_reset;
  });
}

TEST(simulated_tcp, a_select_waits_for_connections_and_for_time) {
  always([] {
    const connection c;
    const auto begin = thrum::simulation::steady_now();
    if (thrum::select(thrum::readable(c.server), thrum::after(50ms)) != 1) return false;
    if (thrum::simulation::steady_now() - begin != 50ms) return false;
    send(c.client, "now");
    return thrum::select(thrum::readable(c.server), thrum::after(50ms)) == 0;
  });
}

TEST(simulated_tcp, fibers_that_only_yield_do_not_keep_bytes_from_arriving) {
  always([] {
    const connection c;
    bool arrived = false;
    auto reads = thrum::spawn([&] {
      char piece[1];
      c.server.read_exactly(piece).value();
      arrived = true;
    });
    send(c.client, "x");
    while (!arrived) thrum::this_fiber::yield();
    reads.join();
    return true;
  });
}

TEST(simulated_tcp, names_are_addresses) {
  always([] {
    const auto db = thrum::simulation::address_of("db.example");
    const auto listener = tcp_listener::listen(db.with_port(80)).value();
    const auto everywhere = tcp_listener::listen("0.0.0.0:81").value();
    const auto s = tcp_stream::connect("db.example:80").value();
    const auto by_service = tcp_stream::connect("DB.example:http").value();
    if (tcp_stream::connect("other.example:80") || !tcp_stream::connect("other.example:81")) return false;
    thrum::simulation::cut(db);
    return s.peer_address().value() == db.with_port(80) && !tcp_stream::connect("db.example:80", 1s) &&
           db != thrum::simulation::address_of("other.example");
  });
}

// ---- what breaks

TEST(simulated_faults, a_cut_address_is_silent_until_it_is_mended) {
  always([] {
    const connection c;
    send(c.client, "before");
    char six[6];
    c.server.read_exactly(six).value();
    thrum::simulation::cut(server_address);
    send(c.client, "after1");
    const auto begin = thrum::simulation::steady_now();
    const auto nothing = c.server.read_some(six, 5s);
    if (nothing || nothing.error().code != thrum::io::errc::deadline) return false;
    if (thrum::simulation::steady_now() - begin != 5s) return false;
    if (tcp_stream::connect(server_address, 1s)) return false; // nobody answers
    thrum::simulation::mend(server_address);
    send(c.client, "after2"); // comes behind what has waited
    char twelve[12];
    c.server.read_exactly(twelve).value();
    return std::string_view(twelve, 12) == "after1after2";
  });
}

TEST(simulated_faults, a_whole_host_can_be_cut) {
  always([] {
    const connection c;
    const auto other = tcp_listener::listen("10.0.0.2:80").value();
    thrum::simulation::cut(server_address.with_port(0));
    return !tcp_stream::connect(server_address, 1s) && tcp_stream::connect("10.0.0.2:80", 1s).has_value();
  });
}

TEST(simulated_faults, who_waits_for_a_cut_address_for_ever_is_found) {
  const auto found = thrum::simulate({.quiet = true}, [] {
    const connection c;
    thrum::simulation::cut(server_address);
    send(c.server, "hello");
    char piece[5];
    c.client.read_exactly(piece).value();
  });
  EXPECT_TRUE(found.failed);
  EXPECT_NE(found.failure.find("deadlock"), std::string::npos) << found.failure;
  EXPECT_NE(found.failure.find("(read)"), std::string::npos) << found.failure;
}

TEST(simulated_faults, a_restart_breaks_both_ends) {
  always([] {
    const connection c;
    auto waits = thrum::spawn([&] {
      char piece[1];
      return c.client.read_some(piece);
    });
    thrum::this_fiber::sleep_for(10ms);
    thrum::simulation::break_connections(server_address);
    char piece[1];
    const auto here = c.server.read_some(piece), there = waits.join();
    return !here && here.error().code == std::errc::connection_reset && !there &&
           there.error().code == std::errc::connection_reset &&
           tcp_stream::connect(server_address, 1s).has_value();
  });
}

TEST(simulated_faults, connections_break_and_are_refused_as_often_as_the_rules_say) {
  always(
      [] {
        const auto listener = tcp_listener::listen("10.0.0.1:80").value();
        const auto refused = tcp_stream::connect("10.0.0.1:80");
        return !refused && refused.error().code == std::errc::connection_refused;
      },
      {.refused = 1});
  const auto one_breaks = [] {
    const connection c;
    const auto there = c.client.write_all({"x", 1});
    char piece[1];
    const auto here = c.server.read_some(piece);
    if (there.has_value() != here.has_value()) throw std::runtime_error("one end only");
    return !there && there.error().code == std::errc::connection_reset &&
           here.error().code == std::errc::connection_reset;
  };
  always(one_breaks, {.broken = 1});
  sometimes(one_breaks, {.broken = 0.1});
  sometimes([&] { return !one_breaks(); }, {.broken = 0.9});
}

// ---- datagrams

// What arrives of ten datagrams, in that order.
std::vector<int> ten_datagrams() {
  const auto to = udp_socket::bind("10.0.0.1:53").value();
  const auto from = udp_socket::connect("10.0.0.1:53").value();
  for (unsigned char i = 0; i < 10; ++i) from.send({&i, 1}).value();
  std::vector<int> got;
  for (unsigned char i = 0;;) {
    const auto n = to.receive_from({&i, 1}, 1s);
    if (!n) return got;
    if (n->from != from.local_address().value()) throw std::runtime_error("another sender");
    got.push_back(i);
  }
}

TEST(simulated_udp, datagrams_arrive_in_any_order) {
  always([] {
    std::vector<int> got = ten_datagrams();
    std::sort(got.begin(), got.end());
    return got == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  });
  sometimes([] {
    const std::vector<int> got = ten_datagrams();
    return !std::is_sorted(got.begin(), got.end());
  });
}

TEST(simulated_udp, datagrams_are_lost_and_doubled_as_often_as_the_rules_say) {
  always([] { return ten_datagrams().empty(); }, {.lost = 1});
  always([] { return ten_datagrams().size() == 20; }, {.doubled = 1});
  sometimes([] { return ten_datagrams().size() == 9; }, {.lost = 0.1});
}

TEST(simulated_udp, an_answer_finds_its_way) {
  always([] {
    const auto server = udp_socket::bind("0.0.0.0:53").value();
    const auto client = udp_socket::connect("10.0.0.1:53").value();
    client.send({"ping", 4}).value();
    char text[8];
    const auto got = server.receive_from(text).value();
    if (std::string_view(text, got.size) != "ping") return false;
    server.send_to({"pong", 4}, got.from).value();
    const std::size_t n = client.receive(text, 1s).value();
    if (std::string_view(text, n) != "pong") return false;
    const auto answers = udp_socket::bind("10.0.0.1:54").value();
    answers.send_to({"pong", 4}, got.from).value();
    return !client.receive(text, 1s); // it is connected to port 53
  });
}

TEST(simulated_udp, nobody_there_is_told_to_who_is_connected) {
  always([] {
    const auto s = udp_socket::connect("10.0.0.1:53").value();
    s.send({"x", 1}).value();
    char text[8];
    const auto got = s.receive(text, 1s);
    return !got && got.error().code == std::errc::connection_refused;
  });
}

// ---- a bug that needs an unlucky network

// A client adds one to a counter and tries again when no answer comes in time. If it is the answer that was late, and not the
// request, one and the same addition is made twice: unless the server knows the number of each request.
bool added_once(bool numbered) {
  const auto listener = tcp_listener::listen("10.0.0.1:80").value();
  int counter = 0;
  std::set<unsigned char> answered;
  const auto server = thrum::spawn([&] {
    for (;;) {
      const auto s = listener.accept();
      if (!s) return;
      unsigned char number;
      if (!s->read_exactly({&number, 1}, 50ms)) continue;
      if (answered.insert(number).second || !numbered) ++counter;
      static_cast<void>(s->write_all({"+", 1}));
    }
  });
  thrum::go([] { // a network that fails for a moment
    thrum::this_fiber::sleep_for(std::chrono::microseconds(thrum::simulation::random() % 10'000));
    thrum::simulation::cut(server_address);
    thrum::this_fiber::sleep_for(30ms);
    thrum::simulation::mend(server_address);
  });
  for (;;) {
    const auto s = tcp_stream::connect(server_address, 20ms);
    char plus;
    constexpr unsigned char number = 7;
    if (s && s->write_all({&number, 1}, 20ms) && s->read_exactly({&plus, 1}, 20ms)) break;
  }
  thrum::this_fiber::sleep_for(1s); // what is late arrives
  return counter == 1;
}

TEST(simulated_network_bug, an_answer_that_is_late_is_found) {
  const auto found = thrum::simulate({.runs = 300, .quiet = true}, [] { return added_once(false); });
  EXPECT_TRUE(found.failed) << "not within " << found.runs << " runs";
  EXPECT_NE(found.failure.find("arrive"), std::string::npos)
      << found.failure; // it tells what the network did
  always([] { return added_once(true); }, {}, 1'000);
}

TEST(simulated_network, is_taken_apart_in_simulations_only) {
  const test::child c = test::run_child({test::own_folder() + "/simulated", "cut"});
  EXPECT_EQ(c.signal, SIGABRT) << c.summary();
  EXPECT_NE(c.err.find("simulation::cut() outside of a simulation"), std::string::npos) << c.summary();
}

} // namespace
