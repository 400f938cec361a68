// HTTP in a simulated network (thrum/simulate.h): client and server are as outside, connections break as the rules say, and no seed gives an
// answer to the wrong question.
#include <thrum/http.h>

#include <thrum/net/tcp.h>
#include <thrum/simulate.h>
#include <thrum/thrum.h>

#include <chrono>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace thrum::http {
namespace {

using namespace std::chrono_literals;

// Of twenty questions of five clients, how many are answered.
int answered() {
  const auto listener = net::tcp_listener::listen("0.0.0.0:80").value();
  server s([](const request& r) -> response {
    this_fiber::sleep_for(1ms);
    return {.body = "hello " + r.target};
  });
  auto serves = spawn([&] { return s.serve(listener); });
  client c;
  int n = 0;
  {
    task_group<> clients;
    for (int i = 0; i < 5; ++i)
      clients.spawn([&, target = "/" + std::to_string(i)] {
        for (int times = 0; times < 4; ++times) {
          const auto a = c.get("http://api.example" + target, 1s);
          if (!a) continue;
          if (a->status != 200 || a->body != "hello " + target) throw std::runtime_error("a wrong answer");
          ++n;
        }
      });
    clients.join();
  }
  s.drain(1s);
  serves.join().value();
  return n;
}

TEST(simulated_http, all_are_answered_where_nothing_breaks) {
  const auto found = simulate({.runs = 50, .quiet = true}, [] { return answered() == 20; });
  EXPECT_FALSE(found.failed) << found.failure;
}

TEST(simulated_http, answers_are_right_or_missing_where_connections_break) {
  bool broke = false;
  const auto found = simulate({.runs = 200, .quiet = true, .network = {.broken = 0.1}},
                              [&] { broke = answered() < 20 || broke; });
  EXPECT_FALSE(found.failed) << found.failure;
  EXPECT_TRUE(broke);
}

} // namespace
} // namespace thrum::http
