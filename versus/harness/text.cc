#include "harness/text.h"

#include <algorithm>

namespace versus {

int columns(std::string_view text) {
  int n = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      while (i < text.size() && text[i] != 'm') ++i;
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
      ++n;
    }
  }
  return n;
}

std::string paint(std::string_view text, style how, const view& v) {
  if (!v.colour || how == style::plain || text.empty()) return std::string(text);
  const char* code = how == style::bold   ? "1"
                     : how == style::dim  ? "2"
                     : how == style::good ? "32"
                     : how == style::bad  ? "31"
                                          : "1;36";
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

std::string pad_left(std::string_view text, int width) {
  return std::string(static_cast<std::size_t>(std::max(0, width - columns(text))), ' ') + std::string(text);
}

std::string pad_right(std::string_view text, int width) {
  return std::string(text) + std::string(static_cast<std::size_t>(std::max(0, width - columns(text))), ' ');
}

namespace {

// The bytes of the first `width` code points.
std::size_t bytes_of(std::string_view text, int width) {
  std::size_t i = 0;
  for (int n = 0; i < text.size(); ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80 && n++ == width) break;
  return i;
}

} // namespace

std::string clip(std::string_view text, int width, const view& v) {
  if (columns(text) <= width) return std::string(text);
  std::string_view mark = v.unicode ? "\u2026" : "~";
  return std::string(text.substr(0, bytes_of(text, std::max(0, width - 1)))) + std::string(mark);
}

std::vector<std::string> wrap(std::string_view text, int width) {
  width = std::max(width, 1);
  std::vector<std::string> lines(1);
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::min(text.find(' ', at), text.size());
    std::string_view word = text.substr(at, end - at);
    at = end + 1;
    if (word.empty()) continue;
    int used = columns(lines.back());
    if (used > 0 && used + 1 + columns(word) > width)
      lines.emplace_back();
    else if (used > 0)
      lines.back() += ' ';
    while (columns(word) > width) {
      std::size_t part = bytes_of(word, width);
      lines.back() += word.substr(0, part);
      word.remove_prefix(part);
      lines.emplace_back();
    }
    lines.back() += word;
  }
  return lines;
}

std::string paragraph(std::string_view text, int width, std::string_view first, std::string_view rest) {
  std::string out;
  for (const std::string& line : wrap(text, width - std::max(columns(first), columns(rest)))) {
    out += out.empty() ? first : rest;
    out += line;
    out += '\n';
  }
  return out;
}

} // namespace versus
