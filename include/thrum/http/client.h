// client, get, post, fetch: asks servers of HTTP/1.1, and keeps connections to ask again.
//
//   auto answer = thrum::http::get("http://127.0.0.1:8080/users/7", 5s);
//   if (!answer) return report(answer.error().message()); // nobody there, too late, cut short, ...
//   if (answer->status == 200) report(answer->body);
//
// Whatever the server says is an answer, 404 and 500 as well; redirections are not followed.
//
//   auto stored = thrum::http::post("http://127.0.0.1:8080/users", R"({"name":"Ann"})", "application/json", 5s);
//   auto gone = thrum::http::fetch("http://127.0.0.1:8080/users/7", {.method = "DELETE"}, 5s);
//
// The functions use one client of the process. One's own has settings and connections of its own; with TLS it speaks HTTPS:
//
//   std::string secret(const thrum::tls::context& trusted) {
//     thrum::http::client c({.max_body = 1 << 20});
//     c.connect_with("https", 443, [=](std::string_view host, std::uint16_t port, thrum::io::deadline until) {
//       return thrum::tls::connect(host, port, trusted, until);
//     });
//     return c.get("https://example.com/secret", 10s).value().body;
//   }
//
// What the caller owes   A deadline, or a server that says nothing keeps the fiber for ever. The client outlives its calls; they may
//                        come from any fibers and threads, and as many at a time as one likes.
// What is guaranteed     The deadline covers all: looking the name up, connecting, sending, receiving. Host and Content-Length are
//                        added. A connection is used again when its answer has come to its end and neither side has said that it
//                        is the last; one that the server has closed meanwhile is noticed and dropped. If it closes just when one
//                        asks, before a byte of an answer, a request that may be repeated (GET, HEAD, PUT, DELETE, OPTIONS) is
//                        sent once more, on a new connection; any other fails with no_answer, as the server may have done it.
// Cancellation           A stop request ends the waits, and the connection with them.
// May park               get, post, fetch; close_idle does not.
// Happens-before         only what passes through says.
// When it dies           Idle connections are closed; nobody may be inside a call. The client of the functions never dies.
// Errors                 those of http/error.h; of connecting (net/tcp.h, net/resolve.h), of reads and writes; io::errc::deadline.
//                        `cancelled` is thrown. std::bad_alloc.
// Not here               HTTP/2, proxies, cookies, redirections, bodies that are not whole.
// Cost                   On a connection that is there: a system call to see whether it still is, and two for the exchange. An idle one:
//                        no fiber; what the kernel keeps and some 400 bytes.
// Source of the idea     Go's http.Client and its Transport.
#pragma once

#include <thrum/detail/http_transport.h>
#include <thrum/http/error.h>
#include <thrum/http/message.h>
#include <thrum/io/deadline.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

namespace thrum::detail {

class http_connections; // src/http/client.cc

using http_connector = std::function<io::result<std::unique_ptr<http_transport>>(
    std::string_view host, std::uint16_t port, io::deadline until)>;

} // namespace thrum::detail

namespace thrum::http {

struct client_options {
  std::size_t max_header = 64 << 10;
  std::size_t max_body = 64 << 20;
  unsigned max_idle = 16; // connections kept for each host; 0: none is used again
  std::chrono::nanoseconds idle_timeout = std::chrono::seconds(30); // an older one is not used again
};

class client {
public:
  explicit client(const client_options& o = {});
  ~client();
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  [[nodiscard]] io::result<response> get(std::string_view url, io::deadline until = {});
  [[nodiscard]] io::result<response> post(std::string_view url, std::string_view body,
                                          std::string_view content_type, io::deadline until = {});
  // The target of `r` is not looked at: it is the url's.
  [[nodiscard]] io::result<response> fetch(std::string_view url, const request& r, io::deadline until = {});

  // For urls of that scheme, connections are made by connect(host, port, until), which returns an io::result of a stream. Before the
  // first call.
  template <class Connect>
  void connect_with(std::string_view scheme, std::uint16_t default_port, Connect connect) {
    add_connector(scheme, default_port,
                  [connect = std::move(connect)](
                      std::string_view host, std::uint16_t port,
                      io::deadline until) -> io::result<std::unique_ptr<detail::http_transport>> {
                    auto stream = connect(host, port, until);
                    if (!stream) return stream.error();
                    using stream_type = std::remove_cvref_t<decltype(*stream)>;
                    return std::unique_ptr<detail::http_transport>(
                        std::make_unique<detail::http_transport_of<stream_type>>(std::move(*stream)));
                  });
  }

  // Connections that wait for their next request are closed. How many.
  std::size_t close_idle() noexcept;
  [[nodiscard]] std::uint64_t connected() const noexcept; // connections made so far

private:
  void add_connector(std::string_view scheme, std::uint16_t default_port, detail::http_connector connect);

  const std::unique_ptr<detail::http_connections> connections_;
};

[[nodiscard]] io::result<response> get(std::string_view url, io::deadline until = {});
[[nodiscard]] io::result<response> post(std::string_view url, std::string_view body,
                                        std::string_view content_type, io::deadline until = {});
[[nodiscard]] io::result<response> fetch(std::string_view url, const request& r, io::deadline until = {});

} // namespace thrum::http
