#include "tls/failure.h"

#include <memory>
#include <openssl/sslerr.h>
#include <string>
#include <utility>
#include <vector>

#include <thrum/tls/error.h>

namespace thrum::tls {

namespace {

const char* text_of(errc e) noexcept {
  switch (e) {
  case errc::certificate_expired:
    return "the peer's certificate has expired; it is to be renewed there, or the clock here is wrong";
  case errc::certificate_not_yet_valid:
    return "the peer's certificate is not valid yet; the clock here may be wrong";
  case errc::host_name_mismatch:
    return "the peer's certificate is for another host; connect to a name that it is for, or have it issued "
           "for this one";
  case errc::self_signed:
    return "the peer's certificate is signed by nobody but itself; add it to the authorities if that is "
           "meant";
  case errc::unknown_authority:
    return "the peer's certificate is signed by nobody who is trusted here; add that authority, or the "
           "server does not "
           "send its whole chain";
  case errc::certificate_invalid: return "the peer's certificate is not acceptable";
  case errc::no_certificate: return "the peer has shown no certificate, and has to";
  case errc::no_common_version:
    return "the peer and we have no version of TLS in common; see oldest and newest";
  case errc::no_common_cipher: return "the peer and we have no cipher in common";
  case errc::no_common_application_protocol:
    return "the peer and we have no application protocol (ALPN) in common; see application_protocols";
  case errc::not_tls: return "the peer does not speak TLS; is this the right port?";
  case errc::our_certificate_refused:
    return "the peer refuses our certificate, or that we have shown none; its log says more";
  case errc::refused: return "the peer refuses to go on; its log says more";
  case errc::truncated:
    return "the connection has ended without the end of TLS; what has come may not be all, by accident or by "
           "force";
  case errc::protocol_error: return "what has come is damaged, forged or no proper TLS";
  case errc::handshake_needed: return "call handshake() first";
  case errc::handshake_interrupted:
    return "the handshake did not come to its end, so this stream cannot be used; make another connection";
  case errc::bad_certificate_file: return "no certificate in PEM form";
  case errc::bad_key_file: return "no private key in PEM form, or the password is wrong";
  case errc::key_mismatch:
    return "the private key does not belong to the first certificate; the server's own comes first, then its "
           "chain";
  case errc::bad_authorities: return "the authorities are no certificates in PEM form";
  case errc::bad_settings: return "these settings cannot be used";
  case errc::wrong_role: return "a context of clients is for clients, one of servers for servers";
  }
  return "?";
}

class tls_category final : public std::error_category {
public:
  constexpr tls_category() noexcept = default;
  const char* name() const noexcept override { return "tls"; }
  std::string message(int value) const override { return text_of(static_cast<errc>(value)); }
};

// Never destroyed: errors may be made and compared while static objects are.
union immortal {
  constexpr immortal() noexcept : category{} {}
  ~immortal() {}
  tls_category category;
};
constinit immortal instance;

fault fault_of_alert(int alert) {
  std::string words = "its alert: ";
  words += SSL_alert_desc_string_long(alert);
  switch (alert) {
  case SSL_AD_BAD_CERTIFICATE:
  case SSL_AD_UNSUPPORTED_CERTIFICATE:
  case SSL_AD_CERTIFICATE_REVOKED:
  case SSL_AD_CERTIFICATE_EXPIRED:
  case SSL_AD_CERTIFICATE_UNKNOWN:
  case SSL_AD_UNKNOWN_CA:
  case SSL_AD_ACCESS_DENIED:
  case SSL_AD_CERTIFICATE_REQUIRED: return {errc::our_certificate_refused, std::move(words)};
  case SSL_AD_PROTOCOL_VERSION: return {errc::no_common_version, std::move(words)};
  case SSL_AD_NO_APPLICATION_PROTOCOL: return {errc::no_common_application_protocol, std::move(words)};
  default: return {errc::refused, std::move(words)};
  }
}

} // namespace

const std::error_category& category() noexcept { return instance.category; }

io::error error_of(fault f, const char* operation, const io::subject& about) {
  io::error e{.code = f.code, .operation = operation, .about = about, .causes = {}};
  if (!f.words.empty()) e.causes = std::make_shared<const io::cause_list>(std::move(f.words));
  return e;
}

fault fault_of_queue() {
  const unsigned long e = ERR_peek_error();
  const int reason = ERR_GET_REASON(e);
  if (ERR_GET_LIB(e) != ERR_LIB_SSL) return {errc::protocol_error, oldest_error()};
  if (reason > SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256)
    return fault_of_alert(reason - SSL_AD_REASON_OFFSET);
  switch (reason) {
  case SSL_R_WRONG_VERSION_NUMBER:
  case SSL_R_HTTP_REQUEST:
  case SSL_R_HTTPS_PROXY_REQUEST: return {errc::not_tls, oldest_error()};
  case SSL_R_UNSUPPORTED_PROTOCOL:
  case SSL_R_UNKNOWN_PROTOCOL:
  case SSL_R_VERSION_TOO_LOW:
  case SSL_R_NO_PROTOCOLS_AVAILABLE: return {errc::no_common_version, oldest_error()};
  case SSL_R_NO_SHARED_CIPHER:
  case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
  case SSL_R_NO_SUITABLE_KEY_SHARE: return {errc::no_common_cipher, oldest_error()};
  case SSL_R_NO_APPLICATION_PROTOCOL: return {errc::no_common_application_protocol, {}};
  case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return {errc::no_certificate, {}};
  default: return {errc::protocol_error, oldest_error()};
  }
}

} // namespace thrum::tls
