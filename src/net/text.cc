#include "net/text.h"

#include <algorithm>
#include <charconv>

namespace thrum::net {

namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equals(std::string_view text, std::string_view lower_text) noexcept {
  return std::ranges::equal(text, lower_text, {}, lower);
}

// So that the common ones are known where /etc/services is missing, as in small containers.
std::optional<std::uint16_t> well_known(std::string_view service) noexcept {
  static constexpr struct {
    std::string_view name;
    std::uint16_t port;
  } all[] = {{"domain", 53}, {"ftp", 21},   {"http", 80},   {"https", 443}, {"imap", 143}, {"imaps", 993},
             {"ntp", 123},   {"pop3", 110}, {"pop3s", 995}, {"smtp", 25},   {"ssh", 22},   {"telnet", 23}};
  for (const auto& s : all)
    if (equals(service, s.name)) return s.port;
  return std::nullopt;
}

} // namespace

std::optional<host_and_port> split_name(std::string_view text) noexcept {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  host_and_port parts{.host = text.substr(0, colon), .service = text.substr(colon + 1), .port = {}};
  const bool bracketed = parts.host.size() >= 2 && parts.host.front() == '[' && parts.host.back() == ']';
  if (bracketed) parts.host = parts.host.substr(1, parts.host.size() - 2);
  if (bracketed != (parts.host.find(':') != std::string_view::npos))
    return std::nullopt; // brackets are for IPv6, and it needs them
  if (parts.host.empty() || parts.service.empty()) return std::nullopt;
  const char first = parts.service.front();
  if (first < '0' || first > '9') {
    parts.port = well_known(parts.service);
    return parts;
  }
  std::uint16_t port = 0;
  const char* const end = parts.service.data() + parts.service.size();
  const auto [stop, error] = std::from_chars(parts.service.data(), end, port);
  if (error != std::errc{} || stop != end || (first == '0' && parts.service.size() > 1)) return std::nullopt;
  parts.port = port;
  return parts;
}

bool is_localhost(std::string_view host) noexcept {
  if (host.ends_with('.')) host.remove_suffix(1);
  static constexpr std::string_view local = "localhost";
  if (host.size() < local.size() || !equals(host.substr(host.size() - local.size()), local)) return false;
  return host.size() == local.size() || host[host.size() - local.size() - 1] == '.';
}

bool may_be_name(std::string_view text) noexcept {
  constexpr std::size_t longest = 255; // RFC 1035
  return !text.empty() && text.size() <= longest &&
         std::ranges::none_of(text, [](unsigned char c) { return c <= ' ' || c == 0x7f; });
}

bool may_be_host(std::string_view text) noexcept {
  if (!may_be_name(text)) return false;
  if (text.find(':') != std::string_view::npos) return true; // fe80::1%eth0
  if (text.ends_with('.')) text.remove_suffix(1);
  const std::string_view last = text.substr(text.rfind('.') + 1);
  const bool digits = std::ranges::all_of(last, [](char c) { return c >= '0' && c <= '9'; });
  return !digits && !(last.size() > 1 && last[0] == '0' && lower(last[1]) == 'x');
}

std::string lower_case(std::string_view text) {
  std::string lowered(text);
  std::ranges::transform(lowered, lowered.begin(), lower);
  return lowered;
}

} // namespace thrum::net
