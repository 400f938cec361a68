// server: what is wrong is refused with a reason; who is slow, gone or endless does no harm to the others.
#include "http/test_kit.h"

#include <atomic>
#include <stdexcept>
#include <vector>

#include <thrum/chan.h>
#include <thrum/this_fiber.h>

namespace thrum::http {
namespace {

using namespace test;

// One request on a connection of its own, which ends behind the answer.
void expect_refusal(const site& s, const std::string& bytes, int status, std::string_view words) {
  tcp_client c = s.connect();
  c.say(bytes);
  const answer a = c.next();
  EXPECT_EQ(a.status, status) << bytes;
  EXPECT_TRUE(has(a.body, words)) << a.body;
  EXPECT_TRUE(has(a.head, "\r\nConnection: close\r\n"));
  EXPECT_TRUE(c.has_ended());
}
void expect_service(const site& s) {
  EXPECT_EQ(s.connect().ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
}

TEST(http_refusal, of_what_is_no_request) {
  run(
      [] {
        site s(describe);
        for (const char* bytes :
             {"hello\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "GET\r\n\r\n",
              "GET / HTTP/2.0\r\n\r\n", "GET / HTTP/1.1\r\nHost x\r\n\r\n",
              "GET / HTTP/1.1\r\nHost: x\r\nA\x01: b\r\n\r\n", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
              "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
              "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
              "GET / HTTP/1.1\r\nHost : x\r\n\r\n"})
          expect_refusal(s, bytes, 400, "the request is no proper HTTP/1: ");
        expect_refusal(s, "GET / HTTP/1.1\r\n\r\n", 400, "one field Host; it has 0");
        expect_refusal(s, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "one field Host; it has 2");
        EXPECT_EQ(s->requests(), 0u);
        expect_service(s);
      },
      four_processors());
}

// Whatever two servers in a row could cut out of the stream in two ways.
TEST(http_refusal, of_bodies_whose_end_is_said_twice) {
  run(
      [] {
        site s(describe);
        const std::string head = "POST / HTTP/1.1\r\nHost: x\r\n";
        for (const char* fields : {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                                   "Content-Length: 5\r\nContent-Length: 6\r\n",
                                   "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                                   "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"})
          expect_refusal(s, head + fields + "\r\n0\r\n\r\n", 400, "no proper HTTP/1");
        for (const char* fields :
             {"Transfer-Encoding: gzip\r\n", "Transfer-Encoding: gzip, chunked\r\n",
              "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: xchunked\r\n"})
          expect_refusal(s, head + fields + "\r\n0\r\n\r\n", 501, "understood here is chunked");
        expect_refusal(s, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
                       "HTTP/1.0 has no");
        for (const char* chunks : {"x\r\n", "5\r\nhelloX\r\n0\r\n\r\n", "-1\r\n", "fffffffffffffffff\r\n",
                                   "5 \r\nhello\r\n0\r\n\r\n"})
          expect_refusal(s, head + "Transfer-Encoding: chunked\r\n\r\n" + chunks + "\r\n\r\n", 400,
                         "no proper HTTP/1");
        EXPECT_EQ(s->requests(), 0u);
        expect_service(s);
      },
      four_processors());
}

TEST(http_refusal, of_headers_that_are_too_large) {
  run(
      [] {
        constexpr std::size_t most = 2048;
        site s(describe, {.max_header = most});
        const std::string begin = "GET / HTTP/1.1\r\nHost: x\r\nA: ";
        const std::size_t room = most - begin.size() - 4;
        EXPECT_EQ(s.connect().ask(begin + std::string(room, 'a') + "\r\n\r\n").status, 200); // just so
        expect_refusal(s, begin + std::string(room + 1, 'a') + "\r\n\r\n", 431, "larger than the 2048 bytes");
        expect_refusal(s, "GET /" + std::string(most, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n", 431,
                       "send fewer or shorter");
        expect_refusal(s, std::string(100'000, 'a'), 431, "larger");
        { // line by line, each as it is read: many small ones are no smaller
          server alone(describe, {.max_header = most});
          auto [mine, theirs] = memory_way(8);
          auto talking = spawn([&, end = std::move(theirs)]() mutable { alone.talk_over(std::move(end)); });
          raw_client<memory_end> c(std::move(mine));
          auto saying = spawn([&] {
            if (!c.stream.write_all("GET / HTTP/1.1\r\nHost: x\r\n", 60s)) return;
            while (c.stream.write_all("A: bcd\r\n", 60s)) {}
          });
          EXPECT_EQ(c.next().status, 431);
          c.stream.close();
          saying.join();
          talking.join();
        }
        { // and behind the last chunk
          tcp_client c = s.connect();
          c.say("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: " +
                std::string(2 * most, 'a'));
          EXPECT_EQ(c.next().status, 431);
        }
        expect_service(s);
      },
      four_processors());
}

TEST(http_refusal, of_bodies_that_are_too_large) {
  run(
      [] {
        site s(describe, {.max_body = 100});
        const std::string head = "POST / HTTP/1.1\r\nHost: x\r\n";
        EXPECT_EQ(s.connect().ask(head + "Content-Length: 100\r\n\r\n" + letters(100)).status, 200);
        expect_refusal(s, head + "Content-Length: 101\r\n\r\n", 413, "larger than the 100 bytes");
        expect_refusal(s, head + "Transfer-Encoding: chunked\r\n\r\n32\r\n" + letters(50) + "\r\n33\r\n", 413,
                       "in parts");
        // The answer arrives although the client has megabytes to send and looks for it only then.
        tcp_client c = s.connect();
        auto saying = spawn([&] {
          c.say(head + "Content-Length: 8000000\r\n\r\n");
          static_cast<void>(c.stream.write_all(letters(8'000'000), 60s));
        });
        EXPECT_EQ(c.next().status, 413);
        saying.join();
        expect_service(s);
      },
      four_processors());
}

TEST(http_refusal, of_clients_that_are_slow) {
  run(
      [] {
        site s(describe, {.header_timeout = 20ms, .body_timeout = 20ms, .idle_timeout = 60s});
        expect_refusal(s, "GET / HTTP/1.1\r\nHos", 408, "did not come to its end in time");
        expect_refusal(s, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhell", 408, "in time");
        EXPECT_EQ(s->requests(), 0u);
        site idle(describe, {.idle_timeout = 20ms});
        tcp_client never = idle.connect();
        EXPECT_TRUE(never.has_ended()); // it had asked for nothing, so it is told nothing
        tcp_client once = idle.connect();
        EXPECT_EQ(once.ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
        EXPECT_TRUE(once.has_ended());
        // One that does not take its answer.
        site endless([](const request&) -> response { return {.body = std::string(32 << 20, 'x')}; },
                     {.write_timeout = 20ms});
        tcp_client deaf = endless.connect();
        deaf.say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        wait_until([&] { return endless->requests() == 1 && endless->connections() == 0; });
      },
      four_processors());
}

TEST(http_refusal, a_client_that_leaves_at_any_byte_harms_nobody) {
  run(
      [] {
        site s(describe);
        const std::string whole =
            "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        for (std::size_t n = 0; n < whole.size(); ++n) {
          tcp_client c = s.connect();
          c.say(whole.substr(0, n));
          if (n % 2 == 0) { // it says the end; else it is gone
            c.stream.shutdown_write().value();
            EXPECT_TRUE(c.has_ended()) << n;
          } else if (n % 3 == 0) {
            static_cast<void>(c.stream.reset_on_close(true));
          }
        }
        EXPECT_EQ(s->requests(), 0u);
        tcp_client c = s.connect(); // who says all, and that nothing follows, is answered
        c.say(whole);
        c.stream.shutdown_write().value();
        EXPECT_EQ(c.next().body, "POST /a abc");
        EXPECT_TRUE(c.has_ended());
      },
      four_processors());
}

TEST(http_handler, that_throws_gives_500_and_is_reported_and_all_go_on) {
  std::atomic<int> reported = 0;
  thrum::options o = four_processors();
  o.on_unhandled = [&](std::exception_ptr e) {
    try {
      std::rethrow_exception(e);
    } catch (const std::runtime_error& failure) { reported += failure.what() == std::string("no database"); }
  };
  run(
      [] {
        site s([](const request& r) -> response {
          if (r.target == "/bad") throw std::runtime_error("no database");
          return describe(r);
        });
        tcp_client c = s.connect();
        for (int i = 0; i < 3; ++i) {
          const answer a = c.ask("GET /bad HTTP/1.1\r\nHost: x\r\n\r\n");
          EXPECT_EQ(a.status, 500);
          EXPECT_FALSE(has(a.body, "database")); // strangers are not told
          EXPECT_EQ(c.ask("GET /good HTTP/1.1\r\nHost: x\r\n\r\n").body, "GET /good "); // the same connection
        }
      },
      o);
  EXPECT_EQ(reported, 3);
}

TEST(http_handler, a_failure_that_nobody_handles_is_printed) {
  testing::internal::CaptureStderr();
  run([] {
    site s([](const request&) -> response { throw std::runtime_error("no database"); });
    EXPECT_EQ(s.connect().ask("GET /people?id=7 HTTP/1.1\r\nHost: x\r\n\r\n").status, 500);
  });
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(has(said, "the handler of an HTTP server has failed")) << said;
  EXPECT_TRUE(has(said, "GET /people?id=7")) << said;
  EXPECT_TRUE(has(said, "no database")) << said;
  EXPECT_TRUE(has(said, "catch it in the handler, or set options.on_unhandled")) << said;
}

TEST(http_handler, that_answers_what_is_no_answer_has_failed) {
  std::atomic<int> reported = 0;
  thrum::options o = four_processors();
  o.on_unhandled = [&](std::exception_ptr) { ++reported; };
  run(
      [] {
        site s([](const request& r) -> response {
          if (r.target == "/field") return {.headers = {{"Location", "/" + r.body}}};
          if (r.target == "/gave_up")
            throw cancelled(cancel_reason::user); // of something that it has waited for
          return {.status = std::atoi(r.target.c_str() + 1)};
        });
        for (const char* target : {"/99", "/0", "/1000", "/-1", "/100"})
          EXPECT_EQ(s.connect().ask("GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n").status,
                    500);
        EXPECT_EQ(
            s.connect().ask("PUT /field HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\na\r\nB: c\r").status,
            500);
        EXPECT_EQ(s.connect().ask("GET /gave_up HTTP/1.1\r\nHost: x\r\n\r\n").status, 500);
      },
      o);
  EXPECT_EQ(reported, 7);
}

// ---- the end

TEST(http_drain, what_has_begun_is_answered_and_idle_connections_end) {
  run(
      [] {
        const auto listener = net::tcp_listener::listen(net::endpoint::loopback_v4(0)).value();
        const thrum::chan<int> begun;
        const thrum::chan<int> go_on;
        server s([&](const request& r) {
          if (r.target == "/wait") {
            begun.send(1);
            static_cast<void>(go_on.recv());
          }
          return describe(r);
        });
        auto serving = spawn([&] { s.serve(listener).value(); });
        const auto connect = [&] {
          return tcp_client(net::tcp_stream::connect(listener.local_address().value()).value());
        };
        tcp_client idle = connect();
        EXPECT_EQ(idle.ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
        tcp_client busy = connect();
        busy.say("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
        static_cast<void>(begun.recv());
        tcp_client half = connect(); // has begun, too
        half.say("GET /half HTTP/1.1\r\nHo");
        tcp_client sure = connect(); // that it was read is known by what comes behind it
        sure.say("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
        static_cast<void>(begun.recv());
        auto draining = spawn([&] { return s.drain(60s); });
        EXPECT_TRUE(idle.has_ended());
        wait_until([&] { return !listener.is_open(); });
        EXPECT_EQ(s.connections() >= 2, true);
        go_on.send(1);
        go_on.send(1);
        for (tcp_client* c : {&busy, &sure}) {
          const answer a = c->next();
          EXPECT_EQ(a.body, "GET /wait ");
          EXPECT_TRUE(has(a.head, "\r\nConnection: close\r\n"));
          EXPECT_TRUE(c->has_ended());
        }
        static_cast<void>(
            half.stream.write_all("st: x\r\n\r\n", 60s)); // perhaps it was not read yet, and so was idle
        const answer a = half.next();
        EXPECT_TRUE(a.status == 0 || a.body == "GET /half ");
        half.stream.close();
        EXPECT_TRUE(draining.join());
        serving.join();
      },
      four_processors());
}

TEST(http_drain, handlers_that_are_late_are_asked_to_stop) {
  run(
      [] {
        const auto listener = net::tcp_listener::listen(net::endpoint::loopback_v4(0)).value();
        std::atomic<int> stopped = 0;
        const thrum::chan<int> begun;
        server s([&](const request&) -> response {
          begun.send(1);
          try {
            for (;;) this_fiber::sleep_for(1h);
          } catch (const cancelled&) {
            ++stopped;
            throw;
          }
        });
        auto serving = spawn([&] { s.serve(listener).value(); });
        tcp_client c(net::tcp_stream::connect(listener.local_address().value()).value());
        c.say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        static_cast<void>(begun.recv());
        EXPECT_FALSE(s.drain(1ms));
        EXPECT_EQ(stopped, 1);
        EXPECT_TRUE(c.has_ended());
        serving.join();
      },
      four_processors());
}

TEST(http_drain, serve_that_is_asked_to_stop_finishes_what_has_begun) {
  run(
      [] {
        const auto listener = net::tcp_listener::listen(net::endpoint::loopback_v4(0)).value();
        const net::endpoint at = listener.local_address().value();
        const thrum::chan<int> begun;
        const thrum::chan<int> go_on;
        auto serving = spawn([&] {
          static_cast<void>(serve(listener,
                                  [&](const request& r) {
                                    begun.send(1);
                                    static_cast<void>(go_on.recv());
                                    return describe(r);
                                  },
                                  {.drain = 60s}));
        });
        tcp_client c(net::tcp_stream::connect(at).value());
        c.say("GET /last HTTP/1.1\r\nHost: x\r\n\r\n");
        static_cast<void>(begun.recv());
        serving.request_stop();
        wait_until([&] { return !listener.is_open(); });
        go_on.send(1);
        EXPECT_EQ(c.next().body, "GET /last ");
        EXPECT_TRUE(c.has_ended());
        EXPECT_THROW(serving.join(), cancelled);
      },
      four_processors());
}

TEST(http_drain, a_listener_that_is_closed_ends_serve) {
  run([] {
    const auto listener = net::tcp_listener::listen(net::endpoint::loopback_v4(0)).value();
    auto serving = spawn([&] { return serve(listener, describe).has_value(); });
    listener.close();
    EXPECT_TRUE(serving.join());
  });
}

} // namespace
} // namespace thrum::http
