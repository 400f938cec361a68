#include "tls/certificate.h"

#include "tls/failure.h"

#include <cstdio>
#include <cstring>
#include <ctime>
#include <openssl/asn1.h>
#include <openssl/pem.h>
#include <utility>

#include <thrum/io/file.h>

namespace thrum::tls {

namespace {

bio_owner reader_of(std::string_view text) {
  bio_owner b(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (b == nullptr) throw std::bad_alloc();
  return b;
}

std::string contents_of(BIO* memory) {
  char* data = nullptr;
  const long n = BIO_get_mem_data(memory, &data);
  return n > 0 ? std::string(data, static_cast<std::size_t>(n)) : std::string();
}

bio_owner new_memory() {
  bio_owner b(BIO_new(BIO_s_mem()));
  if (b == nullptr) throw std::bad_alloc();
  return b;
}

// Called by OpenSSL for the password of a key. Never asks the terminal, as it would on its own.
int give_password(char* into, int size, int, void* password) noexcept {
  const auto& text = *static_cast<const std::string*>(password);
  if (text.size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(into, text.data(), text.size());
  return static_cast<int>(text.size());
}

io::error setting_error(errc code, const io::subject& about = {}) {
  return error_of({code, oldest_error()}, "tls certificate", about);
}

std::string address_text(const ASN1_OCTET_STRING* address) {
  const unsigned char* b = ASN1_STRING_get0_data(address);
  char text[64] = "?";
  if (ASN1_STRING_length(address) == 4) {
    std::snprintf(text, sizeof text, "%d.%d.%d.%d", b[0], b[1], b[2], b[3]);
  } else if (ASN1_STRING_length(address) == 16) {
    std::size_t at = 0;
    for (int i = 0; i < 16; i += 2)
      at += static_cast<std::size_t>(
          std::snprintf(text + at, sizeof text - at, "%s%x", i == 0 ? "" : ":", b[i] << 8 | b[i + 1]));
  }
  return text;
}

std::chrono::system_clock::time_point point_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  using namespace std::chrono;
  const auto day =
      year(parts.tm_year + 1900) / month(static_cast<unsigned>(parts.tm_mon + 1)) / parts.tm_mday;
  return sys_days(day) + hours(parts.tm_hour) + minutes(parts.tm_min) + seconds(parts.tm_sec);
}

} // namespace

chain_owner certificates_in(std::string_view pem) {
  const bio_owner in = reader_of(pem);
  chain_owner all(sk_X509_new_null());
  if (all == nullptr) throw std::bad_alloc();
  while (X509* next = PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr))
    if (sk_X509_push(all.get(), next) == 0) {
      X509_free(next);
      throw std::bad_alloc();
    }
  // No further beginning of a certificate: the ordinary end.
  const unsigned long e = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE;
  if (!at_end || sk_X509_num(all.get()) == 0) return nullptr;
  ERR_clear_error();
  return all;
}

std::string printable(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

std::string name_text(const X509_NAME* name) {
  const bio_owner out = new_memory();
  // XN_FLAG_ONELINE with "CN=x", and with characters of UTF-8 as they are.
  constexpr unsigned long form = (XN_FLAG_ONELINE & ~(XN_FLAG_SPC_EQ | ASN1_STRFLGS_ESC_MSB));
  X509_NAME_print_ex(out.get(), name, 0, form);
  return printable(contents_of(out.get()));
}

std::string short_name(const X509* certificate) {
  const X509_NAME* name = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) {
    const std::string all = name_text(name);
    return all.empty() ? "a certificate without a name" : all;
  }
  unsigned char* text = nullptr;
  const int n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  if (n < 0) return "CN=?";
  const text_owner owner(reinterpret_cast<char*>(text));
  return "CN=" + printable(std::string(owner.get(), static_cast<std::size_t>(n)));
}

std::string time_text(const ASN1_TIME* time) {
  const bio_owner out = new_memory();
  ASN1_TIME_print(out.get(), time);
  return printable(contents_of(out.get()));
}

std::vector<std::string> hosts_of(const X509* certificate) {
  std::vector<std::string> hosts;
  const names_owner names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) {
      const auto* text = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
      hosts.push_back(
          printable(std::string(text, static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)))));
    } else if (name->type == GEN_IPADD) {
      hosts.push_back(address_text(name->d.iPAddress));
    }
  }
  return hosts;
}

certificate_facts facts_of(X509* certificate) {
  certificate_facts f;
  f.subject = name_text(X509_get_subject_name(certificate));
  f.issuer = name_text(X509_get_issuer_name(certificate));
  if (const auto* serial = X509_get0_serialNumber(certificate)) {
    const std::unique_ptr<BIGNUM, freed_by<BN_free>> number(ASN1_INTEGER_to_BN(serial, nullptr));
    const text_owner text(number != nullptr ? BN_bn2hex(number.get()) : nullptr);
    if (text != nullptr) f.serial = text.get();
  }
  f.names = hosts_of(certificate);
  f.not_before = point_of(X509_get0_notBefore(certificate));
  f.not_after = point_of(X509_get0_notAfter(certificate));
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned n = 0;
  if (X509_digest(certificate, EVP_sha256(), digest, &n) == 1)
    for (unsigned i = 0; i < n; ++i) {
      f.sha256 += "0123456789abcdef"[digest[i] >> 4];
      f.sha256 += "0123456789abcdef"[digest[i] & 15];
    }
  const bio_owner out = new_memory();
  if (PEM_write_bio_X509(out.get(), certificate) == 1) f.pem = contents_of(out.get());
  return f;
}

// ---- identity

io::result<identity> identity::from_pem(std::string_view certificates, std::string_view key,
                                        const std::string& password) {
  begin_openssl();
  const clean_queue queue;
  auto made = std::make_shared<detail::tls_identity>();
  made->chain = certificates_in(certificates);
  if (made->chain == nullptr) return setting_error(errc::bad_certificate_file);
  made->own.reset(sk_X509_shift(made->chain.get()));
  const bio_owner in = reader_of(key);
  made->key.reset(
      PEM_read_bio_PrivateKey(in.get(), nullptr, give_password, const_cast<std::string*>(&password)));
  if (made->key == nullptr) return setting_error(errc::bad_key_file);
  if (X509_check_private_key(made->own.get(), made->key.get()) != 1) return setting_error(errc::key_mismatch);
  return identity(std::move(made));
}

io::result<identity> identity::from_files(const std::string& certificates, const std::string& key,
                                          const std::string& password) {
  const io::result<std::string> first = io::read_file(certificates);
  if (!first) return first.error();
  io::result<std::string> second = io::read_file(key);
  if (!second) return second.error();
  auto made = from_pem(*first, *second, password);
  OPENSSL_cleanse(second->data(), second->size());
  if (made) return made;
  io::error e = made.error();
  e.about = io::subject::path(e == errc::bad_certificate_file ? certificates : key);
  return e;
}

// ---- server_certificates

server_certificates::server_certificates() : shared_(std::make_shared<detail::tls_certificates>()) {}
server_certificates::server_certificates(const identity& only) : server_certificates() { replace(only); }
server_certificates::server_certificates(const std::vector<identity>& all) : server_certificates() {
  replace(all);
}

void server_certificates::replace(const identity& only) const { replace(std::vector<identity>{only}); }

void server_certificates::replace(const std::vector<identity>& all) const {
  auto next = std::make_shared<detail::tls_certificates::list>();
  for (const identity& i : all) next->push_back(i.held_);
  shared_->replace(std::move(next));
}

} // namespace thrum::tls
