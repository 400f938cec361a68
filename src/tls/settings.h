// A context: OpenSSL's settings, and what goes with them. Immutable once built, but for the two parts that have locks of their own.
#pragma once

#include "tls/certificate.h"
#include "tls/openssl.h"
#include "tls/session_cache.h"

#include <memory>
#include <string>

#include <thrum/tls/context.h>

namespace thrum::detail {

struct tls_context {
  tls_context(bool server, std::size_t hosts) : is_server(server), sessions(hosts) {}

  const bool is_server;
  tls::ssl_context_owner openssl;
  bool verifies = false;
  std::string protocols;                          // ALPN, as it is sent: each after its length
  std::shared_ptr<tls_certificates> certificates; // of a server
  mutable tls::session_cache sessions;            // of a client
};

} // namespace thrum::detail

namespace thrum::tls {

// Functions that OpenSSL calls for a context; they find the engine (engine.h) of the connection.
void install_callbacks(SSL_CTX* openssl, const detail::tls_context& settings);

// Puts what an identity shows into a context or a connection. False: OpenSSL's queue says why.
bool show(SSL_CTX* openssl, const detail::tls_identity& identity);
bool show(SSL* connection, const detail::tls_identity& identity);

} // namespace thrum::tls
