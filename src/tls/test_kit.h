// What the tests of tls share: an authority that issues certificates on the spot, and pairs of streams.
#pragma once

#include "io/test_kit.h"
#include "tls/openssl.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <thrum/go.h>
#include <thrum/io/byte_pipe.h>
#include <thrum/net/tcp.h>
#include <thrum/spawn.h>
#include <thrum/tls.h>

namespace thrum::tls::test {

// Two fibers at a time on however many processors there are.
inline thrum::options four_processors() {
  thrum::options o;
  o.processors = 4;
  o.name = "test";
  o.drain = std::chrono::seconds(30);
  return o;
}

struct issued {
  std::string certificate; // PEM
  std::string key;

  identity shown() const { return identity::from_pem(certificate, key).value(); }
};

struct request {
  std::string name = "localhost";                           // CN
  std::vector<std::string> hosts{"localhost", "127.0.0.1"}; // DNS names and addresses
  long from = -3600;                                        // seconds from now
  long until = 3600;
};

// A key and a certificate of its own, with which others can be issued.
class authority {
public:
  explicit authority(const std::string& name = "test authority") : key_(new_key()) {
    const request r{.name = name, .hosts = {}};
    certificate_ = make(r, key_.get(), nullptr);
  }

  issued issue(const request& r = {}) const {
    const key_owner key = new_key();
    const certificate_owner c = make(r, key.get(), this);
    return {pem_of(c.get()), pem_of(key.get())};
  }
  static issued self_signed(const request& r = {}) {
    const key_owner key = new_key();
    const certificate_owner c = make(r, key.get(), nullptr);
    return {pem_of(c.get()), pem_of(key.get())};
  }
  std::string pem() const { return pem_of(certificate_.get()); }

  static std::string pem_of(X509* c) {
    const bio_owner out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(out.get(), c);
    return text_of(out.get());
  }
  static std::string pem_of(EVP_PKEY* k) {
    const bio_owner out(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(out.get(), k, nullptr, nullptr, 0, nullptr, nullptr);
    return text_of(out.get());
  }

private:
  static std::string text_of(BIO* memory) {
    char* data = nullptr;
    const long n = BIO_get_mem_data(memory, &data);
    return {data, static_cast<std::size_t>(n)};
  }
  static key_owner new_key() { return key_owner(EVP_EC_gen("P-256")); }

  static void extend(X509* c, X509* issuer, int what, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, c, nullptr, nullptr, 0);
    X509_EXTENSION* e = X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str());
    ASSERT_NE(e, nullptr) << value;
    X509_add_ext(c, e, -1);
    X509_EXTENSION_free(e);
  }

  static certificate_owner make(const request& r, EVP_PKEY* key, const authority* by) {
    static std::atomic<long> serial{1};
    certificate_owner c(X509_new());
    X509_set_version(c.get(), 2);
    // relaxed: a number of its own for each
    ASN1_INTEGER_set(X509_get_serialNumber(c.get()), serial.fetch_add(1, std::memory_order_relaxed));
    X509_gmtime_adj(X509_getm_notBefore(c.get()), r.from);
    X509_gmtime_adj(X509_getm_notAfter(c.get()), r.until);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(r.name.c_str()), -1, -1, 0);
    X509* issuer = by != nullptr ? by->certificate_.get() : c.get();
    X509_set_issuer_name(c.get(), X509_get_subject_name(issuer));
    X509_set_pubkey(c.get(), key);
    if (r.hosts.empty()) extend(c.get(), issuer, NID_basic_constraints, "critical,CA:TRUE");
    std::string hosts;
    for (const std::string& h : r.hosts) {
      hosts += hosts.empty() ? "" : ",";
      hosts += net::endpoint::parse_address(h, 0) ? "IP:" : "DNS:";
      hosts += h;
    }
    if (!hosts.empty()) extend(c.get(), issuer, NID_subject_alt_name, hosts);
    X509_sign(c.get(), by != nullptr ? by->key_.get() : key, EVP_sha256());
    ERR_clear_error();
    return c;
  }

  key_owner key_;
  certificate_owner certificate_;
};

// One authority, and a context of each side that goes with it.
struct world {
  authority root;
  server_certificates certificates{root.issue().shown()};

  context server(server_options o = {}) const {
    o.certificates = certificates;
    return context::server(o).value();
  }
  context client(client_options o = {}) const {
    o.system_authorities = false;
    o.authorities = root.pem();
    return context::client(o).value();
  }
};

// Two ends of a way through memory.
using memory_end = duplex<io::byte_pipe_reader, io::byte_pipe_writer>;
inline std::pair<memory_end, memory_end> memory_way(std::size_t room = 64 << 10) {
  io::byte_pipe there(room), back(room);
  return {memory_end(std::move(back.reader), std::move(there.writer)),
          memory_end(std::move(there.reader), std::move(back.writer))};
}

// A stream that passes one byte at a time.
template <class S> class trickle {
public:
  explicit trickle(S below) : below_(std::move(below)) {}
  io::result<std::size_t> read_some(io::mutable_buffer into, io::deadline until = {}) {
    return below_.read_some({into.data(), std::min<std::size_t>(into.size(), 1)}, until);
  }
  io::result<std::size_t> write_some(io::const_buffer from, io::deadline until = {}) {
    return below_.write_some({from.data(), std::min<std::size_t>(from.size(), 1)}, until);
  }
  void close() { below_.close(); }

private:
  S below_;
};

struct tcp_way {
  net::tcp_stream first, second;
};
inline tcp_way tcp_pair() {
  const auto l = net::tcp_listener::listen(net::endpoint::loopback_v4(0)).value();
  auto first = spawn([to = l.local_address().value()] { return net::tcp_stream::connect(to).value(); });
  net::tcp_stream second = l.accept().value();
  return {first.join(), std::move(second)};
}

// Both sides of a connection whose handshake was made.
struct connected {
  stream client, server;
};
template <class A, class B>
std::pair<io::result<stream>, io::result<stream>> try_to_meet(A a, B b, const context& client,
                                                              const context& server,
                                                              const std::string& host = "localhost") {
  auto other = spawn([&server, b = std::move(b)]() mutable { return accept(std::move(b), server); });
  auto mine = connect(std::move(a), host, client);
  if (!mine) return {mine.error(), other.join()};
  auto theirs = other.join();
  return {std::move(mine), std::move(theirs)};
}
template <class A, class B> connected meet(A a, B b, const context& client, const context& server) {
  auto [mine, theirs] = try_to_meet(std::move(a), std::move(b), client, server);
  return {std::move(mine).value(), std::move(theirs).value()};
}
inline connected meet_in_memory(const world& w, std::size_t room = 64 << 10) {
  auto [a, b] = memory_way(room);
  return meet(std::move(a), std::move(b), w.client(), w.server());
}

inline std::string bytes(std::size_t n, unsigned seed) {
  std::string text(n, '\0');
  for (char& c : text) {
    seed = seed * 1664525 + 1013904223;
    c = static_cast<char>(seed >> 24);
  }
  return text;
}

// Reads up to the end.
inline io::result<std::string> all_of(const stream& s) {
  std::string text;
  char block[4096];
  for (;;) {
    const auto n = s.read_some(block);
    if (!n) return n.error();
    if (*n == 0) return text;
    text.append(block, *n);
  }
}

} // namespace thrum::tls::test
