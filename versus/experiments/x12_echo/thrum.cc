// X12 in thrum: an echo server and one of HTTP, a fiber a connection, in plain blocking style.
#include "experiments/x12_echo/load.h"

#include <thrum/io/buffered.h>
#include <thrum/net/tcp.h>
#include <thrum/thrum.h>

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
  if (!b.wants(variant)) return;
  const auto listener = thrum::net::tcp_listener::listen("127.0.0.1:0").value();
  auto accepting = thrum::spawn([&] {
    while (auto stream = listener.accept()) thrum::go([s = std::move(*stream), talk] { talk(s); });
  });
  x12::question(b, "thrum", variant, listener.local_address().value().port(), connections,
                busy); // blocks its thread
  listener.close();
  accepting.join();
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X12", "thrum", argc, argv);
  kit::raise_descriptor_limit();
  return thrum::run(
      [&b] {
        serve(b, "busy1000", 1000, 1000);
        serve(b, "conns100", 100, 10);
        serve(b, "conns1000", 1000, 100);
        serve(b, "conns10000", 10'000, 1000);
        serve(b, "http100", 100, 10, &answer_http);
        serve(b, "http1000", 1000, 100, &answer_http);
        serve(b, "http10000", 10'000, 1000, &answer_http);
        return 0;
      },
      {.processors = b.processors()});
}
