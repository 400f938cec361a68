#include "http/input.h"
#include "http/parser.h"
#include "http/url.h"
#include "http/writer.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <thrum/http/client.h>
#include <thrum/mutex.h>
#include <thrum/net/tcp.h>

namespace thrum::detail {

namespace {

using namespace std::chrono_literals;
using http::client_options;
using http::errc;
using http::parse_fault;
using http::request;
using http::response;

using stream_owner = std::unique_ptr<http_transport>;

io::error failure(errc code, std::string_view about, std::string words) {
  io::error e{.code = code, .operation = "http", .about = io::subject::named(about), .causes = {}};
  if (!words.empty()) e.causes = std::make_shared<const io::cause_list>(std::move(words));
  return e;
}

io::result<stream_owner> connect_by_tcp(std::string_view host, std::uint16_t port, io::deadline until) {
  const bool v6 = host.find(':') != std::string_view::npos;
  std::string to = v6 ? '[' + std::string(host) + ']' : std::string(host);
  to += ':' + std::to_string(port);
  auto stream = net::tcp_stream::connect(to, until);
  if (!stream) return stream.error();
  return stream_owner(std::make_unique<http_transport_of<net::tcp_stream>>(std::move(*stream)));
}

// To do it twice is the same as to do it once (RFC 9110, 9.2.2).
bool may_be_repeated(std::string_view method) noexcept {
  constexpr std::string_view those[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
  return std::find(std::begin(those), std::end(those), method) != std::end(those);
}

// Nobody has closed it, and nothing has come that nobody has asked for.
bool is_alive(http_transport& stream) {
  char byte;
  const auto n = stream.read_some({&byte, 1}, 0s);
  return !n && n.error() == io::errc::deadline;
}

// One question and its answer over one connection.
class exchange {
public:
  exchange(http_transport& stream, const client_options& o, std::string_view where, io::deadline until)
      : stream_(stream), options_(o), where_(where), until_(until) {}

  io::result<response> run(const std::string& head, const request& r) {
    const auto sent = stream_.write_all(head, r.body, until_);
    if (!sent && sent.error() == io::errc::deadline) return sent.error();
    auto a =
        receive(r.method ==
                "HEAD"); // although it may not all be sent: a server that refuses does not read to the end
    if (!a && !sent && !begun) return sent.error();
    keep = keep && sent.has_value() && !http::has_word(r.headers.get("Connection"), "close");
    return a;
  }

  bool begun = false; // something of an answer has come
  bool keep = false;  // the connection is good for another

private:
  io::result<response> receive(bool no_body) {
    char memory[2048];
    http::input in(memory, sizeof memory, 0);
    for (;;) {
      response a;
      const auto p = http::make_response_parser(a, {options_.max_header, options_.max_body}, no_body);
      if (auto r = receive_one(in, *p, a); !r) return r.error();
      if (a.status < 200 && a.status != 101)
        continue; // "100 Continue" and the like: the answer is yet to come
      keep = p->keep_alive() && in.empty() && a.status != 101;
      return a;
    }
  }

  io::result<void> receive_one(http::input& in, http::parser& p, const response& a) {
    while (!p.is_done()) {
      if (!in.empty()) in.take(p.put(in.view()));
      if (p.fault != parse_fault::none) return failure_of(p, a);
      if (p.is_done()) break;
      const bool is_large = p.has_header() && p.remaining().value_or(1 << 20) > 2048;
      const auto n = in.read_more(stream_, is_large ? 64 << 10 : 2048, until_);
      if (!n && n.error() == io::errc::deadline) return n.error();
      if (n.value_or(0) != 0) {
        begun = true;
        continue;
      }
      const std::string how = n ? "" : n.error().message();
      if (!begun) return failure(errc::no_answer, where_, how);
      if (n) p.put_end();
      if (n && p.is_done() && p.fault == parse_fault::none) break; // its body ends where the connection ends
      return failure(errc::truncated, where_, how.empty() ? what_has_come(p, a) : how);
    }
    return {};
  }

  io::error failure_of(const http::parser& p, const response& a) const {
    switch (p.fault) {
    case parse_fault::header_too_large:
      return failure(errc::header_too_large, where_, std::to_string(options_.max_header) + " bytes");
    case parse_fault::body_too_large:
      return failure(errc::body_too_large, where_, std::to_string(options_.max_body) + " bytes");
    case parse_fault::truncated: return failure(errc::truncated, where_, what_has_come(p, a));
    default: return failure(errc::bad_answer, where_, p.words);
    }
  }
  static std::string what_has_come(const http::parser& p, const response& a) {
    if (!p.has_header()) return "not even its header";
    const auto rest = p.remaining();
    std::string words = std::to_string(a.body.size());
    if (rest) words += " of " + std::to_string(a.body.size() + *rest);
    return words + " bytes of the body";
  }

  http_transport& stream_;
  const client_options& options_;
  const std::string_view where_;
  const io::deadline until_;
};

} // namespace

class http_connections {
public:
  explicit http_connections(const client_options& o) : options_(o) { add("http", 80, connect_by_tcp); }

  void add(std::string_view scheme, std::uint16_t port, http_connector connect) {
    const std::lock_guard hold(mutex_);
    schemes_.insert_or_assign(std::string(scheme), known{port, std::move(connect)});
  }

  io::result<response> fetch(std::string_view text, const request& r, io::deadline until) {
    http::url u;
    if (const char* why = u.parse(text)) return failure(errc::bad_url, text, why);
    const known* how = find(u.scheme);
    if (how == nullptr) return failure(errc::unsupported_scheme, text, u.scheme);
    if (r.method.empty() ||
        r.method.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ-_abcdefghijklmnopqrstuvwxyz") !=
            std::string::npos)
      return failure(errc::bad_request, text, "its method is no word");
    const std::string where = u.authority(how->port);
    const std::string key = u.scheme + ' ' + where;
    const std::string head = http::head_of(r, u.target, where);
    for (stream_owner stream = take(key);;) {
      const bool again = stream != nullptr;
      if (!again) {
        auto made = how->connect(u.host, u.port != 0 ? u.port : how->port, until);
        if (!made) return made.error();
        stream = std::move(*made);
        const std::lock_guard hold(mutex_);
        ++connected_;
      }
      exchange e(*stream, options_, where, until);
      auto a = e.run(head, r);
      if (a) {
        if (e.keep) give_back(key, std::move(stream));
        return a;
      }
      // The server has closed it just now, as an idle one.
      const bool was_idle = again && !e.begun && a.error() != io::errc::deadline;
      stream = nullptr;
      if (!was_idle || !may_be_repeated(r.method)) return a.error();
    }
  }

  std::size_t close_idle() noexcept {
    std::map<std::string, std::vector<kept>> closed;
    std::size_t n = 0;
    {
      const std::lock_guard hold(mutex_);
      closed.swap(idle_);
    }
    for (const auto& [key, streams] : closed) n += streams.size();
    return n;
  }
  std::uint64_t connected() const {
    const std::lock_guard hold(mutex_);
    return connected_;
  }

private:
  struct known { // a scheme
    std::uint16_t port;
    http_connector connect;
  };
  struct kept {
    stream_owner stream;
    deadline_t until;
  };

  const known* find(const std::string& scheme) const {
    const std::lock_guard hold(mutex_);
    const auto found = schemes_.find(scheme);
    return found != schemes_.end() ? &found->second : nullptr;
  }

  // The one that was used last: so the others grow old, and go. Null: there is none.
  stream_owner take(const std::string& key) {
    for (;;) {
      kept one;
      {
        const std::lock_guard hold(mutex_);
        const auto found = idle_.find(key);
        if (found == idle_.end()) return nullptr;
        one = std::move(found->second.back());
        found->second.pop_back();
        if (found->second.empty()) idle_.erase(found);
      }
      if (one.until > io::deadline(0s).time() && is_alive(*one.stream)) return std::move(one.stream);
    }
  }

  void give_back(const std::string& key, stream_owner stream) {
    if (options_.max_idle == 0) return;
    kept oldest; // is closed outside the lock
    const std::lock_guard hold(mutex_);
    std::vector<kept>& all = idle_[key];
    if (all.size() == options_.max_idle) {
      oldest = std::move(all.front());
      all.erase(all.begin());
    }
    all.push_back({std::move(stream), io::deadline(options_.idle_timeout).time()});
  }

  const client_options options_;
  mutable mutex mutex_;
  std::map<std::string, known> schemes_; // guarded; nothing is ever taken out
  std::map<std::string, std::vector<kept>> idle_;
  std::uint64_t connected_ = 0;
};

} // namespace thrum::detail

namespace thrum::http {

client::client(const client_options& o) : connections_(std::make_unique<detail::http_connections>(o)) {}
client::~client() = default;

io::result<response> client::fetch(std::string_view url, const request& r, io::deadline until) {
  return connections_->fetch(url, r, until);
}
io::result<response> client::get(std::string_view url, io::deadline until) { return fetch(url, {}, until); }
io::result<response> client::post(std::string_view url, std::string_view body, std::string_view content_type,
                                  io::deadline until) {
  request r{.method = "POST", .body = std::string(body)};
  if (!content_type.empty()) r.headers.set("Content-Type", content_type);
  return fetch(url, r, until);
}
std::size_t client::close_idle() noexcept { return connections_->close_idle(); }
std::uint64_t client::connected() const noexcept { return connections_->connected(); }
void client::add_connector(std::string_view scheme, std::uint16_t default_port,
                           detail::http_connector connect) {
  connections_->add(scheme, default_port, std::move(connect));
}

namespace {

client& of_the_process() {
  static client* const instance = new client; // never destroyed: fibers may ask while static objects are
  return *instance;
}

} // namespace

io::result<response> get(std::string_view url, io::deadline until) {
  return of_the_process().get(url, until);
}
io::result<response> post(std::string_view url, std::string_view body, std::string_view content_type,
                          io::deadline until) {
  return of_the_process().post(url, body, content_type, until);
}
io::result<response> fetch(std::string_view url, const request& r, io::deadline until) {
  return of_the_process().fetch(url, r, until);
}

} // namespace thrum::http
