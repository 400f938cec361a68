// json: just enough JSON for result lines, claim files and the reports made from them.
//
// Written here because the harness must build in seconds with nothing but the standard library. Input
// comes from programs that may be broken, so every mistake is an error with its position, never a guess.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace versus::json {

struct value {
  enum class kind { null, boolean, number, string, array, object };

  kind type = kind::null;
  bool truth = false;
  double number = 0;
  std::string string;
  std::vector<std::string> names; // of an object's members, in the order of the text
  std::vector<value> items;       // of an array; the members of an object

  // A member of an object; nullptr when it is not there or this is no object.
  const value* find(std::string_view name) const;

  // Members with a fallback, for the optional fields of our own files.
  std::string text(std::string_view name, std::string_view otherwise = "") const;
  double num(std::string_view name, double otherwise = 0) const;
  bool flag(std::string_view name) const;
  const std::vector<value>& list(std::string_view name) const; // empty when absent
};

// The whole text must be one value. The error says what is wrong and at which byte.
std::expected<value, std::string> parse(std::string_view text);

// A string with its quotes, fit for a JSON line and for a <script> element.
std::string quote(std::string_view text);

// A number as JSON: shortest form that reads back as the same double; null when it is not finite.
std::string number(double v);

// Builds one object on one line: writer().add("a", 1.0).add("b", "x").line().
class writer {
public:
  writer& add(std::string_view name, std::string_view text) { return raw(name, quote(text)); }
  writer& add(std::string_view name, const char* text) { return raw(name, quote(text)); }
  writer& add(std::string_view name, double v) { return raw(name, number(v)); }
  writer& add(std::string_view name, int v) { return raw(name, number(v)); }
  writer& add(std::string_view name, bool v) { return raw(name, v ? "true" : "false"); }
  writer& add(std::string_view name, const std::vector<std::string>& texts);
  writer& raw(std::string_view name, std::string_view json); // already JSON
  std::string line() const { return "{" + body_ + "}"; }

private:
  std::string body_;
};

} // namespace versus::json
