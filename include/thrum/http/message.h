// request, response, fields: what HTTP says, as values.
//
//   thrum::http::response answer(const thrum::http::request& r) {
//     if (r.path() != "/greeting") return {.status = 404, .body = "there is only /greeting\n"};
//     const std::string_view language = r.headers.get("accept-language"); // names of fields in any case
//     return {.headers = {{"Content-Type", "text/plain"}}, .body = language.starts_with("de") ? "Hallo\n" : "hello\n"};
//   }
//
// Bodies are whole: one string. The fields that say how a message is cut out of the stream (Content-Length, Transfer-Encoding) are
// written by thrum, and dropped from what one gives it; only for an answer that has no body by its nature (to HEAD, or 304), the
// Content-Length of the handler stands. A body that came in chunks is put together; fields behind its last chunk are dropped.
//
// What the caller owes   Views are good until the message changes.
// What is guaranteed     A field keeps its place, and the case of its name. There may be several of a name: get() gives the first, and
//                        loops see all. What would make another message of this one is refused: a name that is no token, and a
//                        value with line breaks or zeros (set, add and the list throw std::invalid_argument), so what a
//                        stranger has sent can be put into a field.
// May park               no.
// Happens-before         nothing.
// When it dies           Values.
// Errors                 std::invalid_argument, std::bad_alloc.
// Cost                   Two strings a field; to find one compares names from the first on.
// Source of the idea     Go's http.Header, without its maps.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace thrum::http {

class fields {
public:
  struct field {
    std::string name;
    std::string value;
  };
  using const_iterator = std::vector<field>::const_iterator;

  fields() noexcept = default;
  fields(std::initializer_list<field> all);

  // The value of the first of that name; empty if there is none.
  [[nodiscard]] std::string_view get(std::string_view name) const noexcept;
  [[nodiscard]] bool has(std::string_view name) const noexcept;
  // The one of that name, in place of all that there were.
  void set(std::string_view name, std::string_view value);
  // One more.
  void add(std::string_view name, std::string_view value);
  // How many there were.
  std::size_t erase(std::string_view name) noexcept;

  [[nodiscard]] const_iterator begin() const noexcept { return all_.begin(); }
  [[nodiscard]] const_iterator end() const noexcept { return all_.end(); }
  [[nodiscard]] std::size_t size() const noexcept { return all_.size(); }
  [[nodiscard]] bool empty() const noexcept { return all_.empty(); }

private:
  friend struct field_sink; // src/http/parser.h
  std::vector<field> all_;
};

struct request {
  std::string method = "GET";
  std::string target =
      "/"; // as it stands in the request: a path, and what follows a '?'; nothing in it is decoded
  fields headers{};
  std::string body{};
  int version = 11; // 10: HTTP/1.0, 11: HTTP/1.1; of what came

  // What stands in front of the '?' of the target, and behind it.
  [[nodiscard]] std::string_view path() const noexcept {
    return std::string_view(target).substr(0, target.find('?'));
  }
  [[nodiscard]] std::string_view query() const noexcept {
    const std::size_t mark = target.find('?');
    return mark == std::string::npos ? std::string_view() : std::string_view(target).substr(mark + 1);
  }
};

struct response {
  int status = 200;
  fields headers{};
  std::string body{};

  [[nodiscard]] bool ok() const noexcept { return status >= 200 && status < 300; }
};

// "Not Found" for 404; "Unknown Status" if there is no such word.
[[nodiscard]] std::string_view reason(int status) noexcept;

} // namespace thrum::http
