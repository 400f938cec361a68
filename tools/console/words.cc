// Numbers, times and texts, as people read them on a terminal.
#include "picture.h"

#include <algorithm>

namespace console {

namespace {

// Bytes of the character of UTF-8 at the front; 1, if there is none.
std::size_t character(std::string_view s) noexcept {
  const auto first = static_cast<unsigned char>(s.front());
  const std::size_t n = first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 1;
  if (n > s.size()) return 1;
  for (std::size_t i = 1; i < n; ++i)
    if ((static_cast<unsigned char>(s[i]) & 0xc0) != 0x80) return 1;
  return n;
}

std::string tenths(nanoseconds time, nanoseconds unit, const char* name) {
  const nanoseconds n = (time + unit / 20) / (unit / 10);
  return std::to_string(n / 10) + "." + std::to_string(n % 10) + " " + name;
}

} // namespace

std::string grouped(count n) {
  std::string digits = std::to_string(n);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

std::string duration(nanoseconds time) {
  constexpr nanoseconds ms = 1'000'000;
  constexpr nanoseconds s = 1'000 * ms;
  constexpr nanoseconds min = 60 * s;
  constexpr nanoseconds h = 60 * min;
  constexpr nanoseconds d = 24 * h;
  const auto two = [&](nanoseconds unit, const char* name, nanoseconds small, const char* small_name) {
    return std::to_string(time / unit) + " " + name + " " + std::to_string(time % unit / small) + " " +
           small_name;
  };
  time = std::max<nanoseconds>(time, 0);
  if (time < s) return std::to_string(time / ms) + " ms";
  if (time < min) return tenths(time, s, "s");
  if (time < h) return two(min, "min", s, "s");
  if (time < d) return two(h, "h", min, "min");
  return two(d, "d", h, "h");
}

std::string printable(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    const std::size_t n = character(text);
    const auto first = static_cast<unsigned char>(text[0]);
    const bool obeyed = first < 0x20 || first == 0x7f || (n == 1 && first >= 0x80) ||
                        (first == 0xc2 && n == 2 && static_cast<unsigned char>(text[1]) < 0xa0);
    if (obeyed)
      clean += '?';
    else
      clean += text.substr(0, n);
    text.remove_prefix(n);
  }
  return clean;
}

std::string cut(std::string_view text, unsigned width) {
  if (width == 0) return std::string(text);
  std::size_t columns = 0;
  std::size_t bytes = 0; // of all but the last column
  for (std::size_t at = 0; at < text.size(); at += character(text.substr(at))) {
    if (columns + 1 == width) bytes = at;
    if (++columns > width) return std::string(text.substr(0, bytes)) + "…";
  }
  return std::string(text);
}

} // namespace console
