#include "json.h"

#include <charconv>
#include <system_error>

namespace console {

namespace {

constexpr int deepest = 32;

void append_utf8(std::string& to, std::uint32_t c) {
  const auto byte = [&](std::uint32_t b) { to += static_cast<char>(static_cast<unsigned char>(b)); };
  if (c < 0x80) return byte(c);
  if (c < 0x800) {
    byte(0xc0 | c >> 6);
  } else {
    if (c < 0x10000) {
      byte(0xe0 | c >> 12);
    } else {
      byte(0xf0 | c >> 18);
      byte(0x80 | (c >> 12 & 0x3f));
    }
    byte(0x80 | (c >> 6 & 0x3f));
  }
  byte(0x80 | (c & 0x3f));
}

class parser {
public:
  explicit parser(std::string_view text) noexcept : rest_(text) {}

  std::optional<json> whole() {
    std::optional<json> v = value(0);
    skip_space();
    if (!rest_.empty()) return std::nullopt;
    return v;
  }

private:
  void skip_space() noexcept {
    while (!rest_.empty() && std::string_view(" \t\r\n").contains(rest_.front())) rest_.remove_prefix(1);
  }
  bool take(std::string_view what) noexcept {
    skip_space();
    if (!rest_.starts_with(what)) return false;
    rest_.remove_prefix(what.size());
    return true;
  }

  std::optional<json> value(int depth) {
    if (depth > deepest) return std::nullopt;
    if (take("null")) return json();
    if (take("true")) return json(true);
    if (take("false")) return json(false);
    if (take("{")) return object_from(depth);
    if (take("[")) return array_from(depth);
    if (take("\"")) {
      std::optional<std::string> s = string();
      if (!s) return std::nullopt;
      return json(std::move(*s));
    }
    return number();
  }

  std::optional<json> array_from(int depth) {
    json::array all;
    if (take("]")) return json(std::move(all));
    do {
      std::optional<json> v = value(depth + 1);
      if (!v) return std::nullopt;
      all.push_back(std::move(*v));
    } while (take(","));
    if (!take("]")) return std::nullopt;
    return json(std::move(all));
  }

  std::optional<json> object_from(int depth) {
    json::object all;
    if (take("}")) return json(std::move(all));
    do {
      if (!take("\"")) return std::nullopt;
      std::optional<std::string> name = string();
      if (!name || !take(":")) return std::nullopt;
      std::optional<json> v = value(depth + 1);
      if (!v) return std::nullopt;
      all.emplace_back(std::move(*name), std::move(*v));
    } while (take(","));
    if (!take("}")) return std::nullopt;
    return json(std::move(all));
  }

  std::optional<json> number() {
    std::int64_t whole = 0; // nothing that programs tell has a fraction
    const auto [at, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), whole);
    if (error != std::errc()) return std::nullopt;
    rest_.remove_prefix(static_cast<std::size_t>(at - rest_.data()));
    return json(whole);
  }

  std::optional<std::uint32_t> hex4() noexcept {
    if (rest_.size() < 4) return std::nullopt;
    std::uint32_t c = 0;
    const auto [at, error] = std::from_chars(rest_.data(), rest_.data() + 4, c, 16);
    if (error != std::errc() || at != rest_.data() + 4) return std::nullopt;
    rest_.remove_prefix(4);
    return c;
  }

  // What follows the quote, up to the next one.
  std::optional<std::string> string() {
    std::string text;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return text;
      if (static_cast<unsigned char>(c) < 0x20) return std::nullopt;
      if (c != '\\') {
        text += c;
        continue;
      }
      if (rest_.empty()) return std::nullopt;
      const char escaped = rest_.front();
      rest_.remove_prefix(1);
      switch (escaped) {
      case '"':
      case '\\':
      case '/': text += escaped; break;
      case 'b': text += '\b'; break;
      case 'f': text += '\f'; break;
      case 'n': text += '\n'; break;
      case 'r': text += '\r'; break;
      case 't': text += '\t'; break;
      case 'u': {
        std::optional<std::uint32_t> unit = hex4();
        if (!unit) return std::nullopt;
        if (*unit >= 0xd800 && *unit < 0xdc00) { // the first half of a pair
          if (!rest_.starts_with("\\u")) return std::nullopt;
          rest_.remove_prefix(2);
          const std::optional<std::uint32_t> second = hex4();
          if (!second || *second < 0xdc00 || *second >= 0xe000) return std::nullopt;
          unit = 0x10000 + ((*unit - 0xd800) << 10) + (*second - 0xdc00);
        } else if (*unit >= 0xdc00 && *unit < 0xe000) {
          return std::nullopt;
        }
        append_utf8(text, *unit);
        break;
      }
      default: return std::nullopt;
      }
    }
    return std::nullopt;
  }

  std::string_view rest_;
};

const json nothing;

} // namespace

std::optional<json> json::parse(std::string_view text) { return parser(text).whole(); }

const json& json::operator[](std::string_view name) const noexcept {
  if (const auto* all = std::get_if<object>(&value_))
    for (const auto& [key, value] : *all)
      if (key == name) return value;
  return nothing;
}

bool json::truth() const noexcept {
  const bool* b = std::get_if<bool>(&value_);
  return b != nullptr && *b;
}

std::int64_t json::number() const noexcept {
  const std::int64_t* n = std::get_if<std::int64_t>(&value_);
  return n != nullptr ? *n : 0;
}

const std::string& json::text() const noexcept {
  static const std::string none;
  const std::string* s = std::get_if<std::string>(&value_);
  return s != nullptr ? *s : none;
}

const json::array& json::items() const noexcept {
  static const array none;
  const array* a = std::get_if<array>(&value_);
  return a != nullptr ? *a : none;
}

} // namespace console
