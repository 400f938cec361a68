#include "tls/engine.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include <thrum/net/endpoint.h>

namespace thrum::tls {

engine::engine(std::shared_ptr<const detail::tls_context> settings, std::string host, bool as_server)
    : settings_(std::move(settings)), host_(std::move(host)) {
  const clean_queue queue;
  ssl_.reset(SSL_new(settings_->openssl.get()));
  if (ssl_ == nullptr) throw std::bad_alloc();
  attach(ssl_.get(), *this);
  bio_owner ends(BIO_new(memory_ends()));
  if (ends == nullptr) throw std::bad_alloc();
  BIO_set_data(ends.get(), this);
  BIO_set_init(ends.get(), 1);
  BIO* both = ends.release();
  SSL_set_bio(ssl_.get(), both, both); // one reference for both
  if (settings_->is_server != as_server)
    fault_ = fault{errc::wrong_role, {}};
  else if (as_server)
    SSL_set_accept_state(ssl_.get());
  else
    prepare();
}

// OpenSSL forgets the session of a connection that ends without both its ends said, which SSL 3 demanded. TLS does not, and most
// clients just go. A session whose connection has failed is forgotten.
engine::~engine() {
  if (!fault_) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  const clean_queue queue;
  ssl_.reset();
}

// Whom a client wants to meet.
void engine::prepare() {
  SSL* s = ssl_.get();
  SSL_set_connect_state(s);
  const bool is_address = net::endpoint::parse_address(host_, 0).has_value();
  if (settings_->verifies) {
    X509_VERIFY_PARAM* expected = SSL_get0_param(s);
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const bool set =
        is_address ? X509_VERIFY_PARAM_set1_ip_asc(expected, host_.c_str()) == 1
                   : !host_.empty() && X509_VERIFY_PARAM_set1_host(expected, host_.data(), host_.size()) == 1;
    if (!set || host_.find('\0') != std::string::npos) {
      fault_ = fault{errc::bad_settings,
                     "'" + printable(host_) + "' is no host whose certificate could be verified"};
      return;
    }
  }
  if (!is_address && !host_.empty() && SSL_set_tlsext_host_name(s, host_.c_str()) != 1) {
    fault_ = fault{errc::bad_settings, "'" + printable(host_) + "' is too long for a host name"};
    return;
  }
  if (const session_owner session = settings_->sessions.take(host_)) SSL_set_session(s, session.get());
}

void engine::feed(block ciphertext) noexcept {
  input_ = std::move(ciphertext);
  taken_ = 0;
}

step engine::handshake() {
  if (fault_) return {.how = stand::failed};
  const clean_queue queue;
  const step s = conclude(SSL_do_handshake(ssl_.get()), 0);
  // Of TLS 1.2 the same session is good again, and nobody sends another.
  if (s.how == stand::done && !settings_->is_server && resumed() && !is_1_3())
    settings_->sessions.put(host_, session_owner(SSL_get1_session(ssl_.get())));
  return s;
}

step engine::read(void* into, std::size_t size) {
  if (fault_) return {.how = stand::failed};
  const clean_queue queue;
  std::size_t n = 0;
  const int returned = SSL_read_ex(ssl_.get(), into, size, &n);
  return conclude(returned, n);
}

step engine::write(const void* from, std::size_t size) {
  if (fault_) return {.how = stand::failed};
  const clean_queue queue;
  std::size_t n = 0;
  const int returned = SSL_write_ex(ssl_.get(), from, std::min(size, record), &n);
  return conclude(returned, n);
}

void engine::say_end() {
  if (fault_) return;
  const clean_queue queue;
  static_cast<void>(SSL_shutdown(ssl_.get())); // into memory; what may fail was found by a step
}

// With the queue of errors as the call has left it.
step engine::conclude(int returned, std::size_t bytes) {
  if (returned > 0) return {.how = stand::done, .bytes = bytes};
  if (std::exchange(no_memory_, false)) {
    fault_ = fault{errc::protocol_error, "out of memory"};
    return {.how = stand::failed};
  }
  switch (SSL_get_error(ssl_.get(), returned)) {
  case SSL_ERROR_WANT_READ: return {.how = stand::wants_input};
  case SSL_ERROR_ZERO_RETURN: return {.how = stand::ended};
  default: fault_ = failure(); return {.how = stand::failed};
  }
}

fault engine::failure() const {
  const unsigned long e = ERR_peek_error();
  const bool by_certificate =
      ERR_GET_LIB(e) == ERR_LIB_SSL && ERR_GET_REASON(e) == SSL_R_CERTIFICATE_VERIFY_FAILED;
  return by_certificate && verification_ ? *verification_ : fault_of_queue();
}

std::string engine::protocol() const { return SSL_get_version(ssl_.get()); }

std::string engine::cipher() const {
  const char* name = SSL_get_cipher_name(ssl_.get());
  return name != nullptr ? name : "";
}

std::string engine::application_protocol() const {
  const unsigned char* name = nullptr;
  unsigned n = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &n);
  return {reinterpret_cast<const char*>(name), n};
}

std::string engine::server_name() const {
  const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  return name != nullptr ? printable(name) : "";
}

bool engine::resumed() const noexcept { return SSL_session_reused(ssl_.get()) == 1; }

std::optional<certificate_facts> engine::peer_certificate() const {
  const clean_queue queue;
  const certificate_owner shown(SSL_get1_peer_certificate(ssl_.get()));
  if (shown == nullptr) return std::nullopt;
  return facts_of(shown.get());
}

} // namespace thrum::tls
