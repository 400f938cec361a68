// difference: how much of a source another one is, in lines and in signatures of functions.
//
// The same count for every language, so it knows none of them: lines are compared without the blanks around them; empty
// lines, comments that fill a line, and the line that names the module (package, namespace) do not count. What stands between
// two lines that are the same in both, in the longest such alignment, is a change; a change is as many lines as its larger
// side. The signature of a function is the first line that has its name before a parenthesis, up to the body: so
// sources define their functions before they call them.
#pragma once

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

namespace x25 {

inline std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

inline std::vector<std::string> lines_that_count(std::string_view source) {
  std::vector<std::string> out;
  while (!source.empty()) {
    const std::size_t end = std::min(source.find('\n'), source.size());
    const std::string_view line = trimmed(source.substr(0, end));
    source.remove_prefix(std::min(end + 1, source.size()));
    const bool left_out = line.empty() || line.starts_with("//") || line.starts_with("\"\"\"") ||
                          line.starts_with("package ") || line.starts_with("namespace ") ||
                          line.starts_with("} // ");
    if (!left_out) out.emplace_back(line);
  }
  return out;
}

inline int changed_lines(std::string_view before, std::string_view after) {
  const std::vector<std::string> a = lines_that_count(before), b = lines_that_count(after);
  // same[i][j]: the most lines that a from i on and b from j on have in common, in order.
  std::vector<std::vector<int>> same(a.size() + 1, std::vector<int>(b.size() + 1, 0));
  for (std::size_t i = a.size(); i-- > 0;)
    for (std::size_t j = b.size(); j-- > 0;)
      same[i][j] = a[i] == b[j] ? same[i + 1][j + 1] + 1 : std::max(same[i + 1][j], same[i][j + 1]);
  int changed = 0, gone = 0, come = 0;
  std::size_t i = 0, j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      changed += std::max(gone, come);
      gone = come = 0;
      ++i, ++j;
    } else if (j == b.size() || (i < a.size() && same[i + 1][j] >= same[i][j + 1])) {
      ++gone, ++i;
    } else {
      ++come, ++j;
    }
  }
  return changed + std::max(gone, come);
}

// Empty when there is no such function. Names are compared without regard to case: Go exports by it.
inline std::string signature(std::string_view source, std::string_view name) {
  auto lower = [](std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
  };
  const std::string wanted = lower(name) + "(";
  for (const std::string& line : lines_that_count(source)) {
    const std::size_t at = lower(line).find(wanted);
    if (at == std::string::npos || (at > 0 && (std::isalnum(static_cast<unsigned char>(line[at - 1])) != 0)))
      continue;
    return std::string(trimmed(line.substr(0, line.find('{'))));
  }
  return "";
}

// -1: one of the functions is missing in one of the sources.
inline int changed_signatures(std::string_view before, std::string_view after,
                              const std::vector<std::string>& functions) {
  int changed = 0;
  for (const std::string& each : functions) {
    const std::string a = signature(before, each), b = signature(after, each);
    if (a.empty() || b.empty()) return -1;
    changed += a != b ? 1 : 0;
  }
  return changed;
}

} // namespace x25
