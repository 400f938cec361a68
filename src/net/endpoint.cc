// Reading and writing addresses. Written out here, because the C library's functions know locales, names and aliases that a
// numeric address must not have ("1.2", "010.0.0.1").
#include <thrum/net/endpoint.h>

#include <algorithm>
#include <charconv>

namespace thrum::net {

namespace {

// Takes a decimal number of at most `most` from the front of the text; no leading zeros, no sign.
std::optional<std::uint32_t> take_decimal(std::string_view& text, std::uint32_t most) noexcept {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto length = static_cast<std::size_t>(end - text.data());
  if (error != std::errc{} || value > most || (length > 1 && text[0] == '0')) return std::nullopt;
  text.remove_prefix(length);
  return value;
}

bool take(std::string_view& text, char c) noexcept {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<endpoint::v4_bytes> take_v4(std::string_view& text) noexcept {
  endpoint::v4_bytes bytes;
  for (std::size_t i = 0; i < 4; ++i) {
    if (i != 0 && !take(text, '.')) return std::nullopt;
    const auto n = take_decimal(text, 255);
    if (!n) return std::nullopt;
    bytes[i] = static_cast<std::uint8_t>(*n);
  }
  return bytes;
}

// All of the text, without brackets and scope.
std::optional<endpoint::v6_bytes> parse_v6(std::string_view text) noexcept {
  endpoint::v6_bytes bytes{};
  std::size_t used = 0;       // bytes so far
  std::size_t gap = SIZE_MAX; // where "::" stood
  if (text.starts_with("::")) {
    gap = 0;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    if (used >= 16) return std::nullopt;
    // A group that continues with a dot begins an IPv4 address, which ends the text.
    const std::size_t stop = text.find_first_of(":.");
    if (stop != std::string_view::npos && text[stop] == '.') {
      const auto v4 = take_v4(text);
      if (!v4 || !text.empty() || used > 12) return std::nullopt;
      std::copy(v4->begin(), v4->end(), bytes.begin() + static_cast<std::ptrdiff_t>(used));
      used += 4;
      break;
    }
    std::uint16_t group = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), group, 16);
    const auto length = static_cast<std::size_t>(end - text.data());
    if (error != std::errc{} || length > 4) return std::nullopt;
    bytes[used++] = static_cast<std::uint8_t>(group >> 8);
    bytes[used++] = static_cast<std::uint8_t>(group);
    text.remove_prefix(length);
    if (text.empty()) break;
    if (!take(text, ':') || text.empty())
      return std::nullopt; // a single colon stands between groups, not at the end
    if (text.front() == ':') {
      if (gap != SIZE_MAX) return std::nullopt;
      gap = used;
      text.remove_prefix(1);
    }
  }
  if (gap == SIZE_MAX) return used == 16 ? std::optional(bytes) : std::nullopt;
  if (used > 14) return std::nullopt; // "::" stands for at least one group
  const auto at = [&](std::size_t i) { return bytes.begin() + static_cast<std::ptrdiff_t>(i); };
  std::copy_backward(at(gap), at(used), bytes.end());
  std::fill(at(gap), at(gap + 16 - used), std::uint8_t{0});
  return bytes;
}

void append_number(std::string& out, std::uint32_t n, int base = 10) {
  char digits[12];
  const auto end = std::to_chars(digits, digits + sizeof digits, n, base).ptr;
  out.append(digits, end);
}

void append_v6(std::string& out, const endpoint::v6_bytes& bytes) {
  // RFC 5952: the longest run of at least two zero groups, the first of equals, becomes "::".
  std::size_t best = 8;
  std::size_t best_length = 1;
  std::size_t run = 0;
  const auto group = [&](std::size_t i) {
    return static_cast<std::uint32_t>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
  };
  for (std::size_t i = 0; i < 8; ++i) {
    run = group(i) == 0 ? run + 1 : 0;
    if (run > best_length) {
      best_length = run;
      best = i + 1 - run;
    }
  }
  static constexpr std::uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(mapped, mapped + 12, bytes.begin())) {
    out += "::ffff:";
    for (std::size_t i = 12; i < 16; ++i) {
      if (i != 12) out += '.';
      append_number(out, bytes[i]);
    }
    return;
  }
  for (std::size_t i = 0; i < 8;) {
    if (i == best) {
      out += "::";
      i += best_length;
      continue;
    }
    if (i != 0 && i != best + best_length) out += ':';
    append_number(out, group(i), 16);
    ++i;
  }
}

} // namespace

std::optional<endpoint> endpoint::parse_address(std::string_view text, std::uint16_t port) noexcept {
  if (text.find(':') == std::string_view::npos) {
    const auto bytes = take_v4(text);
    return bytes && text.empty() ? std::optional(endpoint(*bytes, port)) : std::nullopt;
  }
  std::uint32_t scope = 0;
  if (const std::size_t percent = text.find('%'); percent != std::string_view::npos) {
    std::string_view number = text.substr(percent + 1);
    const auto n = take_decimal(number, UINT32_MAX);
    if (!n || !number.empty()) return std::nullopt;
    scope = *n;
    text = text.substr(0, percent);
  }
  const auto bytes = parse_v6(text);
  return bytes ? std::optional(endpoint(*bytes, port, scope)) : std::nullopt;
}

std::optional<endpoint> endpoint::parse(std::string_view text) noexcept {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view number = text.substr(colon + 1);
  const auto port = take_decimal(number, 65'535);
  if (!port || !number.empty()) return std::nullopt;
  std::string_view address = text.substr(0, colon);
  const bool bracketed = address.size() >= 2 && address.front() == '[' && address.back() == ']';
  if (bracketed) address = address.substr(1, address.size() - 2);
  if (bracketed != (address.find(':') != std::string_view::npos))
    return std::nullopt; // brackets are for IPv6, and it needs them
  return parse_address(address, static_cast<std::uint16_t>(*port));
}

void endpoint::append_to(std::string& out) const {
  if (is_v6_) {
    out += '[';
    append_v6(out, address_);
    if (scope_ != 0) {
      out += '%';
      append_number(out, scope_);
    }
    out += ']';
  } else {
    for (std::size_t i = 0; i < 4; ++i) {
      if (i != 0) out += '.';
      append_number(out, address_[i]);
    }
  }
  out += ':';
  append_number(out, port_);
}

std::string endpoint::to_string() const {
  std::string out;
  append_to(out);
  return out;
}

} // namespace thrum::net
