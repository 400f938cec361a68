// Peers that do what thrum's own streams never do: change keys in the middle, send messages in pieces, renegotiate. They are
// OpenSSL between two memory BIOs, whose ciphertext the test carries.
#include "tls/certificate.h"
#include "tls/test_kit.h"

#include <chrono>
#include <deque>

#include <thrum/runtime.h>

namespace thrum::tls {
namespace {

using namespace std::chrono_literals;
using namespace test;

class raw_peer {
public:
  raw_peer(SSL_CTX* c, memory_end way) : ssl_(SSL_new(c)), way_(std::move(way)) {
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(ssl_.get()), -1);
    SSL_set_ex_data(ssl_.get(), 0, nullptr);
    SSL_set_msg_callback(ssl_.get(), &note);
    SSL_set_msg_callback_arg(ssl_.get(), this);
  }

  SSL* get() const { return ssl_.get(); }
  unsigned key_updates() const { return key_updates_; } // that have come
  unsigned warnings() const { return warnings_; }

  // Repeats a step of OpenSSL's, and carries what it puts out and needs.
  template <class F> int run(F f) {
    for (;;) {
      ERR_clear_error();
      const int n = f();
      const int why = SSL_get_error(ssl_.get(), n);
      send();
      if (why != SSL_ERROR_WANT_READ) return n;
      let_go(records());
      char block[4096];
      const auto got = way_.read_some(block);
      if (!got || *got == 0) return -1;
      BIO_write(SSL_get_rbio(ssl_.get()), block, static_cast<int>(*got));
    }
  }
  int connect() {
    return run([&] { return SSL_connect(get()); });
  }
  bool write(const std::string& text) {
    return run([&] { return SSL_write(get(), text.data(), static_cast<int>(text.size())); }) ==
           static_cast<int>(text.size());
  }
  std::string read(std::size_t size) {
    std::string text;
    while (text.size() < size) {
      char block[4096];
      const int n = run([&] {
        return SSL_read(get(), block, static_cast<int>(std::min(sizeof block, size - text.size())));
      });
      if (n <= 0) break;
      text.append(block, static_cast<std::size_t>(n));
    }
    return text;
  }

  // What is put out stays here, record by record, until something is waited for.
  void hold() { held_ = true; }
  std::size_t records() const { return waiting_.size(); }
  void let_go(std::size_t n) {
    for (; n != 0; --n) {
      pass(waiting_.front());
      waiting_.pop_front();
    }
  }

private:
  static void note(int write, int, int type, const void* bytes, std::size_t size, SSL*, void* self) {
    if (write != 0 || size == 0) return;
    auto& p = *static_cast<raw_peer*>(self);
    if (type == SSL3_RT_HANDSHAKE && static_cast<const unsigned char*>(bytes)[0] == SSL3_MT_KEY_UPDATE)
      ++p.key_updates_;
    if (type == SSL3_RT_ALERT && static_cast<const unsigned char*>(bytes)[0] == SSL3_AL_WARNING)
      ++p.warnings_;
  }
  void pass(const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
      const auto n = way_.write_some({text.data() + at, text.size() - at});
      if (!n) return;
      at += *n;
    }
  }
  void send() {
    char* data = nullptr;
    const long n = BIO_get_mem_data(SSL_get_wbio(ssl_.get()), &data);
    std::string out(data, static_cast<std::size_t>(n));
    static_cast<void>(BIO_reset(SSL_get_wbio(ssl_.get())));
    if (!held_) return pass(out);
    while (out.size() >= 5) {
      const std::size_t length =
          5 + (static_cast<unsigned char>(out[3]) << 8 | static_cast<unsigned char>(out[4]));
      waiting_.push_back(out.substr(0, length));
      out.erase(0, length);
    }
  }

  ssl_owner ssl_;
  memory_end way_;
  bool held_ = false;
  std::deque<std::string> waiting_;
  unsigned key_updates_ = 0;
  unsigned warnings_ = 0;
};

TEST(tls_peer, key_updates_are_answered_before_the_next_data) {
  thrum::run([] {
    const world w;
    const ssl_context_owner c(SSL_CTX_new(TLS_client_method()));
    auto [a, b] = memory_way(4 << 20);
    auto other = spawn([&] { return accept(std::move(b), w.server()).value(); });
    raw_peer peer(c.get(), std::move(a));
    ASSERT_EQ(peer.connect(), 1);
    const stream s = other.join();
    char text[4];
    for (unsigned i = 1; i <= 50; ++i) {
      ASSERT_EQ(SSL_key_update(peer.get(), SSL_KEY_UPDATE_REQUESTED), 1);
      ASSERT_TRUE(peer.write("ping"));
      s.read_exactly(text).value();
      ASSERT_EQ(std::string(text, 4), "ping");
      s.write_all("pong").value();
      ASSERT_EQ(peer.read(4), "pong");
      EXPECT_EQ(peer.key_updates(), i);
    }
  });
}

TEST(tls_peer, key_updates_come_while_another_fiber_writes) {
  thrum::run(
      [] {
        const world w;
        const ssl_context_owner c(SSL_CTX_new(TLS_client_method()));
        auto [a, b] = memory_way(8 << 20);
        auto other = spawn([&] { return accept(std::move(b), w.server()).value(); });
        raw_peer peer(c.get(), std::move(a));
        ASSERT_EQ(peer.connect(), 1);
        const stream s = other.join();
        const std::string there = bytes(100'000, 1), back = bytes(1'000'000, 2);
        auto reader = spawn([&] {
          std::string text(there.size(), '\0');
          s.read_exactly(text).value();
          return text == there;
        });
        auto writer = spawn([&] { s.write_all(back).value(); });
        std::string got;
        for (std::size_t at = 0; at < there.size(); at += 1000) {
          SSL_key_update(peer.get(), SSL_KEY_UPDATE_REQUESTED);
          ASSERT_TRUE(peer.write(there.substr(at, 1000)));
          got += peer.read(back.size() / 100);
        }
        EXPECT_TRUE(got == back);
        EXPECT_TRUE(reader.join());
        writer.join();
      },
      four_processors());
}

TEST(tls_peer, that_asks_for_answers_and_reads_none_is_not_listened_to_without_end) {
  thrum::run([] {
    const world w;
    const ssl_context_owner c(SSL_CTX_new(TLS_client_method()));
    io::byte_pipe there(4 << 20), back(1000);
    auto other = spawn([&] {
      return accept(memory_end(std::move(there.reader), std::move(back.writer)), w.server()).value();
    });
    raw_peer peer(c.get(), memory_end(std::move(back.reader), std::move(there.writer)));
    ASSERT_EQ(peer.connect(), 1);
    const stream s = other.join();
    const unsigned updates = 4000; // whose answers, of 27 bytes each, are more than a read puts up with
    for (unsigned i = 0; i < updates; ++i) {
      ASSERT_EQ(SSL_key_update(peer.get(), SSL_KEY_UPDATE_REQUESTED), 1);
      ASSERT_EQ(peer.run([&] { return SSL_do_handshake(peer.get()); }), 1);
    }
    ASSERT_TRUE(peer.write("ping"));
    char text[4];
    EXPECT_EQ(s.read_exactly(text, 5ms).error(), io::errc::deadline); // though all is there
    auto reader = spawn([&] { return peer.read(4); });
    s.read_exactly(text).value();
    EXPECT_EQ(std::string(text, 4), "ping");
    s.write_all("pong").value();
    EXPECT_EQ(reader.join(), "pong");
    EXPECT_EQ(peer.key_updates(), updates);
  });
}

TEST(tls_peer, renegotiation_is_refused_and_the_connection_goes_on) {
  thrum::run([] {
    const world w;
    const ssl_context_owner c(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_max_proto_version(c.get(), TLS1_2_VERSION);
    auto [a, b] = memory_way(4 << 20);
    auto other = spawn([&] { return accept(std::move(b), w.server()).value(); });
    raw_peer peer(c.get(), std::move(a));
    ASSERT_EQ(peer.connect(), 1);
    const stream s = other.join();
    ASSERT_EQ(SSL_renegotiate(peer.get()), 1);
    auto reader = spawn([&] {
      char text[4];
      return s.read_exactly(text);
    });
    EXPECT_LE(peer.run([&] { return SSL_do_handshake(peer.get()); }), 0);
    EXPECT_EQ(peer.warnings(), 1u); // no_renegotiation, sent by a read
    s.close();
    EXPECT_FALSE(reader.join());
  });
}

// A server that sends its tickets in several records each.
struct in_pieces {
  const world w;
  ssl_context_owner settings{SSL_CTX_new(TLS_server_method())};
  const context client =
      w.client({.own = w.root.issue({.name = std::string(60, 'a'), .hosts = {"alice"}}).shown()});

  in_pieces() {
    const issued i = w.root.issue();
    const auto chain = certificates_in(i.certificate);
    const bio_owner in(BIO_new_mem_buf(i.key.data(), static_cast<int>(i.key.size())));
    const key_owner key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
    SSL_CTX_use_cert_and_key(settings.get(), sk_X509_value(chain.get(), 0), key.get(), nullptr, 1);
    SSL_CTX_set_verify(settings.get(), SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
    static constexpr unsigned char name[] = "raw";
    SSL_CTX_set_session_id_context(settings.get(), name, 3);
    SSL_CTX_set_num_tickets(settings.get(), 1);
    SSL_CTX_set_max_send_fragment(settings.get(), 512);
  }
};

TEST(tls_peer, a_write_waits_for_the_rest_of_a_message_that_has_come_by_half) {
  thrum::run([] {
    const in_pieces p;
    auto [a, b] = memory_way(1 << 20);
    raw_peer server(p.settings.get(), std::move(b));
    auto other = spawn([&] { return connect(std::move(a), "localhost", p.client).value(); });
    server.hold(); // the tickets stay: they are put out by the last step, behind which nothing is waited for
    ASSERT_EQ(server.run([&] { return SSL_accept(server.get()); }), 1);
    const std::size_t all = server.records();
    ASSERT_GT(all, 1u);
    const stream s = other.join();
    server.let_go(1);
    char text[4];
    EXPECT_EQ(s.read_some(text, 2ms).error(), io::errc::deadline); // meets the half
    const auto late = s.write_all("ping", 2ms);
    EXPECT_EQ(late.error(), io::errc::deadline);
    EXPECT_EQ(late.error().transferred, 0u);
    // Once with nobody else about, and a reader that waits when the rest comes.
    auto reader = spawn([&] { s.read_exactly(text).value(); });
    auto writer = spawn([&] { s.write_all("ping").value(); });
    for (int i = 0; i < 10; ++i) this_fiber::yield();
    server.let_go(all - 1);
    EXPECT_EQ(server.read(4), "ping");
    writer.join();
    server.write("pong");
    server.let_go(server.records());
    reader.join();
    EXPECT_EQ(std::string(text, 4), "pong");
  });
}

} // namespace
} // namespace thrum::tls
