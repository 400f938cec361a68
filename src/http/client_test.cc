// client: answers of servers that are good, slow, early, late, cut short, or none.
#include "http/test_kit.h"

#include <atomic>
#include <functional>
#include <vector>

#include <thrum/chan.h>
#include <thrum/net/unix.h>
#include <thrum/this_fiber.h>
#ifdef THRUM_TEST_TLS
#include "tls/test_kit.h"
#endif

namespace thrum::http {
namespace {

using namespace test;

// Does with each connection, one after the other, what it is told to.
class script {
public:
  using step = std::function<void(tcp_client&)>;
  explicit script(std::vector<step> steps)
      : listener_(net::tcp_listener::listen(net::endpoint::loopback_v4(0)).value()),
        playing_(thrum::spawn([this, steps = std::move(steps)] {
          for (const step& s : steps) {
            tcp_client c(listener_.accept().value());
            s(c);
          }
        })) {}
  std::string url(std::string_view target = "/") const {
    return "http://" + listener_.local_address().value().to_string() + std::string(target);
  }
  std::string where() const { return listener_.local_address().value().to_string(); }
  void end() { playing_.join(); }

private:
  const net::tcp_listener listener_;
  fiber<void> playing_;
};

// One answer, whatever the question, and then the end.
script::step says(std::string answer) {
  return [answer = std::move(answer)](tcp_client& c) {
    static_cast<void>(c.next());
    c.say(answer);
  };
}

TEST(http_client, asks_and_keeps_its_connection) {
  run(
      [] {
        site s(describe);
        client c;
        for (int i = 0; i < 5; ++i) {
          const auto a = c.get(s.url("/a?b=" + std::to_string(i) + "#part"), 60s);
          ASSERT_TRUE(a) << a.error().message();
          EXPECT_EQ(a->status, 200);
          EXPECT_TRUE(a->ok());
          EXPECT_EQ(a->body, "GET /a?b=" + std::to_string(i) + " ");
          EXPECT_EQ(a->headers.get("x-method"), "GET");
        }
        EXPECT_EQ(c.post(s.url("/p"), "body", "text/plain", 60s).value().body, "POST /p body");
        EXPECT_EQ(c.fetch(s.url("/d"), {.method = "DELETE"}, 60s).value().body, "DELETE /d ");
        const auto head = c.fetch(s.url("/h"), {.method = "HEAD"}, 60s).value();
        EXPECT_EQ(head.body, "");
        EXPECT_EQ(head.headers.get("Content-Length"), "8");
        EXPECT_EQ(c.connected(), 1u);
        EXPECT_EQ(c.fetch(s.url("/l"), {.headers = {{"Connection", "close"}}}, 60s).value().body, "GET /l ");
        EXPECT_EQ(c.close_idle(), 0u);
        EXPECT_EQ(c.get(s.url("/again"), 60s).value().body, "GET /again ");
        EXPECT_EQ(c.connected(), 2u);
        EXPECT_EQ(c.close_idle(), 1u);
        EXPECT_EQ(c.get(s.url("/again"), 60s).value().body, "GET /again ");
        EXPECT_EQ(c.connected(), 3u);
      },
      four_processors());
}

TEST(http_client, the_functions_ask_as_well) {
  run(
      [] {
        site s(describe);
        EXPECT_EQ(get(s.url("/g"), 60s).value().body, "GET /g ");
        EXPECT_EQ(post(s.url("/p"), "x", "text/plain", 60s).value().body, "POST /p x");
        EXPECT_EQ(fetch(s.url("/f"), {.method = "PUT", .body = "y"}, 60s).value().body, "PUT /f y");
      },
      four_processors());
  run([] { // of the runtime that is gone nothing is used
    site s(describe);
    EXPECT_EQ(get(s.url("/g"), 60s).value().body, "GET /g ");
  });
}

TEST(http_client, many_ask_at_the_same_time_over_few_connections) {
  run(
      [] {
        site s(describe);
        client c({.max_idle = 4});
        std::vector<fiber<void>> all;
        for (int i = 0; i < 20; ++i)
          all.push_back(spawn([&, i] {
            for (int k = 0; k < 25; ++k) {
              const std::string body = letters(static_cast<std::size_t>(1 + (i * 997 + k * 89) % 20'000));
              EXPECT_EQ(c.post(s.url("/"), body, "", 60s).value().body, "POST / " + body);
            }
          }));
        for (auto& f : all) f.join();
        EXPECT_EQ(s->requests(), 500u);
        EXPECT_LT(c.connected(), 500u);
        EXPECT_LE(c.close_idle(), 4u);
      },
      four_processors());
}

TEST(http_client, understands_every_way_to_end_a_body) {
  run(
      [] {
        const std::string head = "HTTP/1.1 200 OK\r\n";
        const std::vector<std::string> answers = {
            head + "Content-Length: 5\r\n\r\nhello", head + "\r\nhello", // up to the end
            head + "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nX: y\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + head +
                "Content-Length: 5\r\n\r\nhello",
            "HTTP/1.0 200 OK\r\n\r\nhello"};
        for (const std::string& answer : answers) {
          script whole({says(answer)});
          client c;
          const auto a = c.get(whole.url(), 60s);
          ASSERT_TRUE(a) << answer << a.error().message();
          EXPECT_EQ(a->body, "hello") << answer;
          whole.end();
          // The same byte by byte, over a way that has room for one.
          auto [mine, theirs] = memory_way(1);
          auto saying = spawn([&, end = std::move(theirs)]() mutable {
            raw_client<memory_end> r(std::move(end));
            static_cast<void>(r.next());
            r.say(answer);
          });
          client slow;
          slow.connect_with(
              "mem", 1,
              [&](std::string_view host, std::uint16_t port, io::deadline) -> io::result<memory_end> {
                EXPECT_EQ(host, "host");
                EXPECT_EQ(port, 7);
                return std::move(mine);
              });
          EXPECT_EQ(slow.get("MEM://host:7/", 60s).value().body, "hello") << answer;
          saying.join();
        }
      },
      four_processors());
}

TEST(http_client, an_answer_that_ends_at_any_byte_is_no_answer) {
  run(
      [] {
        for (const std::string& whole :
             {std::string("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
              std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")})
          for (std::size_t n = 0; n < whole.size(); ++n) {
            script s({says(whole.substr(0, n))});
            client c;
            const auto a = c.post(s.url(), "x", "", 60s);
            ASSERT_FALSE(a) << n;
            EXPECT_EQ(a.error(), n == 0 ? errc::no_answer : errc::truncated) << n;
            s.end();
          }
        script s({says("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")});
        client c;
        EXPECT_EQ(c.get(s.url(), 60s).error().message(),
                  "http " + s.where() +
                      ": the connection has ended in the middle of the answer; what has come is not all (4 "
                      "of 100 bytes of the body)");
        s.end();
      },
      four_processors());
}

TEST(http_client, refuses_what_is_no_answer_or_too_large) {
  run(
      [] {
        struct row {
          std::string answer;
          errc code;
        };
        const std::string ok = "HTTP/1.1 200 OK\r\n";
        for (const row& r :
             {row{"SSH-2.0-OpenSSH_9.2\r\n\r\n", errc::bad_answer},
              row{"HTTP/1.1 2000 OK\r\n\r\n", errc::bad_answer},
              row{ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", errc::bad_answer},
              row{ok + "A: " + std::string(3000, 'a') + "\r\n\r\n", errc::header_too_large},
              row{ok + "Content-Length: 1001\r\n\r\n", errc::body_too_large},
              row{ok + "\r\n" + std::string(2000, 'a'), errc::body_too_large},
              row{ok + "Transfer-Encoding: chunked\r\n\r\nfff\r\n", errc::body_too_large}}) {
          script s({says(r.answer)});
          client c({.max_header = 2048, .max_body = 1000});
          const auto a = c.get(s.url(), 60s);
          ASSERT_FALSE(a) << r.answer;
          EXPECT_EQ(a.error(), r.code) << r.answer << a.error().message();
          EXPECT_EQ(c.close_idle(), 0u);
          s.end();
        }
      },
      four_processors());
}

TEST(http_client, says_what_is_wrong_with_a_url) {
  run([] {
    client c;
    for (const char* url : {"", "nowhere", "//x/", "http://", "http:///a", "http://a b/", "http://x/a b",
                            "http://x/\r\nHost: y", "http://x:0/", "http://x:70000/", "http://x:1x/",
                            "http://[::1/", "http://[::1]x/", "http://me:word@x/"}) {
      const auto a = c.get(url, 60s);
      ASSERT_FALSE(a) << url;
      EXPECT_EQ(a.error(), errc::bad_url) << url;
    }
    EXPECT_EQ(c.get("http://me:word@x/").error().message(),
              "http http://me:word@x/: not a URL that can be asked; it is to be like "
              "http://host:port/path?query (there is a name "
              "or a password in it; send them in a field Authorization)");
    EXPECT_EQ(c.get("https://x/", 60s).error(), errc::unsupported_scheme);
    EXPECT_EQ(c.fetch("http://x/", {.method = "GET / HTTP/1.1\r\nX:"}).error(), errc::bad_request);
    EXPECT_EQ(c.fetch("http://x/", {.method = ""}).error(), errc::bad_request);
  });
}

TEST(http_client, the_deadline_covers_all) {
  run(
      [] {
        const auto deaf = net::tcp_listener::listen(net::endpoint::loopback_v4(0)).value(); // nobody accepts
        client c;
        const std::string url = "http://" + deaf.local_address().value().to_string() + "/";
        EXPECT_EQ(c.get(url, 20ms).error(), io::errc::deadline); // waits for an answer
        EXPECT_EQ(c.post(url, std::string(32 << 20, 'x'), "", 20ms).error(),
                  io::errc::deadline); // waits to send
        script half({[](tcp_client& s) {
          static_cast<void>(s.next());
          s.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
          EXPECT_TRUE(s.has_ended()); // who was late has hung up
        }});
        EXPECT_EQ(c.get(half.url(), 20ms).error(), io::errc::deadline);
        half.end();
        EXPECT_EQ(c.close_idle(), 0u);
      },
      four_processors());
}

TEST(http_client, a_stop_ends_the_wait_and_the_connection) {
  run(
      [] {
        const thrum::chan<int> asked;
        script s({[&](tcp_client& c) {
          const std::string head = c.next().head;
          EXPECT_TRUE(has(head, "GET /slow HTTP/1.1\r\n"));
          asked.send(1);
          EXPECT_TRUE(c.has_ended());
        }});
        client c;
        auto asking = spawn([&] { static_cast<void>(c.get(s.url("/slow"), 60s)); });
        static_cast<void>(asked.recv());
        asking.request_stop();
        EXPECT_THROW(asking.join(), cancelled);
        s.end();
        EXPECT_EQ(c.close_idle(), 0u);
      },
      four_processors());
}

const char* const hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

TEST(http_client, a_kept_connection_that_was_closed_is_noticed) {
  run(
      [] {
        const thrum::chan<int> closed;
        script s({[&](tcp_client& c) {
                    static_cast<void>(c.next());
                    c.say(hello);
                    c.stream.shutdown_write().value();
                    closed.send(1);
                    EXPECT_TRUE(c.has_ended());
                  },
                  says(hello)});
        client c;
        EXPECT_EQ(c.post(s.url(), "", "", 60s).value().body, "hello");
        static_cast<void>(closed.recv());
        EXPECT_EQ(c.post(s.url(), "", "", 60s).value().body, "hello"); // not even a POST is lost
        EXPECT_EQ(c.connected(), 2u);
        s.end();
      },
      four_processors());
}

// The server ends a kept connection when the next question has come, without an answer.
TEST(http_client, asks_again_where_that_does_no_harm) {
  run(
      [] {
        const auto once = [](tcp_client& c) {
          static_cast<void>(c.next());
          c.say(hello);
          EXPECT_TRUE(has(c.next(true).head, "HTTP/1.1\r\n"));
        };
        script s({once, once, says(hello)});
        client c;
        EXPECT_EQ(c.get(s.url(), 60s).value().body, "hello");
        EXPECT_EQ(c.get(s.url(), 60s).value().body, "hello"); // over another connection
        EXPECT_EQ(c.connected(), 2u);
        const auto a = c.post(s.url(), "", "", 60s);
        ASSERT_FALSE(a);
        EXPECT_EQ(a.error(), errc::no_answer);
        EXPECT_EQ(c.connected(), 2u);
        EXPECT_EQ(c.get(s.url(), 60s).value().body, "hello");
        s.end();
      },
      four_processors());
}

TEST(http_client, hears_a_server_that_refuses_before_all_is_sent) {
  run(
      [] {
        site s(describe, {.max_body = 1000});
        client c;
        const auto a = c.post(s.url("/"), std::string(16 << 20, 'x'), "", 60s);
        ASSERT_TRUE(a) << a.error().message();
        EXPECT_EQ(a->status, 413);
        EXPECT_EQ(c.close_idle(), 0u);
      },
      four_processors());
}

TEST(http_client, speaks_over_what_it_is_given) {
  run(
      [] {
        server s(describe);
        const auto l = net::unix_listener::listen("@thrum_http_client_" + std::to_string(::getpid())).value();
        auto serving = spawn([&] { s.serve(l).value(); });
        client c;
        c.connect_with("unix", 0, [&](std::string_view, std::uint16_t, io::deadline until) {
          return net::unix_stream::connect(l.local_address().value(), until);
        });
        for (int i = 0; i < 3; ++i) EXPECT_EQ(c.get("unix://service/a", 60s).value().body, "GET /a ");
        EXPECT_EQ(c.connected(), 1u);
        c.close_idle();
        EXPECT_TRUE(s.drain(60s));
        serving.join();
      },
      four_processors());
}

#ifdef THRUM_TEST_TLS
TEST(http_client, and_server_speak_https) {
  run(
      [] {
        const tls::test::world w;
        const tls::context of_server = w.server();
        const tls::context of_client = w.client();
        server s(describe, {.max_body = 4 << 20});
        const auto l = net::tcp_listener::listen(net::endpoint::loopback_v4(0)).value();
        auto serving = spawn([&] {
          s.serve(l, [&](net::tcp_stream below) {
             return tls::accept(std::move(below), of_server, 30s);
           }).value();
        });
        client c;
        c.connect_with("https", 443, [&](std::string_view host, std::uint16_t port, io::deadline until) {
          return tls::connect(host, port, of_client, until);
        });
        const std::string url = "https://127.0.0.1:" + std::to_string(l.local_address().value().port()) + "/";
        const std::string body = letters(3 << 20);
        for (int i = 0; i < 3; ++i) {
          const auto a = c.post(url, body, "text/plain", 60s);
          ASSERT_TRUE(a) << a.error().message();
          EXPECT_TRUE(a->body == "POST / " + body);
        }
        EXPECT_EQ(c.get(url, 60s).value().body, "GET / ");
        EXPECT_EQ(c.connected(), 1u);
        EXPECT_TRUE(s.drain(60s)); // an idle connection ends here, too
        serving.join();
      },
      four_processors());
}
#endif

} // namespace
} // namespace thrum::http
