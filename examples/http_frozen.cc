// An HTTP server in which one request is a heavy equation of 300 ms, and three small ones come while it computes. With all handlers
// on one event loop, as in Node, the small ones are answered when it is done; with a fiber for each, at once, on one processor, too.
// How long the small ones took goes to standard error.
#include <thrum/event_loop.h>
#include <thrum/http.h>
#include <thrum/thrum.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>

using namespace std::chrono_literals;
using std::chrono::steady_clock;
namespace http = thrum::http;

constexpr int small_ones = 3;

// What is asked of a server, and in which order it was done.
class desk {
public:
  // Without a wait or a call of thrum. For so many small ones it goes on longer than 300 ms, on a machine that is busy with others.
  std::string equation(int until_answered) {
    computing_ = true;
    const auto start = steady_clock::now();
    for (unsigned x = 1;;) {
      for (int i = 0; i < 1000; ++i) x ^= x << 13, x ^= x >> 17, x ^= x << 5;
      const auto took = steady_clock::now() - start;
      if (x == 0 || took > 30s || (took > 300ms && answered_ >= until_answered)) break;
    }
    return done("the equation");
  }
  std::string small() {
    std::string text = done("a small one");
    ++answered_;
    return text;
  }
  bool computing() const { return computing_; }
  std::string order() { return *order_.lock(); }

private:
  std::string done(const char* what) {
    auto order = order_.lock();
    *order += (order->empty() ? "" : ", ") + std::string(what);
    return what;
  }

  std::atomic<bool> computing_{false};
  std::atomic<int> answered_{0};
  thrum::guarded<std::string> order_;
};

void show(const char* how, desk& d, std::function<http::response(const http::request&)> handler) {
  http::server server(std::move(handler));
  const auto listener = thrum::net::tcp_listener::listen("127.0.0.1:0").value();
  const std::string at = "http://" + listener.local_address().value().to_string();
  auto serving = thrum::spawn([&] { server.serve(listener).value(); });
  auto heavy = thrum::spawn([&] { http::get(at + "/equation", 60s).value(); });
  while (!d.computing()) thrum::this_fiber::sleep_for(1ms);
  auto longest = 0ns;
  for (int i = 0; i < small_ones; ++i) {
    const auto asked = steady_clock::now();
    http::get(at + "/small", 60s).value();
    longest = std::max<std::chrono::nanoseconds>(longest, steady_clock::now() - asked);
  }
  heavy.join();
  server.drain(10s);
  serving.join();
  std::printf("%s: %s\n", how, d.order().c_str());
  std::fprintf(stderr, "%s: a small one took %.2f ms at most\n", how,
               std::chrono::duration<double, std::milli>(longest).count());
}

int main() {
  return thrum::run(
      [] {
        desk first;
        {
          thrum::event_loop loop;
          auto running = thrum::spawn([&, alive = loop.keep()] { loop.run(); });
          show("on one loop", first, [&](const http::request& r) -> http::response {
            // A fiber of the loop: nothing else of the loop runs until it is done.
            const bool heavy = r.path() == "/equation";
            return {.body = loop.spawn([&] { return heavy ? first.equation(0) : first.small(); }).join()};
          });
          loop.stop();
          running.join();
        }
        desk second;
        show("a fiber each", second, [&](const http::request& r) -> http::response {
          return {.body = r.path() == "/equation" ? second.equation(small_ones) : second.small()};
        });
        return 0;
      },
      {.processors = 1});
}
