// TLS, the component thrum::tls, over OpenSSL 3: streams that are encrypted, with a peer that has shown who it is.
//
//   void fetch(const std::string& host) {
//     static const auto settings = thrum::tls::context::client().value(); // verifies against what the system trusts
//     auto s = thrum::tls::connect(host, 443, settings, 10s);
//     if (!s) return report(s.error().message());
//     if (!s->write_all("GET / HTTP/1.0\r\nHost: " + host + "\r\n\r\n", 10s)) return;
//     thrum::io::buffered_reader in(std::move(*s));
//     while (auto line = in.read_line({.until = 10s})) report(std::string(*line));
//   }
//
//   void serve(const thrum::net::tcp_listener& listener, const thrum::tls::context& settings) {
//     while (auto connection = listener.accept())
//       thrum::go([settings, connection = std::move(*connection)]() mutable { // nobody waits for another's handshake
//         auto s = thrum::tls::accept(std::move(connection), settings, 10s);
//         if (s && s->write_all("hello\n", 10s)) s->close();
//       });
//   }
//
// A program asks CMake for it, find_package(thrum REQUIRED COMPONENTS tls), and links thrum::tls. <thrum/thrum.h> does not
// include it.
//
// connect(host, port, context)   a connection, by net/tcp.h, and the handshake
// connect(below, host, context)  the handshake on a connection that is there: after STARTTLS, through a proxy
// accept(below, context)         the same as the server
//
// tls/context.h has the settings, tls/certificate.h the certificates, tls/stream.h what is done with a stream, tls/error.h how it
// fails.
//
// What the caller owes   A handshake has a deadline, or somebody who sends nothing keeps a fiber for ever.
// What is guaranteed     One deadline covers connecting and the handshake.
// Cancellation           A stop request ends the waits, and the connection with them.
// May park               both.
// Happens-before         only what passes through says.
// When it dies           Nothing is left behind by a connect or accept that fails.
// Errors                 of tcp_stream::connect (net/tcp.h), of resolve, and of a handshake (tls/stream.h, tls/error.h).
// Cost                   A handshake of TLS 1.3 with an ECDSA certificate computes for some 0.6 ms on each side, a resumed one for
//                        0.3 ms. For the rest see tls/stream.h.
// Source of the idea     Go's tls.Dial and tls.Server.
#pragma once

#include <thrum/io/deadline.h>
#include <thrum/tls/certificate.h>
#include <thrum/tls/context.h>
#include <thrum/tls/error.h>
#include <thrum/tls/stream.h>

#include <cstdint>
#include <string_view>
#include <utility>

namespace thrum::tls {

[[nodiscard]] io::result<stream> connect(std::string_view host, std::uint16_t port, const context& settings,
                                         io::deadline until = {});

template <byte_duplex S> [[nodiscard]] io::result<stream> connect(S below, std::string_view host,
                                                                  const context& settings,
                                                                  io::deadline until = {}) {
  stream s = stream::client(std::move(below), settings, host);
  if (auto r = s.handshake(until); !r) return r.error();
  return s;
}

template <byte_duplex S>
[[nodiscard]] io::result<stream> accept(S below, const context& settings, io::deadline until = {}) {
  stream s = stream::server(std::move(below), settings);
  if (auto r = s.handshake(until); !r) return r.error();
  return s;
}

} // namespace thrum::tls
