#include <thrum/http/error.h>

#include <string>

namespace thrum::http {

namespace {

const char* text_of(errc e) noexcept {
  switch (e) {
  case errc::bad_url: return "not a URL that can be asked; it is to be like http://host:port/path?query";
  case errc::unsupported_scheme:
    return "no way to connect for this scheme; http is there, client::connect_with adds others";
  case errc::bad_request: return "the request cannot be sent as it is";
  case errc::no_answer:
    return "the connection has ended without an answer; the server may have done what was asked, so ask "
           "again "
           "only if that does no harm";
  case errc::truncated:
    return "the connection has ended in the middle of the answer; what has come is not all";
  case errc::bad_answer: return "what has come is no HTTP/1; is this the right port?";
  case errc::header_too_large: return "the header of the answer is larger than client_options::max_header";
  case errc::body_too_large: return "the body of the answer is larger than client_options::max_body";
  }
  return "?";
}

class http_category final : public std::error_category {
public:
  constexpr http_category() noexcept = default;
  const char* name() const noexcept override { return "http"; }
  std::string message(int value) const override { return text_of(static_cast<errc>(value)); }
};

// Never destroyed: errors may be made and compared while static objects are.
union immortal {
  constexpr immortal() noexcept : category{} {}
  ~immortal() {}
  http_category category;
};
constinit immortal instance;

} // namespace

const std::error_category& category() noexcept { return instance.category; }

} // namespace thrum::http
