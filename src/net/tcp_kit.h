// What the tests of TCP share.
#pragma once

#include "io/test_kit.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <thrum/go.h>
#include <thrum/net/tcp.h>
#include <thrum/spawn.h>

namespace thrum::net::test {

inline tcp_listener local_listener() { return tcp_listener::listen(endpoint::loopback_v4(0)).value(); }

// Two ends of one connection.
struct connection {
  tcp_stream client;
  tcp_stream server;
};

inline connection connect_to(const tcp_listener& l) {
  auto client = spawn([to = l.local_address().value()] { return tcp_stream::connect(to).value(); });
  tcp_stream server = l.accept().value();
  return {client.join(), std::move(server)};
}
inline connection local_connection() { return connect_to(local_listener()); }

// A listener whose queue is full drops what comes: connecting to it takes for ever.
struct deaf_listener {
  tcp_listener listener = tcp_listener::listen(endpoint::loopback_v4(0), {.backlog = 0}).value();
  endpoint at = listener.local_address().value();
  std::vector<tcp_stream> in_the_queue;

  deaf_listener() {
    for (;;) {
      auto s = tcp_stream::connect(at, std::chrono::milliseconds(20));
      if (!s) break;
      in_the_queue.push_back(std::move(*s));
    }
  }
};

// Sends back what comes, until the peer ends or fails.
inline void echo(const tcp_stream& s) {
  char buffer[1024];
  while (auto n = s.read_some(buffer))
    if (*n == 0 || !s.write_all({buffer, *n})) return;
}

// Accepts and echoes until the listener is closed.
inline void serve_echo(const tcp_listener& l) {
  while (auto s = l.accept()) go([s = std::move(*s)] { echo(s); });
}

// A text that tells its own place and sender, so that mixed-up or lost bytes show.
inline std::string message(unsigned sender, unsigned round, std::size_t size) {
  std::string text = std::to_string(sender) + '/' + std::to_string(round) + ':';
  for (std::size_t i = text.size(); i < size; ++i)
    text += static_cast<char>('a' + (sender * 7 + round * 3 + i) % 26);
  text.resize(size);
  return text;
}

} // namespace thrum::net::test
