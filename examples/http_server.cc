// An HTTP server that finishes what it has begun, and clients that ask it. With a port, it serves until Ctrl-C: http_server 8080
//
//   $ curl http://127.0.0.1:8080/greet/Ada
//   Hello, Ada!
#include <thrum/http.h>
#include <thrum/signals.h>
#include <thrum/thrum.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
namespace http = thrum::http;

namespace {

class guest_book {
public:
  http::response answer(const http::request& r) {
    const std::string path(r.path());
    if (path.starts_with("/greet/")) return {.body = "Hello, " + path.substr(7) + "!\n"};
    if (path == "/slow") {
      thrum::this_fiber::sleep_for(50ms); // a database: this request waits, and no other
      return {.body = "at last\n"};
    }
    if (path == "/book" && r.method == "GET") return {.body = *entries_.lock()};
    if (path == "/book" && r.method == "POST") {
      *entries_.lock() += r.body + '\n';
      return {.status = 201};
    }
    if (path == "/bug") throw std::logic_error("not written yet");
    return {.status = 404, .body = "nothing is there\n"};
  }

private:
  thrum::guarded<std::string> entries_; // requests come at the same time
};

void show(const char* what, const thrum::io::result<http::response>& a) {
  if (!a) return void(std::printf("%s: %s\n", what, a.error().message().c_str()));
  std::printf("%s: %d %s%s", what, a->status, std::string(http::reason(a->status)).c_str(),
              a->body.empty() ? "\n" : (", " + a->body).c_str());
}

void ask(const std::string& at) {
  show("greet", http::get(at + "/greet/Ada", 10s));
  show("sign", http::post(at + "/book", "Ada was here", "text/plain", 10s));
  show("sign", http::post(at + "/book", "so was Alan", "text/plain", 10s));
  show("read", http::get(at + "/book", 10s));
  show("elsewhere", http::get(at + "/elsewhere", 10s));
  show("a bug",
       http::get(at + "/bug", 10s)); // what was thrown goes to on_unhandled, the client is told little
  const auto refused = http::post(at + "/book", std::string(2000, 'x'), "text/plain", 10s);
  std::printf("too large: %d\n", refused ? refused->status : 0);
}

int serve_until_asked(std::uint16_t port) {
  guest_book book;
  http::server server([&](const http::request& r) { return book.answer(r); });
  const auto listener = thrum::net::tcp_listener::listen(thrum::net::endpoint::loopback_v4(port)).value();
  auto serving = thrum::spawn([&] { return server.serve(listener).has_value(); });
  thrum::signal_source asked({SIGINT, SIGTERM});
  static_cast<void>(asked.wait());
  server.drain(10s);
  return serving.join() ? 0 : 1;
}

int show_all() {
  guest_book book;
  http::server server([&](const http::request& r) { return book.answer(r); }, {.max_body = 1000});
  const auto listener = thrum::net::tcp_listener::listen("127.0.0.1:0").value();
  const std::string at = "http://" + listener.local_address().value().to_string();
  auto serving = thrum::spawn([&] { server.serve(listener).value(); });
  ask(at);
  // The end: what has begun is answered, and nobody is let in.
  auto slow = thrum::spawn([&] { return http::get(at + "/slow", 10s); });
  while (server.requests() < 7)
    thrum::this_fiber::yield(); // six were answered; the one that was too large is not among them
  const bool in_time = server.drain(10s);
  show("slow", slow.join());
  serving.join();
  std::printf("drained: %s; then: %s\n", in_time ? "all were answered" : "somebody was late",
              http::get(at + "/greet/Alan", 10s) ? "an answer" : "nobody there");
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  thrum::options o;
  o.on_unhandled = [](std::exception_ptr e) {
    try {
      std::rethrow_exception(e);
    } catch (const std::exception& failure) { std::printf("log: %s\n", failure.what()); }
  };
  const int port = argc > 1 ? std::atoi(argv[1]) : 0;
  return thrum::run(
      [port] { return port != 0 ? serve_until_asked(static_cast<std::uint16_t>(port)) : show_all(); }, o);
}
