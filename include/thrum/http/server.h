// server, serve: answers HTTP/1.1, a fiber a connection, by a plain function from a request to a response.
//
//   void people(const thrum::net::tcp_listener& listener) {
//     thrum::http::serve(listener, [](const thrum::http::request& r) -> thrum::http::response {
//       if (r.method != "GET") return {.status = 405, .headers = {{"Allow", "GET"}}};
//       return {.body = fetch_user(7)}; // may wait: this fiber does, and no other
//     }).value();
//   }
//
// With an orderly end, and several listeners:
//
//   void until_asked(const thrum::net::tcp_listener& a, const thrum::net::unix_listener& b) {
//     thrum::http::server s([](const thrum::http::request&) { return thrum::http::response{.body = "hello\n"}; },
//                           {.max_body = 16 << 20});
//     auto first = thrum::spawn([&] { return s.serve(a); });
//     auto second = thrum::spawn([&] { return s.serve(b); });
//     thrum::signal_source asked({15}); // SIGTERM
//     if (asked.wait()) s.drain(10s);   // requests that have begun are answered, for 10 s
//   }
//
// What else than a stream of TCP is to be spoken over is made in the fiber of the connection. So HTTPS is:
//
//   void https(thrum::http::server& s, const thrum::net::tcp_listener& l, const thrum::tls::context& settings) {
//     auto served = s.serve(l, [&](thrum::net::tcp_stream below) { return thrum::tls::accept(std::move(below), settings, 10s); });
//   }
//
// The handler is called by many fibers at a time; what it shares it protects. When it throws, the client gets 500, the exception goes
// to options.on_unhandled of the runtime, or is printed with the request, and the connection and the server live on.
//
// Answers of the server itself, each with a line of text that says what to do: 400 for what is no proper HTTP/1 (no Host, a length
// that is said twice, ...); 408 for a request that has begun and does not come; 413 and 431 for what is larger than allowed; 417 and
// 501 for what is not understood; 500. Behind all but 500 the connection ends.
//
// What the caller owes   What the handler refers to outlives the server; the server outlives every serve() and drain() on it.
// What is guaranteed     Answers stand in the order of the requests, also of pipelined ones. An answer to HEAD, 204 and 304 has no body.
//                        A client that waits for it gets its "100 Continue" when the body is allowed. Content-Length, Date and
//                        Connection are added. A connection is closed in a way in which the last answer arrives, although
//                        the client still sends (for up to a second).
// Draining               drain() closes the listeners, and connections that have no request; requests that have begun are answered with
//                        Connection: close. When the deadline has passed their fibers are asked to stop, and drain() waits
//                        until they have ended. serve(listener, handler, options), when it is asked to stop, does the same with
//                        options.drain as the deadline, and throws `cancelled` then. A server that was drained serves nobody any
//                        more.
// Cancellation           server::serve: as net::server (net/serve.h): its connections are asked to stop at once.
// May park               serve, drain; the handler may.
// Happens-before         the end of every handler -> the return of serve() and drain().
// When it dies           Nobody may be inside serve(): that panics.
// Errors                 serve: as net::server. Nobody is told of a client that is gone.
// Not here               HTTP/2; bodies that are not whole (streams, WebSocket, upgrades); compression; routes.
// Cost                   An idle connection: 6 to 7 KB, most of it its fiber, one page deep. While a request is there, a second fiber,
//                        whose stack is returned afterwards: so neither a parser nor a deep handler's pages stay with a
//                        connection that has nothing to do. A small request: two system calls, a spawn and a join, the parsing.
// Source of the idea     Go's http.Server; the parser is Boost.Beast's.
#pragma once

#include <thrum/detail/http_transport.h>
#include <thrum/http/message.h>
#include <thrum/io/error.h>
#include <thrum/net/serve.h>
#include <thrum/spawn.h>
#include <thrum/with_timeout.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace thrum::http {

using handler = std::function<response(const request&)>;

struct server_options {
  std::size_t max_header = 16 << 10; // the first line and the fields of a request; at least 1 KiB
  std::size_t max_body = 1 << 20;
  // From the first byte of a request to the end of its header; for the whole body; between two requests; for an answer to be taken.
  // 0: as long as it takes.
  std::chrono::nanoseconds header_timeout = std::chrono::seconds(10);
  std::chrono::nanoseconds body_timeout = std::chrono::seconds(60);
  std::chrono::nanoseconds idle_timeout = std::chrono::seconds(60);
  std::chrono::nanoseconds write_timeout = std::chrono::seconds(60);
  std::chrono::nanoseconds drain = std::chrono::seconds(10); // of serve(listener, handler, options)
  unsigned max_connections = 0;                              // 0: no limit
  std::size_t stack = 0; // of the fibers that call the handler (attrs.h); 0: 188 KiB
};

} // namespace thrum::http

namespace thrum::detail {

class http_service; // src/http/service.h

} // namespace thrum::detail

namespace thrum::http {

class server {
public:
  explicit server(handler h, const server_options& o = {});
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  // Answers all who come, until the server is drained or the listener closed.
  template <class Listener> io::result<void> serve(const Listener& l) {
    return connections_.serve(l, [this](auto stream) { this->talk_over(std::move(stream)); });
  }
  // Speaks over what `wrap` makes of a connection: an io::result of a stream. If it is an error, the connection is closed.
  template <class Listener, class Wrap> io::result<void> serve(const Listener& l, Wrap wrap) {
    return connections_.serve(l, [this, wrap = std::move(wrap)](auto stream) {
      if (auto wrapped = wrap(std::move(stream))) this->talk_over(std::move(*wrapped));
    });
  }
  // One connection, in the calling fiber, until it ends. It is drained as the others are, but not counted.
  template <transport S> void talk_over(S stream) {
    talk(std::make_unique<detail::http_transport_of<S>>(std::move(stream)));
  }

  // True: all requests were answered in time, nobody had to be asked to stop.
  bool drain(io::deadline until = {});

  [[nodiscard]] std::size_t connections() const { return connections_.connections(); }
  [[nodiscard]] std::uint64_t requests() const; // that the handler was called for, so far

private:
  void talk(std::unique_ptr<detail::http_transport> stream);

  const std::unique_ptr<detail::http_service> service_;
  net::server connections_;
};

template <class Listener> io::result<void> serve(const Listener& l, handler h, const server_options& o = {}) {
  server s(std::move(h), o);
  auto serving = spawn(attrs{.name = "http server"}, [&] { return s.serve(l); });
  try {
    while (!serving.wait_for(std::chrono::hours(1))) {}
  } catch (const cancelled&) {
    shield([&] {
      s.drain(o.drain);
      static_cast<void>(serving.join());
    });
    throw;
  }
  return serving.join();
}

} // namespace thrum::http
