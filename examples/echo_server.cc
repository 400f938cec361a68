// An echo server with a fiber for each connection. Usage: echo_server [port [processors]]
//
//   $ echo_server 7000 &
//   listening on 127.0.0.1:7000
//   $ nc 127.0.0.1 7000
#include <thrum/net/tcp.h>
#include <thrum/thrum.h>

#include <cstdio>
#include <cstdlib>

namespace {

void echo(const thrum::net::tcp_stream& stream) {
  char buffer[1024];
  while (auto n = stream.read_some(buffer)) {
    if (*n == 0 || !stream.write_all({buffer, *n})) return; // the peer has ended, or is gone
  }
}

void serve(std::uint16_t port) {
  const auto listener = thrum::net::tcp_listener::listen(thrum::net::endpoint::loopback_v4(port)).value();
  std::printf("listening on %s\n", listener.local_address().value().to_string().c_str());
  std::fflush(stdout);
  for (;;) {
    auto stream = listener.accept();
    if (stream)
      thrum::go([s = std::move(*stream)] { echo(s); });
    else
      std::fprintf(stderr, "%s\n", stream.error().message().c_str()),
          thrum::this_fiber::sleep_for(std::chrono::milliseconds(50));
  }
}

} // namespace

int main(int argc, char** argv) {
  const auto port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 7000);
  const auto processors = static_cast<unsigned>(argc > 2 ? std::atoi(argv[2]) : 0);
  thrum::run([=] { serve(port); }, {.processors = processors});
}
