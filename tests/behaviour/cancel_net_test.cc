// Waits for datagrams, connections, descriptors, events of files and signals, ended early (support/ended_early.h).
// A send by UDP is not here: no loopback makes one wait.
#include "support/ended_early.h"

#include <thrum/io/watch.h>
#include <thrum/net/udp.h>
#include <thrum/net/unix.h>
#include <thrum/signals.h>

#include <csignal>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace net = thrum::net;
using namespace test::early;
using io::deadline;

class a_wait_for_others : public cancelling {};

struct receiving_by_udp : operation {
  net::udp_socket here = net::udp_socket::bind("127.0.0.1:0").value();
  net::udp_socket there = net::udp_socket::connect(here.local_address().value()).value();
  io::result<void> take(deadline limit) override {
    char b[10];
    return without_value(here.receive_from(b, limit));
  }
  void give() override { there.send("x").value(); }
  void until_there() override { until_readable(here); }
};

struct unix_datagrams : operation {
  const std::string name = "@" + new_name();
  net::unix_datagram here = net::unix_datagram::bind(name).value();
  net::unix_datagram there = net::unix_datagram::unbound().value();
};
struct receiving_from : unix_datagrams {
  io::result<void> take(deadline limit) override {
    char b[10];
    return without_value(here.receive_from(b, limit));
  }
  void give() override { there.send_to("x", net::unix_address::parse(name).value()).value(); }
  void until_there() override { until_readable(here); }
};
// With a peer, a sender is told of room; without, it asks again and again.
template <bool with_peer> struct sending_datagrams : unix_datagrams {
  const net::unix_address to = net::unix_address::parse(name).value();
  std::atomic<unsigned> sent{0};
  unsigned received = 0;
  sending_datagrams() {
    if (with_peer) there.set_peer(to).value();
    while (take(0s)) {}
  }
  io::result<void> take(deadline limit) override {
    const auto done = with_peer ? there.send("x", limit) : there.send_to("x", to, limit);
    if (done) ++sent;
    return done;
  }
  void give() override {
    char b[10];
    for (; received < sent; ++received) here.receive_from(b).value();
  }
  void until_there() override { until_writable(there); }
  void expect_taken() override {
    give();
    char b[10];
    EXPECT_FALSE(here.receive_from(b, 0s));
  }
};

struct passing_a_descriptor : operation {
  std::pair<net::unix_stream, net::unix_stream> ends = net::unix_stream::pair().value();
  io::result<void> take(deadline limit) override {
    const auto got = ends.first.receive_descriptor(limit);
    if (got) { EXPECT_TRUE(*got); }
    return without_value(got);
  }
  void give() override { ends.second.send_descriptor(0).value(); }
  void until_there() override { until_readable(ends.first); }
};

struct unix_connections : operation {
  const std::string name = "@" + new_name();
  net::unix_listener listener = net::unix_listener::listen(name, {.backlog = 1}).value();
  std::vector<net::unix_stream> made;
  io::result<void> connect(deadline limit) {
    auto one = net::unix_stream::connect(name, limit);
    if (one) made.push_back(std::move(*one));
    return without_value(one);
  }
};
struct accepting : unix_connections {
  io::result<void> take(deadline limit) override { return without_value(listener.accept(limit)); }
  void give() override { connect({}).value(); }
  void until_there() override { until_readable(listener); }
};
struct connecting : unix_connections { // to a listener whose queue is full
  connecting() {
    while (connect(0s)) {}
  }
  io::result<void> take(deadline limit) override { return connect(limit); }
  void give() override { static_cast<void>(listener.accept().value()); }
};

// ---- what happens elsewhere

struct watching : operation {
  const scratch folder;
  const io::watch w = io::watch::open().value();
  watching() { w.add(folder.path, io::changes::created).value(); }
  io::result<void> take(deadline limit) override {
    const auto c = w.next(limit);
    if (c) { EXPECT_EQ(c->name, "new"); }
    return without_value(c);
  }
  void give() override { std::filesystem::create_directory(folder.path + "/new"); }
  void until_there() override { until_readable(w); }
};

struct taking_a_signal : operation {
  const thrum::signal_source source{SIGUSR1};
  io::result<void> take(deadline limit) override {
    const auto number = source.wait(limit);
    if (number) { EXPECT_EQ(*number, SIGUSR1); }
    return without_value(number);
  }
  // On this thread: the thread sanitizer keeps what comes to one that waits in the kernel.
  void give() override { EXPECT_EQ(::raise(SIGUSR1), 0); }
  void until_there() override { until_readable(source); }
};

const row rows[] = {
    {"receive of a udp_socket", made<receiving_by_udp>},
    {"receive of a unix_datagram", made<receiving_from>},
    {"send of a unix_datagram with a peer", made<sending_datagrams<true>>},
    {"send_to of a unix_datagram", made<sending_datagrams<false>>},
    {"receive_descriptor", made<passing_a_descriptor>},
    {"accept of a unix_listener", made<accepting>},
    {"connect of a unix_stream", made<connecting>},
    {"next of a watch", made<watching>},
    {"wait of a signal_source", made<taking_a_signal>},
};

} // namespace

THRUM_ENDED_EARLY(a_wait_for_others, rows);
