// An echo server over TLS that takes its renewed certificate without a restart. Usage: tls_echo CHAIN.pem KEY.pem [port]
//
//   $ openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost
//       -keyout key.pem -out chain.pem                                                       # (one line)
//   $ tls_echo chain.pem key.pem 7443 &
//   listening on 127.0.0.1:7443
//   $ openssl s_client -connect 127.0.0.1:7443 -servername localhost -CAfile chain.pem -quiet
//   $ kill -HUP %1                        # after the files were renewed: connections stay, new ones see the new certificate
#include <thrum/io/buffered.h>
#include <thrum/io/lines.h>
#include <thrum/net/tcp.h>
#include <thrum/signals.h>
#include <thrum/thrum.h>
#include <thrum/tls.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

using namespace std::chrono_literals;
namespace io = thrum::io;
namespace net = thrum::net;
namespace tls = thrum::tls;

namespace {

void say(const std::string& what) {
  std::printf("%s\n", what.c_str());
  std::fflush(stdout);
}

void serve(net::tcp_stream connection, const tls::context& settings) {
  const std::string peer = connection.peer_address().value().to_string();
  auto s = tls::accept(std::move(connection), settings, 10s);
  if (!s) return say(peer + ": " + s.error().message());
  io::buffered_reader in(*s);
  while (auto line = in.read_line({.until = 60s}))
    if (!s->write_all(std::string(*line) + '\n', 60s)) return;
  s->close(); // says that this was all
}

void renew_on_hangup(const std::string& chain, const std::string& key,
                     const tls::server_certificates& shown) {
  thrum::signal_source hangups({SIGHUP});
  while (hangups.wait()) {
    const auto renewed = tls::identity::from_files(chain, key);
    if (renewed) shown.replace(*renewed);
    say(renewed ? "the certificate was renewed" : "still the old certificate: " + renewed.error().message());
  }
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: tls_echo CHAIN.pem KEY.pem [port]\n");
    return 2;
  }
  return thrum::run([chain = std::string(argv[1]), key = std::string(argv[2]),
                     port = static_cast<std::uint16_t>(argc > 3 ? std::atoi(argv[3]) : 7443)] {
    const auto first = tls::identity::from_files(chain, key);
    if (!first) {
      say(first.error().message());
      return 1;
    }
    const tls::server_certificates shown(*first);
    thrum::go([=] { renew_on_hangup(chain, key, shown); });
    const auto settings = tls::context::server({.certificates = shown}).value();
    const auto listener = net::tcp_listener::listen(net::endpoint::loopback_v4(port)).value();
    say("listening on " + listener.local_address().value().to_string());
    while (auto connection = listener.accept())
      thrum::go([settings, c = std::move(*connection)]() mutable { serve(std::move(c), settings); });
    return 0;
  });
}
