// What the tests of http/ share: a server, and a client that says exactly what it is told.
#pragma once

#include "io/test_kit.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include <thrum/http.h>
#include <thrum/io/byte_pipe.h>
#include <thrum/net/tcp.h>
#include <thrum/runtime.h>
#include <thrum/spawn.h>

namespace thrum::http::test {

using namespace std::chrono_literals;
using io::test::wait_until;

inline thrum::options four_processors() {
  thrum::options o;
  o.processors = 4;
  o.name = "test";
  o.drain = 30s;
  return o;
}

// A way through memory that holds so many bytes: with room for one, each is read alone.
class memory_end {
public:
  memory_end(io::byte_pipe_reader in, io::byte_pipe_writer out) : in_(std::move(in)), out_(std::move(out)) {}
  memory_end(memory_end&&) noexcept = default;
  memory_end& operator=(memory_end&&) = delete;
  ~memory_end() { out_.close(); }
  io::result<std::size_t> read_some(io::mutable_buffer into, io::deadline until = {}) const {
    return in_.read_some(into, until);
  }
  io::result<void> write_all(io::const_buffer from, io::deadline until = {}) const {
    return out_.write_all(from, until);
  }
  io::result<void> shutdown_write() const { return out_.close(), io::result<void>(); }
  void close() const noexcept {
    out_.close();
    in_.close();
  }

private:
  io::byte_pipe_reader in_;
  io::byte_pipe_writer out_;
};
inline std::pair<memory_end, memory_end> memory_way(std::size_t room) {
  io::byte_pipe there(room), back(room);
  return {memory_end(std::move(back.reader), std::move(there.writer)),
          memory_end(std::move(there.reader), std::move(back.writer))};
}

struct answer {
  int status = 0; // 0: the connection has ended instead
  std::string head;
  std::string body;
};

// Says what it is told, and takes answers out of the stream.
template <class Stream> class raw_client {
public:
  explicit raw_client(Stream s) : stream(std::move(s)) {}

  void say(std::string_view bytes) { stream.write_all(bytes, 60s).value(); }
  // The next answer. no_body: to HEAD, and the like.
  answer next(bool no_body = false) {
    std::size_t end = 0;
    while ((end = got_.find("\r\n\r\n")) == std::string::npos)
      if (!more()) return {.status = 0, .head = got_, .body = {}};
    answer a;
    a.head = got_.substr(0, end + 2);
    a.status = std::atoi(a.head.c_str() + 9);
    got_.erase(0, end + 4);
    const std::size_t at = a.head.find("\r\nContent-Length: ");
    const std::size_t length =
        no_body || at == std::string::npos ? 0 : std::strtoul(a.head.c_str() + at + 18, nullptr, 10);
    while (got_.size() < length)
      if (!more()) return {.status = 0, .head = a.head, .body = got_};
    a.body = got_.substr(0, length);
    got_.erase(0, length);
    return a;
  }
  answer ask(std::string_view bytes) {
    say(bytes);
    return next();
  }
  // Nothing more comes, and nothing was left.
  bool has_ended() { return got_.empty() && !more(); }

  Stream stream;

private:
  bool more() {
    char block[4096];
    const auto n = stream.read_some(block, 60s);
    EXPECT_FALSE(!n && n.error() == io::errc::deadline) << "the server says nothing";
    if (!n || *n == 0) return false;
    got_.append(block, *n);
    return true;
  }
  std::string got_;
};
using tcp_client = raw_client<net::tcp_stream>;

// What each test talks to, unless it has its own: it says what it has understood.
inline response describe(const request& r) {
  return {.headers = {{"X-Method", r.method}}, .body = r.method + ' ' + r.target + ' ' + r.body};
}

// A server on a port of its own, for the time of a test.
class site {
public:
  explicit site(handler h, const server_options& o = {})
      : listener(net::tcp_listener::listen(net::endpoint::loopback_v4(0)).value()),
        server_(std::move(h), o),
        serving_(thrum::spawn([this] { static_cast<void>(server_.serve(listener)); })) {}
  ~site() {
    server_.drain(60s);
    serving_.join();
  }
  site(const site&) = delete;
  site& operator=(const site&) = delete;

  tcp_client connect() const {
    return tcp_client(net::tcp_stream::connect(listener.local_address().value(), 60s).value());
  }
  std::string url(std::string_view target) const {
    return "http://" + listener.local_address().value().to_string() + std::string(target);
  }
  http::server* operator->() { return &server_; }

  const net::tcp_listener listener;

private:
  http::server server_;
  fiber<void> serving_;
};

inline bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

inline std::string letters(std::size_t n, unsigned seed = 1) {
  std::string text(n, '\0');
  for (char& c : text) {
    seed = seed * 1664525 + 1013904223;
    c = static_cast<char>('a' + (seed >> 24) % 26);
  }
  return text;
}

} // namespace thrum::http::test
