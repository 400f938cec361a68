// How TLS fails: codes of their own, whose messages say the cause and what to do about it.
//
//   const auto settings = thrum::tls::context::client().value();
//   auto s = thrum::tls::connect("example.com", 443, settings, 10s);
//   if (!s && s.error() == thrum::tls::errc::certificate_expired) report("their certificate needs care");
//   if (!s) report(s.error().message());
//
// Such a message is "tls handshake example.com: the peer's certificate has expired; it is to be renewed there, or the clock here is
// wrong (CN=example.com, expired Jan  1 00:00:00 2024 GMT)". Errors of the connection below, of deadlines and of closing stay what
// they are: io/error.h.
//
// What the caller owes   Who treats `truncated` as a good end gives up what TLS promises: that nobody has cut the data short.
// What is guaranteed     The text in parentheses is of this failure: io::error::causes->words. Control characters in a name that
//                        the peer has sent are replaced.
// May park               no.
// Happens-before         nothing.
// When it dies           Values.
// Errors                 The category is "tls".
// Cost                   An error of TLS allocates its words.
// Source of the idea     Rust's rustls, whose errors name the cause; curl's messages.
#pragma once

#include <system_error>
#include <thrum/io/error.h>
#include <type_traits>

namespace thrum::tls {

enum class errc {
  // The peer's certificate
  certificate_expired = 1,
  certificate_not_yet_valid,
  host_name_mismatch,  // it is for other names
  self_signed,         // by nobody but itself
  unknown_authority,   // signed by nobody we trust
  certificate_invalid, // all else that is wrong with it
  no_certificate,      // asked for, and not shown

  // What two sides did not agree on
  no_common_version,
  no_common_cipher,
  no_common_application_protocol,
  not_tls, // what the peer says is another protocol

  // What the peer said
  our_certificate_refused,
  refused, // some other fatal alert

  // The stream
  truncated,             // the connection ended without TLS's own end
  protocol_error,        // damaged, forged or malformed records
  handshake_needed,      // read or written before handshake()
  handshake_interrupted, // by a deadline, a stop request or an error: the stream cannot be used any more

  // Settings
  bad_certificate_file, // no certificate in PEM form
  bad_key_file,         // no private key in PEM form, or one with another password
  key_mismatch,         // the key is of another certificate
  bad_authorities,      // no certificate in PEM form among them
  bad_settings,         // words say which
  wrong_role            // a client's context for a server, or the other way round
};

const std::error_category& category() noexcept;
[[nodiscard]] inline std::error_code make_error_code(errc e) noexcept {
  return {static_cast<int>(e), category()};
}
inline bool operator==(const io::error& e, errc c) noexcept { return e.code == make_error_code(c); }

} // namespace thrum::tls

template <> struct std::is_error_code_enum<thrum::tls::errc> : std::true_type {};
