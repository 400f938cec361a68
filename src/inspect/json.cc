#include "inspect/json.h"

#include <algorithm>
#include <cstddef>

namespace thrum::inspect {

namespace {

// The bytes of a whole character of UTF-8 at the front, or 0.
std::size_t character_at(std::string_view s) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char first = byte(0);
  const std::size_t n = first < 0x80   ? 1
                        : first < 0xc2 ? 0
                        : first < 0xe0 ? 2
                        : first < 0xf0 ? 3
                        : first < 0xf5 ? 4
                                       : 0;
  if (n == 0 || n > s.size()) return 0;
  for (std::size_t i = 1; i < n; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if (n == 3 && ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f))) return 0;
  if (n == 4 && ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f))) return 0;
  return n;
}

} // namespace

void append_json(std::string& to, std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  to += '"';
  while (!text.empty()) {
    const std::size_t n = character_at(text);
    const char c = text.front();
    if (n == 0) {
      to += "\\ufffd"; // no character
    } else if (n == 1 && (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)) {
      to += "\\u00";
      to += digits[static_cast<unsigned char>(c) >> 4];
      to += digits[c & 15];
    } else {
      if (c == '"' || c == '\\') to += '\\';
      to += text.substr(0, n);
    }
    text.remove_prefix(std::max<std::size_t>(n, 1));
  }
  to += '"';
}

} // namespace thrum::inspect
