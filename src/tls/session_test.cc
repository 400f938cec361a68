// Sessions that are resumed, and certificates that are replaced.
#include "tls/session_cache.h"
#include "tls/test_kit.h"

#include <atomic>
#include <set>

#include <thrum/runtime.h>
#include <thrum/wait_group.h>

namespace thrum::tls {
namespace {

using namespace test;

// Meets, and lets the client read, which is how it gets its tickets. Whether the session was an earlier one.
bool resumes(const context& client, const context& server) {
  auto [a, b] = memory_way();
  auto [mine, theirs] = meet(std::move(a), std::move(b), client, server);
  theirs.write_all("x").value();
  char c;
  mine.read_exactly({&c, 1}).value();
  EXPECT_EQ(mine.resumed(), theirs.resumed());
  EXPECT_EQ(mine.peer_certificate()->subject, "CN=localhost"); // also of a resumed session
  return mine.resumed();
}

TEST(tls_session, is_resumed_on_both_sides) {
  thrum::run([] {
    for (const version newest : {version::tls_1_2, version::tls_1_3}) {
      const world w;
      const auto client = w.client({.newest = newest});
      const auto server = w.server();
      EXPECT_FALSE(resumes(client, server));
      for (int i = 0; i < 5; ++i) EXPECT_TRUE(resumes(client, server));
    }
  });
}

TEST(tls_session, is_not_resumed_if_one_side_does_not_want_it_or_another_context_has_it) {
  thrum::run([] {
    const world w;
    const auto client = w.client();
    const auto server = w.server();
    EXPECT_FALSE(resumes(client, server));
    EXPECT_FALSE(resumes(w.client(), server));
    EXPECT_FALSE(resumes(client, w.server())); // whose keys are others
    const auto forgets = w.client({.sessions = 0});
    const auto gives_none = w.server({.tickets = false});
    for (int i = 0; i < 2; ++i) {
      EXPECT_FALSE(resumes(forgets, server));
      EXPECT_FALSE(resumes(w.client(), gives_none));
    }
  });
}

TEST(tls_session, clients_with_certificates_resume_too) {
  thrum::run([] {
    const world w;
    const auto client = w.client({.own = w.root.issue({.name = "alice", .hosts = {"alice"}}).shown()});
    const auto server =
        w.server({.clients = client_certificate::required, .client_authorities = w.root.pem()});
    EXPECT_FALSE(resumes(client, server));
    EXPECT_TRUE(resumes(client, server));
  });
}

session_owner some_session() { return session_owner(SSL_SESSION_new()); }

TEST(session_cache, keeps_the_two_newest_of_the_hosts_used_last) {
  session_cache cache(2);
  auto first = some_session(), second = some_session(), third = some_session();
  SSL_SESSION *const two = second.get(), *const three = third.get();
  cache.put("a", std::move(first));
  cache.put("a", std::move(second));
  cache.put("a", std::move(third));
  EXPECT_EQ(cache.take("a").get(), three);
  EXPECT_EQ(cache.take("a").get(), two);
  EXPECT_EQ(cache.take("a"), nullptr);
  cache.put("a", some_session());
  cache.put("b", some_session());
  cache.put("a", some_session());
  cache.put("c", some_session());
  EXPECT_EQ(cache.take("b"), nullptr);
  EXPECT_NE(cache.take("a"), nullptr);
  EXPECT_NE(cache.take("c"), nullptr);
}

TEST(session_cache, without_room_keeps_nothing) {
  session_cache cache(0);
  cache.put("a", some_session());
  EXPECT_EQ(cache.take("a"), nullptr);
  EXPECT_FALSE(cache.keeps());
}

// ---- replacing certificates

TEST(tls_reload, connections_live_on_and_new_handshakes_take_the_new_certificate) {
  thrum::run([] {
    const world w;
    const auto client = w.client({.sessions = 0});
    const auto server = w.server();
    auto [a, b] = memory_way();
    auto [mine, theirs] = meet(std::move(a), std::move(b), client, server);
    w.certificates.replace(w.root.issue({.name = "renewed"}).shown());
    auto [c, d] = memory_way();
    auto [later, of_later] = meet(std::move(c), std::move(d), client, server);
    EXPECT_EQ(later.peer_certificate()->subject, "CN=renewed");
    theirs.write_all("x").value();
    char x;
    mine.read_exactly({&x, 1}).value();
    EXPECT_EQ(mine.peer_certificate()->subject, "CN=localhost");
  });
}

TEST(tls_reload, under_load_every_handshake_shows_one_whole_certificate) {
  thrum::run(
      [] {
        const world w;
        const auto client = w.client({.sessions = 0});
        const auto server = w.server();
        const identity identities[] = {w.root.issue({.name = "red"}).shown(),
                                       w.root.issue({.name = "blue"}).shown()};
        w.certificates.replace(identities[0]);
        std::atomic<bool> done{false};
        auto replacer = spawn([&] {
          for (unsigned i = 0; !done; ++i) {
            w.certificates.replace(identities[i % 2]);
            this_fiber::yield();
          }
        });
        wait_group all;
        std::atomic<int> red{0}, blue{0};
        const int each = io::test::repetitions(20);
        for (int i = 0; i < 4; ++i)
          all.go([&] {
            for (int n = 0; n < each; ++n) {
              auto [a, b] = memory_way();
              auto [mine, theirs] = meet(std::move(a), std::move(b), client, server);
              ++(mine.peer_certificate()->subject == "CN=red" ? red : blue);
            }
          });
        all.wait();
        done = true;
        replacer.join();
        EXPECT_EQ(red + blue, 4 * each);
      },
      four_processors());
}

} // namespace
} // namespace thrum::tls
