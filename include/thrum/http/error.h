// How HTTP fails: codes of their own, whose messages say the cause and what to do about it.
//
//   auto r = thrum::http::get("http://127.0.0.1:8080/people", 5s);
//   if (!r && r.error() == thrum::http::errc::truncated) report("the server has stopped in the middle of its answer");
//   if (!r) report(r.error().message());
//
// Such a message is "http 127.0.0.1:8080: the connection has ended in the middle of the answer; what has come is not all (17 of 100
// bytes of the body)". Errors of connections, deadlines and names stay what they are: io/error.h. An answer of 404 or 500 is an
// answer, and no error.
//
// What the caller owes   nothing.
// What is guaranteed     The text in parentheses is of this failure: io::error::causes->words.
// May park               no.
// Happens-before         nothing.
// When it dies           Values.
// Errors                 The category is "http".
// Cost                   An error of HTTP allocates its words.
// Source of the idea     tls/error.h; curl's messages.
#pragma once

#include <system_error>
#include <thrum/io/error.h>
#include <type_traits>

namespace thrum::http {

enum class errc {
  // What was to be sent
  bad_url = 1,
  unsupported_scheme, // neither http, nor one of client::connect_with
  bad_request,        // a method or a field with characters that would make it another message

  // What came back
  no_answer,        // the connection has ended before the first byte of one
  truncated,        // ... or behind it
  bad_answer,       // not HTTP/1
  header_too_large, // than client_options::max_header
  body_too_large    // than client_options::max_body
};

const std::error_category& category() noexcept;
[[nodiscard]] inline std::error_code make_error_code(errc e) noexcept {
  return {static_cast<int>(e), category()};
}
inline bool operator==(const io::error& e, errc c) noexcept { return e.code == make_error_code(c); }

} // namespace thrum::http

template <> struct std::is_error_code_enum<thrum::http::errc> : std::true_type {};
