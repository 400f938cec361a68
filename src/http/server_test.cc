// server: what is asked is answered, in order, however it comes; and keep-alive, HEAD, Expect.
#include "http/test_kit.h"

#include <atomic>
#include <stdexcept>
#include <vector>

#include <thrum/net/unix.h>

namespace thrum::http {
namespace {

using namespace test;

class serving_http : public testing::TestWithParam<unsigned> {
protected:
  template <class F> void on_processors(F f) {
    const unsigned before = io::test::open_descriptors();
    run([&] { f(); }, {.processors = GetParam()});
    EXPECT_EQ(io::test::open_descriptors(), before);
  }
};
INSTANTIATE_TEST_SUITE_P(processors, serving_http, testing::Values(1u, 2u, 4u));

TEST_P(serving_http, many_clients_are_answered_at_the_same_time) {
  on_processors([] {
    site s(describe);
    std::vector<fiber<void>> clients;
    for (int i = 0; i < 50; ++i)
      clients.push_back(spawn([&s, i] {
        tcp_client c = s.connect();
        for (int k = 0; k < 20; ++k) {
          const std::string path = '/' + std::to_string(i) + '/' + std::to_string(k);
          const answer a = c.ask("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
          EXPECT_EQ(a.status, 200);
          EXPECT_EQ(a.body, "GET " + path + " ");
        }
      }));
    for (auto& c : clients) c.join();
    EXPECT_EQ(s->requests(), 1000u);
  });
}

// Through a way that passes one byte at a time.
std::vector<answer> answers_byte_by_byte(std::string_view requests, std::size_t n) {
  server s(describe);
  auto [mine, theirs] = memory_way(1);
  auto talking = spawn([&s, end = std::move(theirs)]() mutable { s.talk_over(std::move(end)); });
  raw_client<memory_end> c(std::move(mine));
  auto saying = spawn([&] { c.say(requests); });
  std::vector<answer> all;
  for (std::size_t i = 0; i < n; ++i) all.push_back(c.next());
  saying.join();
  static_cast<void>(c.stream.shutdown_write());
  talking.join();
  EXPECT_TRUE(c.has_ended());
  return all;
}

TEST_P(serving_http, requests_may_come_byte_by_byte) {
  on_processors([] {
    const auto all = answers_byte_by_byte("GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"
                                          "POST /d HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello"
                                          "\r\n" // some clients say that behind a body
                                          "DELETE /e HTTP/1.1\r\nHost:x\r\n\r\n",
                                          3);
    EXPECT_EQ(all[0].body, "GET /a?b=c ");
    EXPECT_EQ(all[1].body, "POST /d hello");
    EXPECT_EQ(all[2].body, "DELETE /e ");
  });
}

TEST_P(serving_http, bodies_may_come_in_chunks_byte_by_byte) {
  on_processors([] {
    const auto all = answers_byte_by_byte(
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\nhello\r\n1;name=value\r\n \r\nb\r\nwide\r\nworld\r\n0\r\nX-Trailer: dropped\r\n\r\n"
        "POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n"
        "GET /c HTTP/1.1\r\nHost: x\r\n\r\n",
        3);
    EXPECT_EQ(all[0].body, "POST /a hello wide\r\nworld");
    EXPECT_EQ(all[1].body, "POST /b ");
    EXPECT_EQ(all[2].body, "GET /c ");
  });
}

TEST_P(serving_http, pipelined_requests_are_answered_in_order) {
  on_processors([] {
    site s([](const request& r) {
      if (r.target == "/0") this_fiber::sleep_for(2ms); // the others do not overtake it
      return describe(r);
    });
    tcp_client c = s.connect();
    std::string all;
    for (int i = 0; i < 100; ++i)
      all += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
    c.say(all);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(c.next().body, "POST /" + std::to_string(i) + " abc");
  });
}

TEST(http_server, a_body_of_some_megabytes_goes_both_ways) {
  run(
      [] {
        site s([](const request& r) { return response{.body = r.body}; }, {.max_body = 8 << 20});
        tcp_client c = s.connect();
        const std::string body = letters(5 << 20);
        for (int i = 0; i < 2; ++i) {
          auto saying = spawn([&] {
            c.say("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
                  "\r\n\r\n" + body);
          });
          const answer a = c.next();
          saying.join();
          EXPECT_EQ(a.status, 200);
          EXPECT_TRUE(a.body == body);
        }
      },
      four_processors());
}

TEST(http_server, head_and_some_statuses_have_no_body) {
  run(
      [] {
        site s([](const request& r) -> response {
          const int status = std::atoi(r.target.c_str() + 1);
          return {.status = status, .headers = {{"Content-Length", "12345"}}, .body = "text"};
        });
        tcp_client c = s.connect();
        c.say("HEAD /200 HTTP/1.1\r\nHost: x\r\n\r\n");
        answer a = c.next(true);
        EXPECT_EQ(a.status, 200);
        EXPECT_TRUE(has(a.head, "\r\nContent-Length: 4\r\n")); // what GET would give
        for (const int status : {204, 304}) {
          c.say("GET /" + std::to_string(status) + " HTTP/1.1\r\nHost: x\r\n\r\n");
          a = c.next(true);
          EXPECT_EQ(a.status, status);
          EXPECT_FALSE(has(a.head, "Content-Length"));
        }
        a = c.ask("GET /200 HTTP/1.1\r\nHost: x\r\n\r\n"); // nothing was left in the way
        EXPECT_EQ(a.body, "text");
        EXPECT_TRUE(has(a.head, "\r\nContent-Length: 4\r\n")); // not the handler's
        EXPECT_FALSE(has(a.head, "12345"));
        EXPECT_TRUE(has(a.head, "\r\nDate: "));
        EXPECT_TRUE(has(a.head, " GMT\r\n"));
      },
      four_processors());
}

TEST(http_server, the_length_of_a_body_that_head_does_not_make_is_the_handlers) {
  run(
      [] {
        site s([](const request&) -> response { return {.headers = {{"Content-Length", "12345"}}}; });
        tcp_client c = s.connect();
        c.say("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
        EXPECT_TRUE(has(c.next(true).head, "\r\nContent-Length: 12345\r\n"));
        EXPECT_TRUE(has(c.ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n").head, "\r\nContent-Length: 0\r\n"));
      },
      four_processors());
}

TEST(http_server, who_waits_to_be_told_to_go_on_is_told) {
  run(
      [] {
        site s(describe, {.max_body = 10});
        tcp_client c = s.connect();
        const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: ";
        c.say(head + "5\r\n\r\n");
        EXPECT_EQ(c.next(true).status, 100);
        EXPECT_EQ(c.ask("hello").body, "POST / hello");
        EXPECT_EQ(c.ask(head + "5\r\n\r\nhello").body, "POST / hello"); // it did not wait: nothing to be told
        EXPECT_EQ(c.ask(head + "11\r\n\r\n").status, 413);              // no "go on" for what is not allowed
        EXPECT_TRUE(c.has_ended());
        tcp_client other = s.connect();
        EXPECT_EQ(other.ask("POST / HTTP/1.1\r\nHost: x\r\nExpect: rain\r\nContent-Length: 1\r\n\r\n").status,
                  417);
      },
      four_processors());
}

TEST(http_server, connections_are_kept_unless_somebody_says_no) {
  run(
      [] {
        site s([](const request& r) -> response {
          if (r.target == "/last") return {.headers = {{"Connection", "close"}}, .body = "bye"};
          return {.body = "hello"};
        });
        tcp_client kept = s.connect();
        for (int i = 0; i < 3; ++i) {
          const answer a = kept.ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
          EXPECT_FALSE(has(a.head, "Connection"));
        }
        answer a = kept.ask("GET /last HTTP/1.1\r\nHost: x\r\n\r\n");
        EXPECT_EQ(a.body, "bye");
        EXPECT_TRUE(has(a.head, "\r\nConnection: close\r\n"));
        EXPECT_TRUE(kept.has_ended());
        tcp_client asked = s.connect();
        EXPECT_TRUE(has(asked.ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n").head,
                        "Connection: close"));
        EXPECT_TRUE(asked.has_ended());
        tcp_client old = s.connect();
        EXPECT_TRUE(
            has(old.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").head, "Connection: keep-alive"));
        EXPECT_TRUE(has(old.ask("GET / HTTP/1.0\r\n\r\n").head, "Connection: close"));
        EXPECT_TRUE(old.has_ended());
      },
      four_processors());
}

TEST(http_server, serves_whatever_listener_and_stream_there_is) {
  run(
      [] {
        server s(describe);
        const auto l = net::unix_listener::listen("@thrum_http_" + std::to_string(::getpid())).value();
        auto serving = spawn([&] { s.serve(l).value(); });
        raw_client c(net::unix_stream::connect(l.local_address().value()).value());
        EXPECT_EQ(c.ask("GET /unix HTTP/1.1\r\nHost: x\r\n\r\n").body, "GET /unix ");
        EXPECT_TRUE(s.drain(60s));
        serving.join();
        EXPECT_TRUE(c.has_ended());
      },
      four_processors());
}

// A computation in a handler keeps nobody waiting, even if there is one processor: it ends when another request was answered.
TEST(http_server, a_handler_that_computes_keeps_no_other_request_waiting) {
  run(
      [] {
        std::atomic<int> answered = 0;
        std::atomic<bool> computing = false;
        site s([&](const request& r) -> response {
          if (r.target == "/quick") return {.body = std::to_string(++answered)};
          computing = true;
          while (answered < 10) {} // no call of thrum in here
          return {.body = "computed"};
        });
        auto heavy = spawn([&] { return s.connect().ask("GET /heavy HTTP/1.1\r\nHost: x\r\n\r\n").body; });
        wait_until([&] { return computing.load(); });
        tcp_client c = s.connect();
        for (int i = 1; i <= 10; ++i)
          EXPECT_EQ(c.ask("GET /quick HTTP/1.1\r\nHost: x\r\n\r\n").body, std::to_string(i));
        EXPECT_EQ(heavy.join(), "computed");
      },
      {.processors = 1});
}

} // namespace
} // namespace thrum::http
