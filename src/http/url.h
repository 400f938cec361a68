// "http://host:port/path?query", taken apart.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace thrum::http {

struct url {
  std::string scheme;     // in small letters
  std::string host;       // without the brackets of IPv6
  std::uint16_t port = 0; // 0: the scheme's
  std::string target;     // path and query: what stands in a request

  // Null: it was understood. Else why not.
  const char* parse(std::string_view text);
  // For the Host field. default_port: of the scheme.
  std::string authority(std::uint16_t default_port) const;
};

} // namespace thrum::http
