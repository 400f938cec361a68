// What OpenSSL calls while it works: the memory ends of a connection, and decisions that are the settings'. Nothing here waits, and
// nothing throws: an exception does not pass through OpenSSL.
#include "tls/engine.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <thrum/tls/certificate.h>

namespace thrum::tls {

namespace {

int engine_index() noexcept {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

engine& engine_of(const SSL* s) noexcept { return *static_cast<engine*>(SSL_get_ex_data(s, engine_index())); }

std::string for_hosts(const X509* certificate) {
  constexpr std::size_t enough = 8;
  const std::vector<std::string> hosts = hosts_of(certificate);
  std::string text;
  for (std::size_t i = 0; i < std::min(hosts.size(), enough); ++i) text += (i == 0 ? "" : ", ") + hosts[i];
  if (hosts.size() > enough) text += ", ...";
  return text.empty() ? "no host; it has no subjectAltName" : text;
}

fault fault_of_verification(int error, const X509* shown, const std::string& host) {
  const std::string who = shown != nullptr ? short_name(shown) : "no certificate";
  switch (shown != nullptr ? error : X509_V_ERR_UNSPECIFIED) {
  case X509_V_ERR_CERT_HAS_EXPIRED:
    return {errc::certificate_expired, who + ", expired " + time_text(X509_get0_notAfter(shown))};
  case X509_V_ERR_CERT_NOT_YET_VALID:
    return {errc::certificate_not_yet_valid, who + ", valid from " + time_text(X509_get0_notBefore(shown))};
  case X509_V_ERR_HOSTNAME_MISMATCH:
  case X509_V_ERR_IP_ADDRESS_MISMATCH:
    return {errc::host_name_mismatch,
            "'" + printable(host) + "' is not in the certificate, which is for: " + for_hosts(shown)};
  case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return {errc::self_signed, who};
  case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    return {errc::unknown_authority, "the chain ends with " + who + ", which is not trusted here"};
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
  case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    return {errc::unknown_authority, who + ", signed by " + name_text(X509_get_issuer_name(shown))};
  default: return {errc::certificate_invalid, who + ": " + X509_verify_cert_error_string(error)};
  }
}

} // namespace

// ---- the memory ends

namespace {

// What the two ends of the BIO may touch of an engine.
struct ends {
  block& input;
  std::size_t& taken;
  std::vector<char>& output;
  bool& no_memory;
};

} // namespace

struct engine_callbacks {
  static ends ends_of(BIO* b) noexcept {
    auto& e = *static_cast<engine*>(BIO_get_data(b));
    return {e.input_, e.taken_, e.output_, e.no_memory_};
  }

  static int read(BIO* b, char* into, int size) noexcept {
    BIO_clear_retry_flags(b);
    const ends e = ends_of(b);
    const std::size_t n = std::min(static_cast<std::size_t>(std::max(size, 0)), e.input.size - e.taken);
    if (n == 0) {
      BIO_set_retry_read(b);
      return -1;
    }
    std::memcpy(into, e.input.bytes.get() + e.taken, n);
    e.taken += n;
    if (e.taken == e.input.size) {
      e.input = {}; // an idle connection keeps none
      e.taken = 0;
    }
    return static_cast<int>(n);
  }

  static int write(BIO* b, const char* from, int size) noexcept {
    BIO_clear_retry_flags(b);
    const ends e = ends_of(b);
    try {
      e.output.insert(e.output.end(), from, from + std::max(size, 0));
    } catch (const std::bad_alloc&) {
      e.no_memory = true;
      return -1;
    }
    return size;
  }

  static long control(BIO*, int what, long, void*) noexcept { return what == BIO_CTRL_FLUSH ? 1 : 0; }

  static BIO_METHOD* memory_ends() {
    static BIO_METHOD* const method = [] {
      BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "thrum");
      if (m == nullptr) throw std::bad_alloc();
      BIO_meth_set_read(m, [](BIO* b, char* into, int size) { return read(b, into, size); });
      BIO_meth_set_write(m, [](BIO* b, const char* from, int size) { return write(b, from, size); });
      BIO_meth_set_ctrl(m, [](BIO* b, int what, long n, void* p) { return control(b, what, n, p); });
      return m;
    }();
    return method;
  }

  static void attach(SSL* ssl, engine& e) {
    if (SSL_set_ex_data(ssl, engine_index(), &e) != 1) throw std::bad_alloc();
  }

  // ---- decisions

  // Remembers what was wrong first.
  static int verified(int ok, X509_STORE_CTX* store) noexcept {
    if (ok == 1) return ok;
    auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    engine& e = engine_of(ssl);
    try {
      if (!e.verification_)
        e.verification_ = fault_of_verification(X509_STORE_CTX_get_error(store),
                                                X509_STORE_CTX_get_current_cert(store), e.host_);
    } catch (const std::bad_alloc&) { e.no_memory_ = true; }
    return ok;
  }

  // The certificate that is shown to this client.
  static int choose_certificate(SSL* ssl, void* settings) noexcept {
    const auto& s = *static_cast<const detail::tls_context*>(settings);
    const auto all = s.certificates->now();
    if (all == nullptr || all->empty()) return 0;
    const detail::tls_identity* chosen = all->front().get();
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name != nullptr && all->size() > 1)
      for (const auto& i : *all)
        if (X509_check_host(i->own.get(), name, 0, 0, nullptr) == 1) {
          chosen = i.get();
          break;
        }
    return show(ssl, *chosen) ? 1 : 0;
  }

  static int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size,
                             const unsigned char* offered, unsigned offered_size, void* settings) noexcept {
    const auto& s = *static_cast<const detail::tls_context*>(settings);
    unsigned char* out = nullptr;
    const int how =
        SSL_select_next_proto(&out, size, reinterpret_cast<const unsigned char*>(s.protocols.data()),
                              static_cast<unsigned>(s.protocols.size()), offered, offered_size);
    *chosen = out;
    return how == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
  }

  // 1: we own the session now.
  static int keep_session(SSL* ssl, SSL_SESSION* session) noexcept {
    engine& e = engine_of(ssl);
    session_owner owned(session);
    try {
      e.settings_->sessions.put(e.host_, std::move(owned));
      return 1;
    } catch (const std::bad_alloc&) { return 1; } // it is freed: there will be another
  }
};

BIO_METHOD* memory_ends() { return engine_callbacks::memory_ends(); }
void attach(SSL* ssl, engine& e) { engine_callbacks::attach(ssl, e); }

void install_callbacks(SSL_CTX* openssl, const detail::tls_context& settings) {
  auto* argument = const_cast<detail::tls_context*>(&settings); // only read
  const int mode = settings.is_server  ? SSL_CTX_get_verify_mode(openssl)
                   : settings.verifies ? SSL_VERIFY_PEER
                                       : SSL_VERIFY_NONE;
  SSL_CTX_set_verify(openssl, mode,
                     [](int ok, X509_STORE_CTX* s) { return engine_callbacks::verified(ok, s); });
  if (!settings.is_server) {
    SSL_CTX_sess_set_new_cb(openssl,
                            [](SSL* s, SSL_SESSION* n) { return engine_callbacks::keep_session(s, n); });
    return;
  }
  SSL_CTX_set_cert_cb(
      openssl, [](SSL* s, void* a) { return engine_callbacks::choose_certificate(s, a); }, argument);
  if (!settings.protocols.empty())
    SSL_CTX_set_alpn_select_cb(
        openssl,
        [](SSL* s, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
           unsigned n, void* a) { return engine_callbacks::choose_protocol(s, chosen, size, offered, n, a); },
        argument);
}

} // namespace thrum::tls
