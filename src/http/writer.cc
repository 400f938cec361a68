// Beast's serializer works on containers of its own, into which all fields would have to be copied first; a head is a few lines of
// text, and fields.set() has looked at their characters.
#include "http/writer.h"

#include <chrono>
#include <cstdint>
#include <strings.h>

namespace thrum::http {

namespace {

bool is(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

// Those that say where the message ends, or what becomes of the connection: they are ours.
bool is_framing(std::string_view name) noexcept {
  return is(name, "content-length") || is(name, "transfer-encoding") || is(name, "connection") ||
         is(name, "keep-alive");
}

void append_two(std::string& out, unsigned n) {
  out += static_cast<char>('0' + n / 10 % 10);
  out += static_cast<char>('0' + n % 10);
}

// "Mon, 23 Nov 2026 01:50:00 GMT"
void append_date(std::string& out) {
  using namespace std::chrono;
  static constexpr const char* days[] = {"Sun, ", "Mon, ", "Tue, ", "Wed, ", "Thu, ", "Fri, ", "Sat, "};
  static constexpr const char* months[] = {" Jan ", " Feb ", " Mar ", " Apr ", " May ", " Jun ",
                                           " Jul ", " Aug ", " Sep ", " Oct ", " Nov ", " Dec "};
  const auto now = floor<seconds>(system_clock::now());
  const auto today = floor<std::chrono::days>(now);
  const year_month_day date(today);
  const auto of_day = static_cast<unsigned>((now - today).count());
  out += days[weekday(today).c_encoding()];
  append_two(out, static_cast<unsigned>(date.day()));
  out += months[static_cast<unsigned>(date.month()) - 1];
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  append_two(out, year / 100);
  append_two(out, year);
  out += ' ';
  append_two(out, of_day / 3600);
  out += ':';
  append_two(out, of_day / 60 % 60);
  out += ':';
  append_two(out, of_day % 60);
  out += " GMT";
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

} // namespace

bool has_no_body(int status) noexcept { return status < 200 || status == 204 || status == 304; }

bool has_word(std::string_view list, std::string_view word) noexcept {
  while (!list.empty()) {
    std::string_view one = list.substr(0, list.find(','));
    list.remove_prefix(std::min(one.size() + 1, list.size()));
    while (!one.empty() && (one.front() == ' ' || one.front() == '\t')) one.remove_prefix(1);
    while (!one.empty() && (one.back() == ' ' || one.back() == '\t')) one.remove_suffix(1);
    if (is(one, word)) return true;
  }
  return false;
}

std::string head_of(const response& r, bool head_only, connection_says connection) {
  std::string out;
  out.reserve(256);
  out = "HTTP/1.1 ";
  out += static_cast<char>('0' + r.status / 100);
  append_two(out, static_cast<unsigned>(r.status % 100));
  out += ' ';
  out += reason(r.status);
  out += "\r\n";
  if (!r.headers.has("Date")) {
    out += "Date: ";
    append_date(out);
    out += "\r\n";
  }
  for (const auto& [name, value] : r.headers)
    if (!is_framing(name)) append_field(out, name, value);
  const std::string_view said = r.headers.get("Content-Length");
  if ((head_only || r.status == 304) && r.body.empty()) {
    if (!said.empty()) append_field(out, "Content-Length", said);
  } else if (!has_no_body(r.status)) {
    append_field(out, "Content-Length", std::to_string(r.body.size()));
  }
  if (connection != connection_says::nothing)
    append_field(out, "Connection", connection == connection_says::close ? "close" : "keep-alive");
  out += "\r\n";
  return out;
}

std::string head_of(const request& r, std::string_view target, std::string_view host) {
  std::string out;
  out.reserve(256);
  out = r.method;
  out += ' ';
  out += target;
  out += " HTTP/1.1\r\n";
  if (!r.headers.has("Host")) append_field(out, "Host", host);
  for (const auto& [name, value] : r.headers)
    if (!is_framing(name)) append_field(out, name, value);
  if (has_word(r.headers.get("Connection"), "close")) append_field(out, "Connection", "close");
  if (!r.body.empty() || r.method == "POST" || r.method == "PUT" || r.method == "PATCH")
    append_field(out, "Content-Length", std::to_string(r.body.size()));
  out += "\r\n";
  return out;
}

} // namespace thrum::http
