// OpenSSL's objects as owners that free them, and the one rule for its queue of errors: it belongs to the thread, so whoever calls
// OpenSSL clears it before, takes what is in it at once after, and never waits in between.
#pragma once

#include <memory>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string>
#include <string_view>

namespace thrum::tls {

template <auto Free> struct freed_by {
  template <class T> void operator()(T* p) const noexcept { Free(p); }
};
inline void free_names(GENERAL_NAMES* names) noexcept { GENERAL_NAMES_free(names); }
inline void free_text(char* text) noexcept { OPENSSL_free(text); }
inline void free_certificates(STACK_OF(X509) * all) noexcept { sk_X509_pop_free(all, X509_free); }

using ssl_owner = std::unique_ptr<SSL, freed_by<SSL_free>>;
using ssl_context_owner = std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>>;
using session_owner = std::unique_ptr<SSL_SESSION, freed_by<SSL_SESSION_free>>;
using bio_owner = std::unique_ptr<BIO, freed_by<BIO_free>>;
using certificate_owner = std::unique_ptr<X509, freed_by<X509_free>>;
using chain_owner = std::unique_ptr<STACK_OF(X509), freed_by<free_certificates>>;
using key_owner = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using names_owner = std::unique_ptr<GENERAL_NAMES, freed_by<free_names>>;
using text_owner = std::unique_ptr<char, freed_by<free_text>>;

// Around calls of OpenSSL, without a wait between its ends: the thread's queue of errors is empty at both.
class clean_queue {
public:
  clean_queue() noexcept { ERR_clear_error(); }
  ~clean_queue() { ERR_clear_error(); }
  clean_queue(const clean_queue&) = delete;
  clean_queue& operator=(const clean_queue&) = delete;
};

// The oldest error in the queue, in words; empty if there is none.
inline std::string oldest_error() {
  const unsigned long e = ERR_peek_error();
  const char* said = e != 0 ? ERR_reason_error_string(e) : nullptr;
  return said != nullptr ? said : "";
}

// Before anything else of OpenSSL is used.
void begin_openssl() noexcept;

} // namespace thrum::tls
