#include "http/url.h"

#include <algorithm>
#include <charconv>

namespace thrum::http {

const char* url::parse(std::string_view text) {
  if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c <= ' ' || c == 0x7f; }))
    return "there is a space or a control character in it; write %20 and the like";
  text = text.substr(0, text.find('#')); // for whoever shows the page; it is not sent
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos || colon == 0) return "it does not begin with a scheme, as http:// is";
  scheme = text.substr(0, colon);
  for (char& c : scheme)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  text.remove_prefix(colon + 3);
  std::string_view where = text.substr(0, text.find_first_of("/?"));
  text.remove_prefix(where.size());
  if (where.find('@') != std::string_view::npos)
    return "there is a name or a password in it; send them in a field Authorization";
  if (where.starts_with('[')) {
    const std::size_t end = where.find(']');
    if (end == std::string_view::npos) return "the ] behind an address of IPv6 is missing";
    host = where.substr(1, end - 1);
    where.remove_prefix(end + 1);
  } else {
    host = where.substr(0, where.find(':'));
    where.remove_prefix(host.size());
  }
  if (host.empty()) return "it names no host";
  port = 0;
  if (where.starts_with(':') && where.size() > 1) {
    where.remove_prefix(1);
    const auto [end, error] = std::from_chars(where.data(), where.data() + where.size(), port);
    if (error != std::errc() || end != where.data() + where.size() || port == 0)
      return "its port is no number from 1 to 65535";
  } else if (!where.empty() && where != ":") {
    return "behind the host comes neither a port nor a path";
  }
  target = text.starts_with('/') ? "" : "/";
  target += text;
  return nullptr;
}

std::string url::authority(std::uint16_t default_port) const {
  std::string out = host.find(':') != std::string::npos ? '[' + host + ']' : host;
  if (port != 0 && port != default_port) out += ':' + std::to_string(port);
  return out;
}

} // namespace thrum::http
