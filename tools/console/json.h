// JSON, as far as a program needs that reads what another one has written: values, found by their names. What is not there, or is of
// another kind, is nothing, 0 or "": an older program may not tell it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace console {

class json {
public:
  using array = std::vector<json>;
  using object = std::vector<std::pair<std::string, json>>;

  json() noexcept = default; // null
  explicit json(bool b) noexcept : value_(b) {}
  explicit json(std::int64_t n) noexcept : value_(n) {}
  explicit json(std::string s) noexcept : value_(std::move(s)) {}
  explicit json(array a) noexcept : value_(std::move(a)) {}
  explicit json(object o) noexcept : value_(std::move(o)) {}

  // The value of a whole text. Nothing, if that is no JSON, is deeper than anybody means it, or has a number that is not whole.
  static std::optional<json> parse(std::string_view text);

  const json& operator[](std::string_view name) const noexcept;
  bool is_object() const noexcept { return std::holds_alternative<object>(value_); }
  bool truth() const noexcept;
  std::int64_t number() const noexcept;
  const std::string& text() const noexcept;
  const array& items() const noexcept;

private:
  std::variant<std::monostate, bool, std::int64_t, std::string, array, object> value_;
};

} // namespace console
