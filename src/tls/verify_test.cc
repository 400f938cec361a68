// Who is let in, who is not, and what is said about it.
#include "tls/test_kit.h"

#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <thrum/runtime.h>

namespace thrum::tls {
namespace {

using namespace test;

struct meeting {
  io::result<stream> client, server;
};
meeting try_in_memory(const context& client, const context& server, const std::string& host = "localhost") {
  auto [a, b] = memory_way();
  auto [mine, theirs] = try_to_meet(std::move(a), std::move(b), client, server, host);
  return {std::move(mine), std::move(theirs)};
}

context server_of(const issued& i, server_options o = {}) {
  o.certificates = i.shown();
  return context::server(o).value();
}

bool has(const io::error& e, std::string_view words) { return e.message().find(words) != std::string::npos; }

TEST(tls_verify, a_certificate_for_other_hosts_is_refused_and_they_are_named) {
  thrum::run([] {
    const world w;
    auto m = try_in_memory(w.client(), w.server(), "example.com");
    ASSERT_FALSE(m.client);
    EXPECT_EQ(m.client.error(), errc::host_name_mismatch);
    EXPECT_EQ(m.client.error().message(), "tls handshake example.com: the peer's certificate is for another "
                                          "host; connect to a name that it is for, or "
                                          "have it issued for this one ('example.com' is not in the "
                                          "certificate, which is for: localhost, 127.0.0.1)");
    ASSERT_FALSE(m.server);
    EXPECT_EQ(m.server.error(), errc::our_certificate_refused);
    EXPECT_TRUE(has(m.server.error(), "its alert: "));
    EXPECT_EQ(try_in_memory(w.client(), w.server(), "10.0.0.1").client.error(), errc::host_name_mismatch);
  });
}

TEST(tls_verify, names_addresses_and_wildcards_are_matched) {
  thrum::run([] {
    const world w;
    const context server =
        server_of(w.root.issue({.hosts = {"*.example.com", "example.com", "127.0.0.1", "::1"}}));
    for (const char* host : {"example.com", "example.com.", "www.example.com", "127.0.0.1", "::1"})
      EXPECT_TRUE(try_in_memory(w.client(), server, host).client) << host;
    for (const char* host : {"a.b.example.com", "127.0.0.2", "", "xexample.com", "example.org"})
      EXPECT_FALSE(try_in_memory(w.client(), server, host).client) << host;
    EXPECT_EQ(try_in_memory(w.client(), server, std::string("example.com\0.org", 16)).client.error(),
              errc::bad_settings);
  });
}

TEST(tls_verify, an_expired_certificate_is_refused_with_its_name_and_time) {
  thrum::run([] {
    const world w;
    auto m = try_in_memory(w.client(), server_of(w.root.issue({.from = -7200, .until = -3600})));
    ASSERT_FALSE(m.client);
    EXPECT_EQ(m.client.error(), errc::certificate_expired);
    EXPECT_TRUE(has(m.client.error(),
                    "tls handshake localhost: the peer's certificate has expired; it is to be renewed there, "
                    "or the clock here is wrong (CN=localhost, expired "))
        << m.client.error().message();
    EXPECT_EQ(m.server.error(), errc::our_certificate_refused);
    auto early = try_in_memory(w.client(), server_of(w.root.issue({.from = 3600, .until = 7200})));
    EXPECT_EQ(early.client.error(), errc::certificate_not_yet_valid);
    EXPECT_TRUE(has(early.client.error(), "(CN=localhost, valid from "));
  });
}

TEST(tls_verify, self_signed_and_unknown_authorities_are_told_apart) {
  thrum::run([] {
    const world w;
    auto self = try_in_memory(w.client(), server_of(authority::self_signed()));
    EXPECT_EQ(self.client.error(), errc::self_signed);
    EXPECT_TRUE(
        has(self.client.error(),
            "signed by nobody but itself; add it to the authorities if that is meant (CN=localhost)"));
    const authority other("somebody else");
    auto unknown = try_in_memory(w.client(), server_of(other.issue()));
    EXPECT_EQ(unknown.client.error(), errc::unknown_authority);
    EXPECT_TRUE(has(unknown.client.error(), "(CN=localhost, signed by CN=somebody else)"))
        << unknown.client.error().message();
    // With the root in the chain, it is the root that is not trusted.
    issued chain = other.issue();
    chain.certificate += other.pem();
    auto rooted = try_in_memory(w.client(), server_of(chain));
    EXPECT_EQ(rooted.client.error(), errc::unknown_authority);
    EXPECT_TRUE(has(rooted.client.error(), "the chain ends with CN=somebody else"))
        << rooted.client.error().message();
  });
}

TEST(tls_verify, without_a_word_only_the_systems_authorities_are_trusted) {
  thrum::run([] {
    const world w;
    auto m = try_in_memory(context::client().value(), w.server());
    ASSERT_FALSE(m.client);
    EXPECT_EQ(m.client.error(), errc::unknown_authority);
  });
}

TEST(tls_verify, nothing_is_verified_by_who_means_it) {
  thrum::run([] {
    const auto anybody = context::client({.check = verify::none_and_i_mean_it}).value();
    auto m = try_in_memory(anybody, server_of(authority::self_signed({.until = -60})), "example.com");
    ASSERT_TRUE(m.client) << m.client.error().message();
    EXPECT_EQ(m.server->server_name(), "example.com");
  });
}

TEST(tls_verify, versions_without_overlap_are_an_error_on_both_sides) {
  thrum::run([] {
    const world w;
    auto m = try_in_memory(w.client({.oldest = version::tls_1_3}), w.server({.newest = version::tls_1_2}));
    ASSERT_FALSE(m.client);
    ASSERT_FALSE(m.server);
    EXPECT_EQ(m.client.error(), errc::no_common_version);
    EXPECT_EQ(m.server.error(), errc::no_common_version);
    EXPECT_TRUE(has(m.client.error(), "no version of TLS in common; see oldest and newest"));
  });
}

TEST(tls_verify, the_servers_favourite_application_protocol_is_chosen) {
  thrum::run([] {
    const world w;
    const auto server = w.server({.application_protocols = {"h2", "http/1.1"}});
    auto both = try_in_memory(w.client({.application_protocols = {"http/1.1", "h2"}}), server);
    EXPECT_EQ(both.client->application_protocol(), "h2");
    EXPECT_EQ(both.server->application_protocol(), "h2");
    EXPECT_EQ(try_in_memory(w.client(), server).client->application_protocol(), "");
    EXPECT_EQ(
        try_in_memory(w.client({.application_protocols = {"h2"}}), w.server()).client->application_protocol(),
        "");
    auto none = try_in_memory(w.client({.application_protocols = {"smtp"}}), server);
    EXPECT_EQ(none.client.error(), errc::no_common_application_protocol);
    EXPECT_EQ(none.server.error(), errc::no_common_application_protocol);
    EXPECT_TRUE(
        has(none.server.error(), "no application protocol (ALPN) in common; see application_protocols"));
  });
}

TEST(tls_verify, a_server_may_ask_for_certificates_of_clients) {
  thrum::run([] {
    const world w;
    const auto server =
        w.server({.clients = client_certificate::required, .client_authorities = w.root.pem()});
    const auto mine = w.root.issue({.name = "alice", .hosts = {"alice"}}).shown();
    auto known = try_in_memory(w.client({.own = mine}), server);
    ASSERT_TRUE(known.server) << known.server.error().message();
    EXPECT_EQ(known.server->peer_certificate()->subject, "CN=alice");

    auto nobody = try_in_memory(w.client(), server);
    ASSERT_FALSE(nobody.server);
    EXPECT_EQ(nobody.server.error(), errc::no_certificate);
    ASSERT_TRUE(nobody.client); // with TLS 1.3 a client is done first, and told later
    char c;
    const auto told = nobody.client->read_some({&c, 1});
    EXPECT_EQ(told.error(), errc::our_certificate_refused) << told.error().message();

    const auto forged = authority("forger").issue({.name = "alice", .hosts = {"alice"}}).shown();
    EXPECT_EQ(try_in_memory(w.client({.own = forged}), server).server.error(), errc::unknown_authority);

    const auto polite = w.server({.clients = client_certificate::asked, .client_authorities = w.root.pem()});
    auto guest = try_in_memory(w.client(), polite);
    ASSERT_TRUE(guest.server);
    EXPECT_FALSE(guest.server->peer_certificate());
  });
}

TEST(tls_verify, certificates_are_chosen_by_the_name_that_is_asked_for) {
  thrum::run([] {
    const world w;
    const server_certificates all(
        {w.root.issue({.name = "first", .hosts = {"first.test"}}).shown(),
         w.root.issue({.name = "second", .hosts = {"second.test", "*.second.test"}}).shown()});
    const auto server = context::server({.certificates = all}).value();
    EXPECT_EQ(try_in_memory(w.client(), server, "second.test").client->peer_certificate()->subject,
              "CN=second");
    EXPECT_EQ(try_in_memory(w.client(), server, "a.second.test").client->peer_certificate()->subject,
              "CN=second");
    EXPECT_EQ(try_in_memory(w.client(), server, "first.test").client->peer_certificate()->subject,
              "CN=first");
    EXPECT_TRUE(
        has(try_in_memory(w.client(), server, "third.test").client.error(), "which is for: first.test"));
  });
}

TEST(tls_verify, facts_of_a_certificate) {
  thrum::run([] {
    const world w;
    const issued i =
        w.root.issue({.name = "what\nis this", .hosts = {"localhost", "10.1.2.3", "2001:db8::1"}});
    auto m = try_in_memory(w.client(), server_of(i));
    const certificate_facts f = m.client->peer_certificate().value();
    EXPECT_EQ(f.subject.find('\n'), std::string::npos);
    EXPECT_EQ(f.issuer, "CN=test authority");
    EXPECT_EQ(f.names, (std::vector<std::string>{"localhost", "10.1.2.3", "2001:db8:0:0:0:0:0:1"}));
    EXPECT_EQ(f.pem, i.certificate);
    EXPECT_EQ(f.sha256.size(), 64u);
    EXPECT_FALSE(f.serial.empty());
    const auto now = std::chrono::system_clock::now();
    EXPECT_GT(f.not_after, now + std::chrono::minutes(30));
    EXPECT_LT(f.not_after, now + std::chrono::minutes(90));
    EXPECT_LT(f.not_before, now - std::chrono::minutes(30));
    EXPECT_FALSE(m.server->peer_certificate());
  });
}

TEST(tls_verify, what_does_not_speak_tls_is_recognised) {
  thrum::run([] {
    const world w;
    {
      auto [a, b] = memory_way();
      b.write_some("HTTP/1.1 400 Bad Request\r\n\r\n").value();
      auto r = connect(std::move(a), "localhost", w.client());
      EXPECT_EQ(r.error(), errc::not_tls);
      EXPECT_TRUE(has(r.error(), "does not speak TLS; is this the right port?"));
    }
    auto [a, b] = memory_way();
    a.write_some("GET / HTTP/1.1\r\n\r\n").value();
    EXPECT_EQ(accept(std::move(b), w.server()).error(), errc::not_tls);
  });
}

TEST(tls_verify, a_peer_that_goes_away_in_the_handshake_is_told_as_truncated) {
  thrum::run([] {
    const world w;
    auto way = tcp_pair();
    { const auto gone = std::move(way.second); }
    const auto r = connect(std::move(way.first), "localhost", w.client());
    ASSERT_FALSE(r);
    EXPECT_TRUE(r.error() == errc::truncated || r.error() == std::errc::connection_reset)
        << r.error().message();
  });
}

// ---- settings

TEST(tls_settings, identities_that_do_not_fit_are_refused) {
  thrum::run([] {
    const world w;
    const issued one = w.root.issue(), two = w.root.issue();
    EXPECT_EQ(identity::from_pem(one.certificate, two.key).error(), errc::key_mismatch);
    EXPECT_EQ(identity::from_pem("nothing", one.key).error(), errc::bad_certificate_file);
    EXPECT_EQ(identity::from_pem(one.certificate, "nothing").error(), errc::bad_key_file);
    EXPECT_EQ(identity::from_pem(one.certificate + "-----BEGIN CERTIFICATE-----\nAAAA\n", one.key).error(),
              errc::bad_certificate_file);
    EXPECT_TRUE(identity::from_pem(one.certificate + one.key, one.certificate + one.key));
  });
}

TEST(tls_settings, keys_may_have_a_password_and_come_from_files) {
  thrum::run([] {
    const world w;
    const issued i = w.root.issue();
    const bio_owner in(BIO_new_mem_buf(i.key.data(), static_cast<int>(i.key.size())));
    const key_owner key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
    const bio_owner out(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(out.get(), key.get(), EVP_aes_128_cbc(),
                             reinterpret_cast<const unsigned char*>("secret"), 6, nullptr, nullptr);
    char* data = nullptr;
    const long n = BIO_get_mem_data(out.get(), &data);
    const std::string locked(data, static_cast<std::size_t>(n));
    EXPECT_TRUE(identity::from_pem(i.certificate, locked, "secret"));
    EXPECT_EQ(identity::from_pem(i.certificate, locked, "wrong").error(), errc::bad_key_file);
    EXPECT_EQ(identity::from_pem(i.certificate, locked).error(), errc::bad_key_file);

    const std::string place =
        (std::filesystem::temp_directory_path() / ("thrum_tls_" + std::to_string(::getpid()))).string();
    std::ofstream(place + ".chain") << i.certificate;
    std::ofstream(place + ".key") << locked;
    EXPECT_TRUE(identity::from_files(place + ".chain", place + ".key", "secret"));
    const auto wrong = identity::from_files(place + ".key", place + ".key");
    EXPECT_EQ(wrong.error(), errc::bad_certificate_file);
    EXPECT_TRUE(has(wrong.error(), ".key: no certificate in PEM form")) << wrong.error().message();
    EXPECT_EQ(identity::from_files(place + ".none", place + ".key").error(),
              std::errc::no_such_file_or_directory);
    std::filesystem::remove(place + ".chain");
    std::filesystem::remove(place + ".key");
  });
}

TEST(tls_settings, contexts_that_could_not_work_are_refused) {
  const world w;
  EXPECT_EQ(context::server({}).error(), errc::bad_settings);
  EXPECT_EQ(
      context::server({}).error().message(),
      "tls context: these settings cannot be used (a server needs a certificate: identity::from_files)");
  EXPECT_EQ(context::client({.system_authorities = false}).error(), errc::bad_settings);
  EXPECT_EQ(context::client({.authorities = "nobody"}).error(), errc::bad_authorities);
  EXPECT_EQ(context::client({.application_protocols = {""}}).error(), errc::bad_settings);
  EXPECT_EQ(context::client({.oldest = version::tls_1_3, .newest = version::tls_1_2}).error(),
            errc::bad_settings);
  EXPECT_EQ(
      context::server({.certificates = w.certificates, .clients = client_certificate::required}).error(),
      errc::bad_settings);
}

} // namespace
} // namespace thrum::tls
