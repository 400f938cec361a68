#include "harness/json.h"

#include <charconv>
#include <cmath>
#include <cstdio>

namespace versus::json {
namespace {

constexpr int depth_limit =
    32; // our files need 5; a program that prints "[[[[..." must not exhaust the stack

class reader {
public:
  explicit reader(std::string_view text) : text_(text) {}

  std::expected<value, std::string> whole() {
    value v;
    if (!read(v, 0)) return std::unexpected(error_);
    skip_space();
    if (at_ != text_.size()) {
      fail("more text after the value");
      return std::unexpected(error_);
    }
    return v;
  }

private:
  bool fail(std::string_view what) {
    error_ = std::string(what) + " at byte " + std::to_string(at_);
    return false;
  }

  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }

  bool take(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool word(std::string_view w) {
    if (text_.substr(at_, w.size()) != w) return fail("unknown word");
    at_ += w.size();
    return true;
  }

  bool read(value& v, int depth) {
    if (depth > depth_limit) return fail("nested too deep");
    skip_space();
    if (at_ >= text_.size()) return fail("a value is missing");
    switch (text_[at_]) {
    case '{': return read_object(v, depth);
    case '[': return read_array(v, depth);
    case '"': v.type = value::kind::string; return read_string(v.string);
    case 't': v.type = value::kind::boolean; return v.truth = true, word("true");
    case 'f': v.type = value::kind::boolean; return word("false");
    case 'n': return word("null");
    default: return read_number(v);
    }
  }

  bool read_object(value& v, int depth) {
    v.type = value::kind::object;
    ++at_;
    if (take('}')) return true;
    do {
      skip_space();
      if (at_ >= text_.size() || text_[at_] != '"') return fail("a member's name is missing");
      if (!read_string(v.names.emplace_back())) return false;
      if (!take(':')) return fail("':' is missing");
      if (!read(v.items.emplace_back(), depth + 1)) return false;
    } while (take(','));
    return take('}') || fail("'}' is missing");
  }

  bool read_array(value& v, int depth) {
    v.type = value::kind::array;
    ++at_;
    if (take(']')) return true;
    do {
      if (!read(v.items.emplace_back(), depth + 1)) return false;
    } while (take(','));
    return take(']') || fail("']' is missing");
  }

  bool read_number(value& v) {
    v.type = value::kind::number;
    // from_chars takes "inf", "nan" and "1.": JSON does not, and no measured figure is one of them.
    std::size_t first = at_ + (text_[at_] == '-' ? 1 : 0);
    if (first >= text_.size() || text_[first] < '0' || text_[first] > '9') return fail("not a value");
    auto [end, wrong] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), v.number);
    if (wrong != std::errc() || !std::isfinite(v.number)) return fail("not a number that fits");
    at_ = static_cast<std::size_t>(end - text_.data());
    return true;
  }

  bool read_hex4(unsigned& code) {
    code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      char c = at_ < text_.size() ? text_[at_] : ' ';
      unsigned digit = c >= '0' && c <= '9'   ? static_cast<unsigned>(c - '0')
                       : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a') + 10
                       : c >= 'A' && c <= 'F' ? static_cast<unsigned>(c - 'A') + 10
                                              : 16;
      if (digit == 16) return fail("bad \\u escape");
      code = code * 16 + digit;
    }
    return true;
  }

  static void put_utf8(std::string& out, unsigned code) {
    auto byte = [&](unsigned b) { out.push_back(static_cast<char>(b)); };
    if (code < 0x80)
      byte(code);
    else if (code < 0x800)
      byte(0xC0 | code >> 6), byte(0x80 | (code & 63));
    else if (code < 0x10000)
      byte(0xE0 | code >> 12), byte(0x80 | (code >> 6 & 63)), byte(0x80 | (code & 63));
    else
      byte(0xF0 | code >> 18), byte(0x80 | (code >> 12 & 63)), byte(0x80 | (code >> 6 & 63)),
          byte(0x80 | (code & 63));
  }

  bool read_escape(std::string& out) {
    if (at_ >= text_.size()) return fail("the string does not end");
    switch (text_[at_++]) {
    case '"': out.push_back('"'); return true;
    case '\\': out.push_back('\\'); return true;
    case '/': out.push_back('/'); return true;
    case 'b': out.push_back('\b'); return true;
    case 'f': out.push_back('\f'); return true;
    case 'n': out.push_back('\n'); return true;
    case 'r': out.push_back('\r'); return true;
    case 't': out.push_back('\t'); return true;
    case 'u': break;
    default: --at_; return fail("unknown escape");
    }
    unsigned code = 0;
    if (!read_hex4(code)) return false;
    if (code >= 0xD800 && code < 0xDC00 && text_.substr(at_, 2) == "\\u") {
      at_ += 2;
      unsigned low = 0;
      if (!read_hex4(low)) return false;
      if (low < 0xDC00 || low > 0xDFFF) return fail("half a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    if (code >= 0xD800 && code < 0xE000) return fail("half a surrogate pair");
    put_utf8(out, code);
    return true;
  }

  bool read_string(std::string& out) {
    ++at_;
    while (at_ < text_.size()) {
      char c = text_[at_];
      if (c == '"') {
        ++at_;
        return true;
      }
      if (static_cast<unsigned char>(c) < 0x20) return fail("a control character inside a string");
      ++at_;
      if (c != '\\')
        out.push_back(c);
      else if (!read_escape(out))
        return false;
    }
    return fail("the string does not end");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string error_;
};

} // namespace

const value* value::find(std::string_view name) const {
  if (type != kind::object) return nullptr;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return &items[i];
  return nullptr;
}

std::string value::text(std::string_view name, std::string_view otherwise) const {
  const value* v = find(name);
  return v != nullptr && v->type == kind::string ? v->string : std::string(otherwise);
}

double value::num(std::string_view name, double otherwise) const {
  const value* v = find(name);
  return v != nullptr && v->type == kind::number ? v->number : otherwise;
}

bool value::flag(std::string_view name) const {
  const value* v = find(name);
  return v != nullptr && v->type == kind::boolean && v->truth;
}

const std::vector<value>& value::list(std::string_view name) const {
  static const std::vector<value> none;
  const value* v = find(name);
  return v != nullptr && v->type == kind::array ? v->items : none;
}

std::expected<value, std::string> parse(std::string_view text) { return reader(text).whole(); }

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    switch (c) {
    case '"': out += "\\\""; break;
    case '\\': out += "\\\\"; break;
    case '\n': out += "\\n"; break;
    case '\t': out += "\\t"; break;
    case '<': out += "\\u003c"; break; // so that "</script>" cannot appear
    default:
      if (static_cast<unsigned char>(c) < 0x20) {
        char escape[8];
        std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
        out += escape;
      } else {
        out.push_back(c);
      }
    }
  }
  return out + "\"";
}

std::string number(double v) {
  if (!std::isfinite(v)) return "null";
  char digits[32];
  auto [end, wrong] = std::to_chars(digits, digits + sizeof digits, v);
  return wrong == std::errc() ? std::string(digits, end) : "null";
}

writer& writer::raw(std::string_view name, std::string_view json) {
  if (!body_.empty()) body_ += ",";
  body_ += quote(name);
  body_ += ":";
  body_ += json;
  return *this;
}

writer& writer::add(std::string_view name, const std::vector<std::string>& texts) {
  std::string list = "[";
  for (const std::string& t : texts) {
    if (list.size() > 1) list += ",";
    list += quote(t);
  }
  return raw(name, list + "]");
}

} // namespace versus::json
