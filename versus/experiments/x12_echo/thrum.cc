// X12 in thrum: an echo server and one of HTTP, a fiber a connection, in plain blocking style. And an echo server in a process that has
// a million timers, and computes.
#include "experiments/x12_echo/load.h"

#include <thrum/io/buffered.h>
#include <thrum/net/tcp.h>
#include <thrum/thrum.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

void echo(const thrum::net::tcp_stream& stream) {
  char buffer[1024];
  while (auto n = stream.read_some(buffer))
    if (*n == 0 || !stream.write_all({buffer, *n})) return;
}

// The body is the path.
void answer_http(const thrum::net::tcp_stream& stream) {
  thrum::io::buffered_reader in(stream);
  std::string answer;
  while (auto request = in.read_line()) {
    const std::string path(request->substr(5, request->find(' ', 5) - 5)); // "GET /path HTTP/1.1"
    for (auto header = in.read_line(); header && !header->empty(); header = in.read_line()) {}
    answer = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(path.size()) + "\r\n\r\n" + path;
    if (!stream.write_all(answer)) return;
  }
}

void serve(const kit::bench& b, const char* variant, int connections, int busy,
           void (*talk)(const thrum::net::tcp_stream&) = &echo) {
  const auto listener = thrum::net::tcp_listener::listen("127.0.0.1:0").value();
  auto accepting = thrum::spawn([&] {
    while (auto stream = listener.accept()) thrum::go([s = std::move(*stream), talk] { talk(s); });
  });
  x12::question(b, "thrum", variant, listener.local_address().value().port(), connections,
                busy); // blocks its thread
  listener.close();
  accepting.join();
}

void serve_if_wanted(const kit::bench& b, const char* variant, int connections, int busy,
                     void (*talk)(const thrum::net::tcp_stream&) = &echo) {
  if (b.wants(variant)) serve(b, variant, connections, busy, talk);
}

// Beside a million timers, of which ten thousand fire in a second, and a fiber that computes.
void serve_beside(const kit::bench& b, const char* variant, int connections, int busy) {
  if (!b.wants(variant)) return;
  constexpr int timers = 1'000'000;
  std::atomic<long> fired{0};
  std::vector<thrum::timer> all;
  all.reserve(timers);
  for (int i = 0; i < timers; ++i)
    all.emplace_back(std::chrono::microseconds(100) * i, [&fired] { ++fired; });
  std::atomic<bool> over{false};
  auto hog = thrum::spawn([&over] {
    unsigned x = 1;
    while (x != 0 && !over)
      for (int i = 0; i < 1000; ++i) x ^= x << 13, x ^= x >> 17, x ^= x << 5;
    return x;
  });
  const long before = fired;
  serve(b, (std::string(variant) + "@all").c_str(), connections, busy);
  over = true;
  if (hog.join() == 0 || fired == before) std::abort(); // it did not work
  for (thrum::timer& t : all) t.stop();
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X12", "thrum", argc, argv);
  kit::raise_descriptor_limit();
  return thrum::run(
      [&b] {
        serve_if_wanted(b, "busy1000", 1000, 1000);
        serve_if_wanted(b, "conns100", 100, 10);
        serve_if_wanted(b, "conns1000", 1000, 100);
        serve_if_wanted(b, "conns10000", 10'000, 1000);
        serve_if_wanted(b, "conns11000", 11'000, 1000);
        serve_beside(b, "whole10000", 10'000, 1000);
        serve_if_wanted(b, "http100", 100, 10, &answer_http);
        serve_if_wanted(b, "http1000", 1000, 100, &answer_http);
        serve_if_wanted(b, "http10000", 10'000, 1000, &answer_http);
        return 0;
      },
      {.processors = b.processors()});
}
