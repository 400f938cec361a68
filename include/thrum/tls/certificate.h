// Certificates: one's own (identity, server_certificates) and what a peer has shown (certificate_facts).
//
//   auto mine = thrum::tls::identity::from_files("/etc/site/chain.pem", "/etc/site/key.pem").value();
//   thrum::tls::server_certificates shown(mine);
//   auto settings = thrum::tls::context::server({.certificates = shown}).value();
//   // Later, when the files have changed; connections live on, new handshakes take the new one:
//   auto renewed = thrum::tls::identity::from_files("/etc/site/chain.pem", "/etc/site/key.pem");
//   if (renewed) shown.replace(*renewed);
//
// An identity is a certificate, those between it and its authority (the chain, in the same text behind it), and its private key.
// server_certificates is one identity or several: with several, a handshake takes the first that is for the name that the client
// asks for (SNI), and the first of all if there is none.
//
// What the caller owes   The certificate of the identity itself comes first in its text.
// What is guaranteed     That key and certificate belong together is looked at when an identity is made, so replace() cannot break
//                        a server. Both are handles: copies are the same thing, for any thread or fiber. A handshake takes all
//                        that it shows from one state of server_certificates.
// May park               from_files, as reading a file does (io/file.h).
// Happens-before         replace -> a handshake that begins after it.
// When it dies           The last copy, context or handshake that uses it frees it.
// Errors                 bad_certificate_file, bad_key_file, key_mismatch (tls/error.h); from_files: those of files.
//                        std::bad_alloc.
// Cost                   replace: a lock of the process for some nanoseconds. An identity: some KiB.
// Source of the idea     Go's tls.Config.GetCertificate, as a value.
#pragma once

#include <thrum/io/error.h>
#include <thrum/tls/error.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace thrum::detail {
struct tls_identity;     // src/tls/certificate.h
struct tls_certificates; // src/tls/certificate.h
} // namespace thrum::detail

namespace thrum::tls {

class context;

class identity {
public:
  // Texts in PEM form. The key may be in the same text as the certificates: give it twice.
  static io::result<identity> from_pem(std::string_view certificates, std::string_view key,
                                       const std::string& password = {});
  static io::result<identity> from_files(const std::string& certificates, const std::string& key,
                                         const std::string& password = {});

private:
  friend class server_certificates;
  friend class context;
  explicit identity(std::shared_ptr<const detail::tls_identity> p) noexcept : held_(std::move(p)) {}
  std::shared_ptr<const detail::tls_identity> held_;
};

class server_certificates {
public:
  server_certificates(); // none: a context refuses it, until replace() was called
  server_certificates(const identity& only);
  explicit server_certificates(const std::vector<identity>& all);

  void replace(const identity& only) const;
  void replace(const std::vector<identity>& all) const;

private:
  friend class context;
  std::shared_ptr<detail::tls_certificates> shared_;
};

// What is in a certificate that a peer has shown.
struct certificate_facts {
  std::string subject;            // "CN=example.com, O=Example"
  std::string issuer;             // the same of who signed it
  std::string serial;             // in hexadecimal digits
  std::vector<std::string> names; // the hosts that it is for: DNS names and addresses
  std::chrono::system_clock::time_point not_before;
  std::chrono::system_clock::time_point not_after;
  std::string sha256; // of the whole certificate: 64 hexadecimal digits
  std::string pem;
};

} // namespace thrum::tls
