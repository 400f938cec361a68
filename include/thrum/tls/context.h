// tls::context: the settings of clients or of a server: whom to trust, what to show, which versions. Made once, shared by all.
//
//   // A client that trusts what the system trusts, and speaks HTTP/2 if it can:
//   const auto web = thrum::tls::context::client({.application_protocols = {"h2", "http/1.1"}}).value();
//
//   // A server, and clients within a company, both with certificates of the company's own authority:
//   const std::string ours = thrum::io::read_file("/etc/company/authority.pem").value();
//   const auto me = thrum::tls::identity::from_files("/etc/site/chain.pem", "/etc/site/key.pem").value();
//   const auto server = thrum::tls::context::server({.certificates = me,
//                                                    .clients = thrum::tls::client_certificate::required,
//                                                    .client_authorities = ours}).value();
//   const auto client = thrum::tls::context::client({.system_authorities = false, .authorities = ours, .own = me}).value();
//
// Without a word, a client verifies: the chain up to an authority that the system trusts, the times, and that the certificate is
// for the host that it connects to. Versions below TLS 1.2 cannot be had, nor renegotiation, compression or early data.
//
// What the caller owes   verify::none_and_i_mean_it protects from nobody who can stand in the way: for tests only.
// What is guaranteed     A context never changes, and copies are the same thing; any thread and fiber may use it. What it needs it
//                        keeps alive. A server's certificates are replaced through its server_certificates (tls/certificate.h).
// Sessions               A client keeps for each host (the name that was verified) the two newest tickets of the server, of the
//                        `sessions` hosts that were used last, and resumes with them: no certificate is sent then, and none
//                        verified again, for as long as the server allows. A ticket is used once. A server keeps nothing: a
//                        ticket has all, under a key of the context.
// May park               Making a context does not. It may read files (the system's authorities), and so may a handshake: some
//                        10 us for each authority that it meets first.
// Happens-before         nothing.
// When it dies           The last copy or stream that uses it frees it.
// Errors                 bad_authorities, bad_settings, wrong_role (tls/error.h). std::bad_alloc.
// Cost                   client() computes for some 30 ms if it reads the system's authorities. A copy: a counter.
// Source of the idea     Go's tls.Config; rustls, which verifies unless one works hard.
#pragma once

#include <thrum/io/error.h>
#include <thrum/tls/certificate.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace thrum::detail {
struct tls_context; // src/tls/settings.h
struct tls_core;    // src/tls/core.h
} // namespace thrum::detail

namespace thrum::tls {

enum class version { tls_1_2, tls_1_3 };

enum class verify {
  peer,              // chain, times and host name
  none_and_i_mean_it // nothing: the connection may be with anybody
};

enum class client_certificate {
  none,    // not asked for
  asked,   // verified if one is shown
  required // no connection without
};

struct client_options {
  verify check = verify::peer;
  bool system_authorities = true;
  std::string authorities{};                        // trusted, too: certificates in PEM form
  std::optional<identity> own{};                    // shown to a server that asks
  std::vector<std::string> application_protocols{}; // ALPN, the best first
  version oldest = version::tls_1_2;
  version newest = version::tls_1_3;
  std::size_t sessions = 256; // hosts; 0: none are kept
};

struct server_options {
  server_certificates certificates{};
  std::vector<std::string>
      application_protocols{}; // ALPN, the best first; a client that names only others is refused
  client_certificate clients = client_certificate::none;
  std::string client_authorities{}; // who signs those, in PEM form
  version oldest = version::tls_1_2;
  version newest = version::tls_1_3;
  bool tickets = true; // clients may resume sessions
};

class context {
public:
  static io::result<context> client(const client_options& options = {});
  static io::result<context> server(const server_options& options);

private:
  friend struct detail::tls_core;
  explicit context(std::shared_ptr<const detail::tls_context> p) noexcept : shared_(std::move(p)) {}
  std::shared_ptr<const detail::tls_context> shared_;
};

} // namespace thrum::tls
