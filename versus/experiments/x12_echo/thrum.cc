// X12 in thrum: an echo server, a fiber a connection, in plain blocking style.
#include "experiments/x12_echo/load.h"

#include <thrum/net/tcp.h>
#include <thrum/thrum.h>

namespace {

void echo(const thrum::net::tcp_stream& stream) {
  char buffer[1024];
  while (auto n = stream.read_some(buffer))
    if (*n == 0 || !stream.write_all({buffer, *n})) return;
}

void serve(const kit::bench& b, const char* variant, int connections, int busy) {
  if (!b.wants(variant)) return;
  const auto listener = thrum::net::tcp_listener::listen("127.0.0.1:0").value();
  auto accepting = thrum::spawn([&] {
    while (auto stream = listener.accept()) thrum::go([s = std::move(*stream)] { echo(s); });
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
        return 0;
      },
      {.processors = b.processors()});
}
