// The parser of HTTP/1, which is Boost.Beast's, behind a wall: only parser.cc includes Beast. It works on memory and never waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <thrum/http/message.h>

namespace thrum::http {

struct parse_limits {
  std::size_t header;
  std::size_t body;
};

// Adds what a parser has looked at already.
struct field_sink {
  static void add(fields& to, std::string_view name, std::string_view value) {
    to.all_.push_back({std::string(name), std::string(value)});
  }
};

enum class parse_fault { none, header_too_large, body_too_large, truncated, malformed };

// What both directions have in common. One message; then it is of no more use.
class parser {
public:
  parser() noexcept = default;
  parser(const parser&) = delete;
  parser& operator=(const parser&) = delete;
  virtual ~parser() = default;

  // Takes from `bytes` what belongs to the message, and returns how much that is. What it leaves, without is_done() and without a
  // fault, is to be given again, with more behind it.
  virtual std::size_t put(std::string_view bytes) = 0;
  // Nothing follows.
  virtual void put_end() = 0;

  virtual bool has_header() const noexcept = 0;
  virtual bool is_done() const noexcept = 0;
  virtual bool keep_alive() const noexcept = 0; // Requires: has_header()
  virtual bool is_chunked() const noexcept = 0; // Requires: has_header()
  // How much of the body is to come, if that was said. Requires: has_header()
  virtual std::optional<std::uint64_t> remaining() const noexcept = 0;

  parse_fault fault = parse_fault::none;
  std::string words; // of the fault
};

// What is parsed goes into `into`, which outlives the parser.
std::unique_ptr<parser> make_request_parser(request& into, const parse_limits& limits);
// no_body: the answer to HEAD.
std::unique_ptr<parser> make_response_parser(response& into, const parse_limits& limits, bool no_body);

} // namespace thrum::http
