// Certificates as OpenSSL has them: reading them from texts, what is in them, and those of a server.
#pragma once

#include "tls/openssl.h"

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <thrum/io/error.h>
#include <thrum/tls/certificate.h>

namespace thrum::detail {

struct tls_identity {
  tls::certificate_owner own;
  tls::chain_owner chain;
  tls::key_owner key;
};

// Immutable lists of identities, one of which is the present one. The lock is the thread's, not a fiber's: a handshake asks in the
// middle of a frame of OpenSSL, where nothing may park; it is held to copy a pointer.
struct tls_certificates {
  using list = std::vector<std::shared_ptr<const tls_identity>>;

  std::shared_ptr<const list> now() const {
    const std::lock_guard hold(lock_);
    return now_;
  }
  void replace(std::shared_ptr<const list> next) {
    const std::lock_guard hold(lock_);
    now_.swap(next); // what was is freed after the lock
  }

private:
  mutable std::mutex lock_;
  std::shared_ptr<const list> now_;
};

} // namespace thrum::detail

namespace thrum::tls {

// All certificates of a text in PEM form. Null: there is none, or something is no certificate.
chain_owner certificates_in(std::string_view pem);

// Names of a certificate come from the peer: control characters become '?'.
std::string printable(std::string text);
std::string name_text(const X509_NAME* name);    // "CN=example.com, O=Example"
std::string short_name(const X509* certificate); // what to call it: its common name, or all of its name
std::string time_text(const ASN1_TIME* time);
std::vector<std::string> hosts_of(const X509* certificate);
certificate_facts facts_of(X509* certificate);

} // namespace thrum::tls
