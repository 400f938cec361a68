// Building a context. All that can be wrong with settings is found here, before any connection is made.
#include "tls/settings.h"

#include "tls/failure.h"

#include <utility>

namespace thrum::tls {

namespace {

using building = std::shared_ptr<detail::tls_context>;

io::error failed(errc code, std::string words = {}) {
  if (words.empty()) words = oldest_error();
  return error_of({code, std::move(words)}, "tls context");
}

int number_of(version v) noexcept { return v == version::tls_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION; }

io::result<building> begin(bool is_server, version oldest, version newest, std::size_t hosts) {
  if (newest < oldest) return failed(errc::bad_settings, "newest is older than oldest");
  auto made = std::make_shared<detail::tls_context>(is_server, hosts);
  made->openssl.reset(SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method()));
  SSL_CTX* c = made->openssl.get();
  if (c == nullptr) return failed(errc::bad_settings);
  SSL_CTX_set_min_proto_version(c, number_of(oldest));
  SSL_CTX_set_max_proto_version(c, number_of(newest));
  // Without renegotiation a write never has to read, and the peer cannot make us compute for nothing.
  SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // A record at a time, wherever its bytes are; no buffers while a connection is idle.
  SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                          SSL_MODE_RELEASE_BUFFERS);
  return made;
}

// As ALPN sends it. False: a name that has no length or too much of it.
bool encode(const std::vector<std::string>& names, std::string& out) {
  for (const std::string& name : names) {
    if (name.empty() || name.size() > 255) return false;
    out += static_cast<char>(name.size());
    out += name;
  }
  return out.size() <= 65535;
}

// Trusts the authorities of a text, too. `names`: a server tells clients whose certificates it takes.
bool trust(SSL_CTX* c, const std::string& pem, bool names) {
  const chain_owner all = certificates_in(pem);
  if (all == nullptr) return false;
  for (int i = 0; i < sk_X509_num(all.get()); ++i) {
    X509* authority = sk_X509_value(all.get(), i);
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(c), authority) != 1) return false;
    if (names && SSL_CTX_add_client_CA(c, authority) != 1) return false;
  }
  return true;
}

} // namespace

bool show(SSL_CTX* openssl, const detail::tls_identity& i) {
  return SSL_CTX_use_cert_and_key(openssl, i.own.get(), i.key.get(), i.chain.get(), 1) == 1;
}
bool show(SSL* connection, const detail::tls_identity& i) {
  return SSL_use_cert_and_key(connection, i.own.get(), i.key.get(), i.chain.get(), 1) == 1;
}

io::result<context> context::client(const client_options& o) {
  begin_openssl();
  const clean_queue queue;
  auto begun = begin(false, o.oldest, o.newest, o.sessions);
  if (!begun) return begun.error();
  detail::tls_context& made = **begun;
  SSL_CTX* c = made.openssl.get();
  made.verifies = o.check == verify::peer;
  if (made.verifies) {
    if (o.system_authorities && SSL_CTX_set_default_verify_paths(c) != 1)
      return failed(errc::bad_authorities);
    if (!o.authorities.empty() && !trust(c, o.authorities, false)) return failed(errc::bad_authorities);
    if (!o.system_authorities && o.authorities.empty())
      return failed(errc::bad_settings, "no authority is trusted, so nobody could be");
  }
  if (o.own && !show(c, *o.own->held_)) return failed(errc::bad_settings);
  if (!encode(o.application_protocols, made.protocols))
    return failed(errc::bad_settings, "an application protocol has a name of 1 to 255 bytes");
  if (!made.protocols.empty() &&
      SSL_CTX_set_alpn_protos(c, reinterpret_cast<const unsigned char*>(made.protocols.data()),
                              static_cast<unsigned>(made.protocols.size())) != 0)
    return failed(errc::bad_settings);
  SSL_CTX_set_session_cache_mode(c, made.sessions.keeps() ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL
                                                          : SSL_SESS_CACHE_OFF);
  install_callbacks(c, made);
  return context(std::move(*begun));
}

io::result<context> context::server(const server_options& o) {
  begin_openssl();
  const clean_queue queue;
  auto begun = begin(true, o.oldest, o.newest, 0);
  if (!begun) return begun.error();
  detail::tls_context& made = **begun;
  SSL_CTX* c = made.openssl.get();
  made.certificates = o.certificates.shared_;
  const auto first = made.certificates->now();
  if (first == nullptr || first->empty())
    return failed(errc::bad_settings, "a server needs a certificate: identity::from_files");
  // Whatever is shown later; OpenSSL chooses ciphers by it before it asks.
  if (!show(c, *first->front())) return failed(errc::bad_settings);
  made.verifies = o.clients != client_certificate::none;
  if (made.verifies) {
    if (o.client_authorities.empty())
      return failed(errc::bad_settings, "clients are to show certificates, but client_authorities is empty");
    if (!trust(c, o.client_authorities, true)) return failed(errc::bad_authorities);
  }
  SSL_CTX_set_verify(c,
                     !made.verifies ? SSL_VERIFY_NONE
                     : o.clients == client_certificate::required
                         ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                         : SSL_VERIFY_PEER,
                     nullptr);
  if (!encode(o.application_protocols, made.protocols))
    return failed(errc::bad_settings, "an application protocol has a name of 1 to 255 bytes");
  // What a client resumes is meant for this context: sessions of others have other keys, too.
  static constexpr unsigned char name[] = "thrum";
  SSL_CTX_set_session_id_context(c, name, sizeof name - 1);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF); // what a server knows is in the tickets
  if (!o.tickets) {
    SSL_CTX_set_options(c, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(c, 0);
  }
  install_callbacks(c, made);
  return context(std::move(*begun));
}

} // namespace thrum::tls
