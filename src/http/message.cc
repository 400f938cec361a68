#include <thrum/http/message.h>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace thrum::http {

namespace {

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool is_same_name(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

fields::field checked(std::string_view name, std::string_view value) {
  if (!is_token(name))
    throw std::invalid_argument("thrum::http: '" + std::string(name) +
                                "' is no name of a field: letters, digits and hyphens are");
  if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos)
    throw std::invalid_argument(
        "thrum::http: the value of the field " + std::string(name) +
        " has a line break or a zero in it, and so would begin another field; take it out");
  return {std::string(name), std::string(value)};
}

} // namespace

fields::fields(std::initializer_list<field> all) {
  all_.reserve(all.size());
  for (const field& f : all) all_.push_back(checked(f.name, f.value));
}

std::string_view fields::get(std::string_view name) const noexcept {
  for (const field& f : all_)
    if (is_same_name(f.name, name)) return f.value;
  return {};
}

bool fields::has(std::string_view name) const noexcept {
  return std::any_of(all_.begin(), all_.end(), [&](const field& f) { return is_same_name(f.name, name); });
}

void fields::set(std::string_view name, std::string_view value) {
  field fresh = checked(name, value);
  const auto first =
      std::find_if(all_.begin(), all_.end(), [&](const field& f) { return is_same_name(f.name, name); });
  if (first == all_.end()) {
    all_.push_back(std::move(fresh));
    return;
  }
  all_.erase(
      std::remove_if(first + 1, all_.end(), [&](const field& f) { return is_same_name(f.name, fresh.name); }),
      all_.end());
  *first = std::move(fresh);
}

void fields::add(std::string_view name, std::string_view value) { all_.push_back(checked(name, value)); }

std::size_t fields::erase(std::string_view name) noexcept {
  return std::erase_if(all_, [&](const field& f) { return is_same_name(f.name, name); });
}

} // namespace thrum::http
