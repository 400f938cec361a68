// Unix sockets and pipes in a simulation (thrum/simulate.h). What programs rely on is written down once, and holds outside, where
// the kernel says what is right, and inside with every seed.
#include <thrum/simulate.h>

#include "support/simulated.h"

#include <thrum/io/pipe.h>
#include <thrum/io/ready.h>
#include <thrum/net/unix.h>
#include <thrum/thrum.h>

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <utility>

using namespace std::chrono_literals;

namespace {

using test::always;
using test::read_to_the_end;
using test::send;
using test::sometimes;
namespace io = thrum::io;
using thrum::net::unix_address;
using thrum::net::unix_datagram;
using thrum::net::unix_listener;
using thrum::net::unix_stream;

#define HOLDS(condition)                                                                                     \
  if (!(condition)) throw std::runtime_error(#condition " does not hold")

template <class F> void inside_and_outside(F f) {
  thrum::run([&] { EXPECT_NO_THROW(f()) << "outside"; });
  always(f);
}
// Nobody else's, in this machine.
std::string abstract_name() { return "@thrum-simulated-" + std::to_string(::getpid()); }
struct path_of_a_socket {
  const std::string text = testing::TempDir() + "thrum-simulated-" + std::to_string(::getpid());
  path_of_a_socket() { std::filesystem::remove(text); }
  ~path_of_a_socket() { std::filesystem::remove(text); }
};

template <class Result> bool fails_with(const Result& r, std::errc what) { return !r && r.error() == what; }

// ---- pipes

TEST(simulated_pipe, gives_what_was_written_and_then_the_end) {
  inside_and_outside([] {
    auto [reader, writer] = io::pipe().value();
    std::string text;
    for (int i = 0; i < 30'000; ++i) text += std::to_string(i);
    auto writes = thrum::spawn([&text, w = std::move(writer)] { send(w, text); });
    HOLDS(read_to_the_end(reader) == text);
    writes.join();
  });
}

TEST(simulated_pipe, what_was_written_is_there_at_once) {
  inside_and_outside([] {
    const auto [reader, writer] = io::pipe().value();
    char into[10];
    HOLDS(reader.read_some(into, 0s).error() == io::errc::deadline);
    send(writer, "hello");
    HOLDS(reader.read_some(into, 0s).value() == 5);
  });
}

TEST(simulated_pipe, who_writes_to_nobody_is_told) {
  inside_and_outside([] {
    auto [reader, writer] = io::pipe().value();
    reader.close();
    HOLDS(fails_with(writer.write_all("x"), std::errc::broken_pipe));
  });
}

TEST(simulated_pipe, who_waits_for_room_is_told_that_nobody_reads) {
  inside_and_outside([] {
    auto [reader, writer] = io::pipe().value();
    const std::string much(200'000, 'x');
    auto writes = thrum::spawn([&, w = std::move(writer)] { return w.write_all(much); });
    char piece[1'000];
    reader.read_exactly(piece).value();
    thrum::this_fiber::sleep_for(5ms);
    reader.close();
    HOLDS(fails_with(writes.join(), std::errc::broken_pipe));
  });
}

TEST(simulated_pipe, a_small_write_is_whole) {
  inside_and_outside([] {
    const auto [reader, writer] = io::pipe().value();
    auto writes = thrum::spawn([&w = writer] {
      const std::string piece(4'000, 'x');
      for (int i = 0; i < 100; ++i) HOLDS(w.write_some(piece).value() == piece.size());
    });
    for (int i = 0; i < 100; ++i) {
      char piece[4'000];
      HOLDS(reader.read_some(piece).value() == sizeof piece);
    }
    writes.join();
  });
}

TEST(simulated_pipe, a_select_waits_for_it_and_for_time) {
  inside_and_outside([] {
    const auto [reader, writer] = io::pipe().value();
    HOLDS(thrum::select(thrum::readable(reader), thrum::after(5ms)) == 1);
    auto writes = thrum::spawn([&w = writer] { send(w, "x"); });
    HOLDS(thrum::select(thrum::readable(reader), thrum::after(10s)) == 0);
    writes.join();
  });
}

TEST(simulated_pipe, who_waits_for_himself_is_found) {
  const auto found = thrum::simulate({.quiet = true}, [] {
    const auto [reader, writer] = io::pipe().value();
    char into[1];
    static_cast<void>(reader.read_some(into));
  });
  EXPECT_NE(found.failure.find("deadlock"), std::string::npos) << found.failure;
}

// ---- streams

void three_clients_are_echoed(const std::string& name) {
  const auto listener = unix_listener::listen(name).value();
  HOLDS(listener.local_address().value().to_string() == name);
  auto serves = thrum::spawn([&] {
    thrum::task_group<> sessions;
    for (int i = 0; i < 3; ++i)
      sessions.spawn([s = listener.accept().value()] {
        HOLDS(s.peer_address().value().is_none());
        send(s, read_to_the_end(s));
      });
    sessions.join();
  });
  thrum::task_group<> clients;
  for (int i = 0; i < 3; ++i)
    clients.spawn([&, i] {
      const auto s = unix_stream::connect(name).value();
      HOLDS(s.peer_address().value().to_string() == name);
      HOLDS(s.peer_credentials().value().process == ::getpid());
      const std::string text(static_cast<std::size_t>(i + 1) * 50'000, static_cast<char>('a' + i));
      auto writes = thrum::spawn([&] {
        send(s, text);
        s.shutdown_write().value();
      });
      HOLDS(read_to_the_end(s) == text);
      writes.join();
    });
  clients.join();
  serves.join();
}

TEST(simulated_unix_stream, what_is_written_is_read) {
  inside_and_outside([] { three_clients_are_echoed(abstract_name()); });
  inside_and_outside([] { three_clients_are_echoed(path_of_a_socket().text); });
}

TEST(simulated_unix_stream, the_same_seed_is_the_same_run) {
  std::set<std::uint64_t> different;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const auto once = thrum::simulate({.seed = seed, .quiet = true}, [] { three_clients_are_echoed("@a"); });
    const auto again = thrum::simulate({.seed = seed, .quiet = true}, [] { three_clients_are_echoed("@a"); });
    ASSERT_FALSE(once.failed) << once.failure;
    EXPECT_EQ(once.trace_hash, again.trace_hash) << "seed " << seed;
    different.insert(once.trace_hash);
  }
  EXPECT_EQ(different.size(), 10u);
}

TEST(simulated_unix_stream, a_read_finds_part_of_what_was_written) {
  sometimes([] {
    const auto [one, other] = unix_stream::pair().value();
    auto writes = thrum::spawn([&s = one] { send(s, "0123456789"); });
    char piece[10];
    const std::size_t n = other.read_some(piece).value();
    writes.join();
    return n < sizeof piece;
  });
}

TEST(simulated_unix_stream, is_connected_before_somebody_accepts) {
  inside_and_outside([] {
    const auto listener = unix_listener::listen(abstract_name()).value();
    const auto client = unix_stream::connect(abstract_name()).value();
    send(client, "hello");
    const auto server = listener.accept().value();
    char into[5];
    server.read_exactly(into).value();
    HOLDS(std::string_view(into, 5) == "hello");
  });
}

TEST(simulated_unix_stream, names_that_nobody_answers_at_say_why) {
  inside_and_outside([] {
    const path_of_a_socket at;
    HOLDS(fails_with(unix_stream::connect(at.text), std::errc::no_such_file_or_directory));
    HOLDS(fails_with(unix_stream::connect(abstract_name()), std::errc::connection_refused));
    unix_listener::listen(at.text, {.unlink_on_close = false}).value().close();
    HOLDS(fails_with(unix_stream::connect(at.text), std::errc::connection_refused));
    HOLDS(fails_with(unix_listener::listen(at.text), std::errc::address_in_use));
    const auto listener = unix_listener::listen(at.text, {.remove_stale = true, .mode = 0600}).value();
    HOLDS(fails_with(unix_listener::listen(at.text, {.remove_stale = true}), std::errc::address_in_use));
    HOLDS(unix_stream::connect(at.text));
    HOLDS(fails_with(unix_datagram::unbound().value().set_peer(unix_address::parse(at.text).value()),
                     std::errc::wrong_protocol_type));
    listener.close();
    HOLDS(fails_with(unix_stream::connect(at.text), std::errc::no_such_file_or_directory));
  });
}

TEST(simulated_unix_stream, a_full_queue_makes_who_connects_wait) {
  inside_and_outside([] {
    const auto listener = unix_listener::listen(abstract_name(), {.backlog = 0}).value();
    const auto first = unix_stream::connect(abstract_name()).value();
    HOLDS(unix_stream::connect(abstract_name(), 5ms).error() == io::errc::deadline);
    auto connects = thrum::spawn([] { return unix_stream::connect(abstract_name()).value(); });
    thrum::this_fiber::sleep_for(5ms);
    const auto one = listener.accept().value();
    const auto other = listener.accept().value();
    static_cast<void>(connects.join());
  });
}

TEST(simulated_unix_stream, who_leaves_bytes_unread_resets) {
  inside_and_outside([] {
    auto [one, other] = unix_stream::pair().value();
    send(one, "nobody reads this");
    send(other, "12");
    other.close();
    char into[10];
    HOLDS(one.read_some(into).value() == 2);
    HOLDS(fails_with(one.write_all("x"), std::errc::broken_pipe));
    HOLDS(fails_with(one.read_some(into), std::errc::connection_reset));
  });
}

TEST(simulated_unix_stream, a_listener_that_closes_drops_who_was_not_accepted) {
  inside_and_outside([] {
    const auto listener = unix_listener::listen(abstract_name()).value();
    const auto client = unix_stream::connect(abstract_name()).value();
    auto reads = thrum::spawn([&] {
      char into[10];
      return client.read_some(into);
    });
    thrum::this_fiber::sleep_for(1ms);
    listener.close();
    HOLDS(fails_with(reads.join(), std::errc::connection_reset));
    HOLDS(fails_with(unix_stream::connect(abstract_name()), std::errc::connection_refused));
  });
}

TEST(simulated_unix_stream, a_direction_that_is_shut_ends_and_the_other_goes_on) {
  inside_and_outside([] {
    const auto [one, other] = unix_stream::pair().value();
    one.shutdown_write().value();
    char into[10];
    HOLDS(other.read_some(into).value() == 0);
    send(other, "still");
    HOLDS(one.read_some(into).value() == 5);
    one.shutdown_read().value();
    HOLDS(one.read_some(into).value() == 0);
    HOLDS(fails_with(other.write_all("x"), std::errc::broken_pipe));
    HOLDS(fails_with(one.write_all("x"), std::errc::broken_pipe));
  });
}

// ---- datagrams

TEST(simulated_unix_datagram, each_is_whole_and_says_who_sent_it) {
  inside_and_outside([] {
    const auto here = unix_datagram::bind(abstract_name()).value();
    const auto there = unix_datagram::bind(abstract_name() + "-there").value();
    const unix_address to = unix_address::parse(abstract_name()).value();
    there.send_to("first", to).value();
    unix_datagram::unbound().value().send_to("second", to).value();
    there.send_to("", to).value();
    char into[5];
    const auto first = here.receive_from(into).value();
    HOLDS(first.size == 5 && !first.truncated && first.from.to_string() == abstract_name() + "-there");
    const auto second = here.receive_from(into).value();
    HOLDS(second.size == 5 && second.truncated && second.from.is_none());
    HOLDS(here.receive_from(into).value().size == 0);
    HOLDS(here.receive_from(into, 0s).error() == io::errc::deadline);
  });
}

TEST(simulated_unix_datagram, a_full_receiver_makes_senders_wait) {
  inside_and_outside([] {
    const auto [one, other] = unix_datagram::pair().value();
    int sent = 0;
    while (one.send("x", 1ms)) ++sent;
    HOLDS(sent > 1);
    auto sends = thrum::spawn([&s = one] { s.send("y").value(); });
    char into[1];
    for (int i = 0; i < sent; ++i) HOLDS(other.receive(into).value() == 1 && into[0] == 'x');
    HOLDS(other.receive(into).value() == 1 && into[0] == 'y');
    sends.join();

    const auto named = unix_datagram::bind(abstract_name()).value();
    const unix_address to = unix_address::parse(abstract_name()).value();
    const auto sender = unix_datagram::unbound().value();
    while (sender.send_to("x", to, 1ms)) {}
    auto waits = thrum::spawn([&] { sender.send_to("y", to).value(); });
    while (named.receive_from(into).value().size == 1 && into[0] != 'y') {}
    waits.join();
  });
}

TEST(simulated_unix_datagram, nobody_there_is_told) {
  inside_and_outside([] {
    const path_of_a_socket at;
    const unix_address to = unix_address::parse(at.text).value();
    const auto sender = unix_datagram::unbound().value();
    HOLDS(fails_with(sender.send_to("x", to), std::errc::no_such_file_or_directory));
    HOLDS(fails_with(sender.send("x"), std::errc::not_connected));
    const auto receiver = unix_datagram::bind(at.text).value();
    sender.set_peer(to).value();
    sender.send("x").value();
    receiver.close();
    HOLDS(fails_with(sender.send("x"), std::errc::connection_refused));
  });
}

TEST(simulated_unix_datagram, one_with_a_peer_takes_from_that_only) {
  inside_and_outside([] {
    const auto server = unix_datagram::bind(abstract_name()).value();
    const auto client = unix_datagram::bind(abstract_name() + "-client").value();
    client.set_peer(unix_address::parse(abstract_name()).value()).value();
    const unix_address to = unix_address::parse(abstract_name() + "-client").value();
    HOLDS(fails_with(unix_datagram::unbound().value().send_to("x", to), std::errc::operation_not_permitted));
    server.send_to("answer", to).value();
    char into[10];
    HOLDS(client.receive(into).value() == 6);
  });
}

} // namespace
