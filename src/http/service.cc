#include "http/service.h"

#include "http/input.h"
#include "http/parser.h"
#include "http/writer.h"
#include "sync/unhandled.h"

#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include <thrum/http/server.h>
#include <thrum/this_fiber.h>

namespace thrum::detail {

namespace {

using http::connection_says;
using http::parse_fault;
using http::request;
using http::response;
using namespace std::chrono_literals;

// Read in one piece: most requests fit, and an idle connection keeps no more.
constexpr std::size_t first_read = 1024;
// Of a body that is large.
constexpr std::size_t large_read = 64 << 10;
// Of a fiber that answers: not of the size of the connection's own, so that its stack is of another pool. Else the next connection
// would be given the stack that a request has just made deep, and keep it while it is idle: 10.4 KB a connection instead of 6.7
// (1,000 of them, asked by X12's clients, November 2026).
constexpr std::size_t handler_stack = 128 << 10;
// An answer whose body is no larger is copied behind its head, and sent from one buffer.
constexpr std::size_t small_body = 4096;

io::deadline within(std::chrono::nanoseconds d) noexcept {
  return d > 0ns ? io::deadline(d) : io::deadline();
}

struct refusal {
  int status;
  std::string words;
};

refusal refusal_for(const http::parser& p, const http::server_options& o) {
  switch (p.fault) {
  case parse_fault::header_too_large:
    return {431, "the header of the request is larger than the " + std::to_string(o.max_header) +
                     " bytes that are allowed here; send fewer or shorter fields"};
  case parse_fault::body_too_large:
    return {413, "the body of the request is larger than the " + std::to_string(o.max_body) +
                     " bytes that are allowed here; send it in parts"};
  default: return {400, "the request is no proper HTTP/1: " + p.words};
  }
}

// What is wrong with a header that the parser lets pass; status 0: nothing.
refusal refusal_for(const request& r, const http::parser& p) {
  std::size_t hosts = 0;
  std::size_t encodings = 0;
  bool only_chunked = true;
  for (const auto& [name, value] : r.headers) {
    hosts += http::has_word(name, "host") ? 1 : 0;
    if (!http::has_word(name, "transfer-encoding")) continue;
    ++encodings;
    only_chunked = only_chunked && value.find(',') == std::string::npos && http::has_word(value, "chunked");
  }
  if (hosts > 1 || (hosts == 0 && r.version >= 11))
    return {400, "the request has to have one field Host; it has " + std::to_string(hosts)};
  // A server in front of this one may see the end of such a body elsewhere, and so another request behind it.
  if (encodings != 0 && r.version < 11) return {400, "HTTP/1.0 has no Transfer-Encoding; use Content-Length"};
  if (encodings != 0 && (!only_chunked || !p.is_chunked()))
    return {501, "the only Transfer-Encoding that is understood here is chunked"};
  const std::string_view expected = r.headers.get("Expect");
  if (!expected.empty() && !http::has_word(expected, "100-continue"))
    return {417, "the only thing to be expected here is 100-continue"};
  return {0, {}};
}

void report(const std::exception_ptr& error, const request& r) noexcept {
  try {
    const std::string which = r.method + ' ' + r.target;
    env::report message;
    if (sync::report_unseen(error, "the handler of an HTTP server has failed", which.c_str(), message))
      message.text("  the client got 500; catch it in the handler, or set options.on_unhandled\n").flush();
  } catch (const std::bad_alloc&) { // nothing to say it with
  }
}

response failure_of_handler() {
  return {.status = 500,
          .headers = {{"Content-Type", "text/plain; charset=utf-8"}},
          .body = "500 Internal Server Error: the server has failed at this request; its log says more\n"};
}

} // namespace

class http_service::connection {
public:
  connection(http_service& s, http_transport& stream) : service_(s), stream_(stream) {
    const std::lock_guard hold(s.mutex_);
    ending_ = s.ending_;
    next_ = s.first_;
    if (next_ != nullptr) next_->previous_ = this;
    s.first_ = this;
  }
  ~connection() {
    const std::lock_guard hold(service_.mutex_);
    (previous_ != nullptr ? previous_->next_ : service_.first_) = next_;
    if (next_ != nullptr) next_->previous_ = previous_;
  }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  // The beginning of the next request. 0: there is none.
  std::size_t wait_for_bytes() {
    {
      const std::lock_guard hold(guard_);
      if (ending_) return 0;
      idle_ = true;
    }
    const auto n = stream_.read_some({first_, first_read}, within(options().idle_timeout));
    const std::lock_guard hold(guard_);
    idle_ = false;
    return n.value_or(0);
  }
  // False: the connection is to end.
  bool answer_all(std::size_t n) {
    http::input in(first_, first_read, n);
    try {
      while (!in.empty())
        if (!answer_one(in)) return false;
      return true;
    } catch (const std::bad_alloc&) { return false; } // others may have memory for theirs
  }
  void end() {
    const std::lock_guard hold(guard_);
    ending_ = true;
    if (idle_) stream_.end_reading();
  }
  connection* next() const noexcept { return next_; }

private:
  const http::server_options& options() const noexcept { return service_.options_; }
  bool is_ending() {
    const std::lock_guard hold(guard_);
    return ending_;
  }

  bool answer_one(http::input& in) {
    io::deadline until = within(options().header_timeout);
    for (;;) { // some clients put an empty line behind a body
      while (in.view().starts_with("\r\n")) in.take(2);
      if (in.view() != "\r") break;
      if (in.read_more(stream_, first_read, until).value_or(0) == 0) return false;
    }
    if (in.empty()) return true;
    request r;
    const auto p = http::make_request_parser(r, {options().max_header, options().max_body});
    for (bool looked_at = false;;) {
      in.take(p->put(in.view()));
      if (p->fault != parse_fault::none) return refuse(refusal_for(*p, options()));
      if (p->has_header() && !looked_at) {
        looked_at = true;
        if (const refusal why = refusal_for(r, *p); why.status != 0) return refuse(why);
        until = within(options().body_timeout);
        if (!p->is_done() && in.empty() && r.version >= 11 && r.headers.has("Expect") &&
            !stream_.write_all("HTTP/1.1 100 Continue\r\n\r\n", {nullptr, 0}, until))
          return false;
      }
      if (p->is_done()) break;
      const bool is_large = p->has_header() && p->remaining().value_or(large_read) > first_read;
      const auto n = in.read_more(stream_, is_large ? large_read : first_read, until);
      if (!n && n.error() == io::errc::deadline)
        return refuse({408, "the request did not come to its end in time; send it again, and faster"});
      if (n.value_or(0) == 0) return false;
    }
    const bool keep = p->keep_alive();
    return answer(r, keep, in);
  }

  bool answer(const request& r, bool keep, const http::input& in) {
    service_.requests_.add();
    response a = ask_handler(r);
    keep = keep && !is_ending() && !http::has_word(a.headers.get("Connection"), "close");
    const connection_says says = !keep            ? connection_says::close
                                 : r.version < 11 ? connection_says::keep_alive
                                                  : connection_says::nothing;
    const bool head_only = r.method == "HEAD";
    if (!send(http::head_of(a, head_only, says),
              head_only || http::has_no_body(a.status) ? std::string_view() : a.body))
      return false;
    if (!keep && !in.empty()) linger();
    return keep;
  }

  response ask_handler(const request& r) {
    std::exception_ptr error;
    try {
      response a = service_.handler_(r);
      if (a.status >= 200 && a.status <= 999) return a;
      throw std::out_of_range("the handler has answered with status " + std::to_string(a.status) +
                              "; 200 to 999 are possible");
    } catch (const cancelled&) {
      if (this_fiber::stop_requested()) throw;
      error = std::current_exception(); // of something that the handler has waited for
    } catch (...) { error = std::current_exception(); }
    report(error, r);
    return failure_of_handler();
  }

  bool send(std::string head, std::string_view body) {
    const io::deadline until = within(options().write_timeout);
    if (body.size() > small_body) return stream_.write_all(head, body, until).has_value();
    head += body;
    return stream_.write_all(head, {nullptr, 0}, until).has_value();
  }

  bool refuse(const refusal& why) {
    const response a{.status = why.status,
                     .headers = {{"Content-Type", "text/plain; charset=utf-8"}},
                     .body = std::to_string(why.status) + ' ' + std::string(http::reason(why.status)) + ": " +
                             why.words + '\n'};
    if (send(http::head_of(a, false, connection_says::close), a.body)) linger();
    return false;
  }

  // A connection that is closed while bytes are there that nobody has read is reset, and the answer with it.
  void linger() {
    const io::deadline until = 1s;
    stream_.end_writing(until);
    for (;;)
      if (stream_.read_some({first_, first_read}, until).value_or(0) == 0) return;
  }

  http_service& service_;
  http_transport& stream_;
  connection* next_ = nullptr; // guarded by the service's mutex, as is the next
  connection* previous_ = nullptr;
  mutex guard_;
  bool idle_ = false; // guarded by guard_, as is the next
  bool ending_ = false;
  char first_[first_read];
};

http_service::http_service(http::handler h, const http::server_options& o)
    : handler_(std::move(h)), options_(o) {}
http_service::~http_service() = default;

void http_service::talk(http_transport& stream) try {
  const auto c = std::make_unique<connection>(*this, stream);
  while (const std::size_t n = c->wait_for_bytes()) {
    auto busy =
        spawn(attrs{.name = "http request", .stack = options_.stack != 0 ? options_.stack : handler_stack},
              [&c, n] { return c->answer_all(n); });
    if (!busy.join()) return;
  }
} catch (const std::bad_alloc&) { // this one is closed; perhaps there is memory for the next
}

void http_service::end_idle() {
  const std::lock_guard hold(mutex_);
  ending_ = true;
  for (connection* c = first_; c != nullptr; c = c->next()) c->end();
}

} // namespace thrum::detail

namespace thrum::http {

server::server(handler h, const server_options& o)
    : service_(std::make_unique<detail::http_service>(std::move(h), o)),
      connections_({.max_connections = o.max_connections, .name = "http connection"}) {}
server::~server() = default;

void server::talk(std::unique_ptr<detail::http_transport> stream) { service_->talk(*stream); }

bool server::drain(io::deadline until) {
  service_->end_idle();
  return connections_.drain(until);
}

std::uint64_t server::requests() const { return service_->requests(); }

} // namespace thrum::http
