#include "report.h"

#include <cstdlib>
#include <sstream>

namespace deadlock {

std::vector<report> parse(const std::string& text) {
  std::vector<report> all;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("thrum: ")) {
      all.push_back({line, {}});
    } else if (all.empty()) {
      continue;
    } else if (!line.starts_with("  ")) {
      all.back().entries.push_back({line, {}});
    } else if (!all.back().entries.empty()) {
      entry& last = all.back().entries.back();
      last.details += line + "\n";
      if (line.starts_with("  and ") && line.ends_with(" more like it"))
        last.count += std::strtoul(line.c_str() + 6, nullptr, 10);
    }
  }
  return all;
}

std::map<std::string, int> announced(const std::string& out) {
  std::map<std::string, int> places;
  std::istringstream lines(out);
  for (std::string line; std::getline(lines, line);)
    if (const int number = std::atoi(line.c_str()); number != 0)
      places[line.substr(line.find(' ') + 1)] = number;
  return places;
}

bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() != '*')
    return !text.empty() && text.front() == pattern.front() && matches(pattern.substr(1), text.substr(1));
  for (std::size_t skip = 0; skip <= text.size(); ++skip)
    if (matches(pattern.substr(1), text.substr(skip))) return true;
  return false;
}

const entry* find(const report& r, const std::string& pattern) {
  for (const entry& e : r.entries)
    if (matches(pattern.starts_with("'") ? "fiber #* " + pattern : pattern, e.head)) return &e;
  return nullptr;
}

} // namespace deadlock
