#include "http/parser.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/status.hpp>
#include <limits>

namespace thrum::http {

namespace {

namespace beast = boost::beast;
using beast::error_code;
using beast_view = beast::string_view;

std::string_view view(beast_view v) noexcept { return {v.data(), v.size()}; }

// Beast calls what stands below for each piece; it goes straight into our message, so nothing is copied twice.
template <bool IsRequest, class Message> class beast_parser final
    : public beast::http::basic_parser<IsRequest> {
public:
  beast_parser(Message& into, const parse_limits& limits) : into_(into) {
    constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max();
    this->header_limit(static_cast<std::uint32_t>(std::min(limits.header, most)));
    this->body_limit(std::uint64_t{limits.body});
    this->eager(true);
  }

private:
  void on_request_impl(beast::http::verb, beast_view method, beast_view target, int version,
                       error_code&) override {
    if constexpr (IsRequest) {
      into_.method = view(method);
      into_.target = view(target);
      into_.version = version;
    }
  }
  void on_response_impl(int status, beast_view, int, error_code&) override {
    if constexpr (!IsRequest) into_.status = status;
  }
  void on_field_impl(beast::http::field, beast_view name, beast_view value, error_code&) override {
    if (!has_header_)
      field_sink::add(into_.headers, view(name), view(value)); // else it stands behind the last chunk
  }
  void on_header_impl(error_code&) override { has_header_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override {
    // A stranger's word is taken for no more than a megabyte, until the bytes are there.
    if (length) into_.body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*length, 1 << 20)));
  }
  std::size_t on_body_impl(beast_view body, error_code&) override {
    into_.body.append(body.data(), body.size());
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, beast_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast_view body, error_code&) override {
    into_.body.append(body.data(), body.size());
    return body.size();
  }
  void on_finish_impl(error_code&) override {}

  Message& into_;
  bool has_header_ = false;
};

template <bool IsRequest, class Message> class parser_over_beast final : public parser {
public:
  parser_over_beast(Message& into, const parse_limits& limits)
      : inner_(into, limits), limit_(limits.header) {}
  void expect_no_body() { inner_.skip(true); }

  // Beast has a limit for the bytes of a header that are there at a time. Who sends line by line would never reach it; nor does it
  // count what belongs to the header of a chunk, and what stands behind the last one. Both are counted here.
  std::size_t put(std::string_view bytes) override {
    const bool in_header = !has_header();
    const std::string_view given = in_header ? bytes.substr(0, limit_ - header_) : bytes;
    // No chunked message ends with less to come; and Beast, given "0\r\n" and then one byte more, would find that impossible.
    if (!in_header && is_chunked() && given.size() < 5) return 0;
    error_code ec;
    const std::size_t taken = inner_.put(boost::asio::const_buffer(given.data(), given.size()), ec);
    note(ec);
    if (fault != parse_fault::none || is_done()) return taken;
    if (in_header && !has_header()) {
      header_ += taken;
      if (given.size() - taken == limit_ - header_) fail_for_size();
    } else if (given.size() - taken > limit_) {
      fail_for_size();
    }
    return taken;
  }
  void put_end() override {
    error_code ec;
    if (has_header())
      inner_.put_eof(ec);
    else
      ec = beast::http::error::partial_message;
    note(ec);
  }
  bool has_header() const noexcept override { return inner_.is_header_done(); }
  bool is_done() const noexcept override { return inner_.is_done(); }
  bool keep_alive() const noexcept override { return inner_.keep_alive(); }
  bool is_chunked() const noexcept override { return inner_.chunked(); }
  std::optional<std::uint64_t> remaining() const noexcept override {
    if (const auto n = inner_.content_length_remaining()) return *n;
    return {};
  }

private:
  void note(const error_code& ec) {
    using beast::http::error;
    if (!ec || ec == error::need_more) return;
    fault = ec == error::header_limit      ? parse_fault::header_too_large
            : ec == error::body_limit      ? parse_fault::body_too_large
            : ec == error::partial_message ? parse_fault::truncated
                                           : parse_fault::malformed;
    words = ec.message();
  }
  void fail_for_size() {
    fault = parse_fault::header_too_large;
    words = "larger than " + std::to_string(limit_) + " bytes";
  }

  beast_parser<IsRequest, Message> inner_;
  const std::size_t limit_;
  std::size_t header_ = 0; // bytes of the header that were taken
};

} // namespace

std::unique_ptr<parser> make_request_parser(request& into, const parse_limits& limits) {
  return std::make_unique<parser_over_beast<true, request>>(into, limits);
}

std::unique_ptr<parser> make_response_parser(response& into, const parse_limits& limits, bool no_body) {
  auto made = std::make_unique<parser_over_beast<false, response>>(into, limits);
  if (no_body) made->expect_no_body();
  return made;
}

std::string_view reason(int status) noexcept {
  if (status < 0) return "Unknown Status";
  return view(beast::http::obsolete_reason(beast::http::int_to_status(static_cast<unsigned>(status))));
}

} // namespace thrum::http
