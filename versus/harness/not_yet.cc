#include "harness/not_yet.h"

#include "harness/files.h"

#include <algorithm>

namespace versus {

std::expected<std::vector<planned>, std::string> parse_not_yet(std::string_view text) {
  std::expected<json::value, std::string> parsed = json::parse(text);
  if (!parsed) return std::unexpected(parsed.error());
  if (parsed->type != json::value::kind::array) return std::unexpected("must be a list");
  std::vector<planned> out;
  for (const json::value& entry : parsed->items) {
    planned& p = out.emplace_back();
    p.id = entry.text("id");
    p.title = entry.text("title");
    p.question = entry.text("question");
    p.waits_for = entry.text("waits_for");
    for (const json::value& c : entry.list("claims")) p.claims.push_back({c.text("source"), c.text("text")});
    for (const char* field : {"id", "title", "question", "waits_for"})
      if (entry.text(field).empty()) return std::unexpected(p.id + ": \"" + field + "\" is missing");
    if (p.claims.empty()) return std::unexpected(p.id + ": \"claims\" is missing");
    for (const claim& c : p.claims)
      if (!is_source(c.source) || c.text.empty())
        return std::unexpected(p.id + ": a claim needs a \"source\" like S1:10, and a \"text\"");
  }
  return out;
}

std::expected<std::vector<planned>, std::string> load_not_yet(const std::string& directory) {
  std::string file = directory + "/not_yet.json";
  if (!exists(file)) return std::vector<planned>{};
  auto out = parse_not_yet(read_file(file));
  if (!out) return std::unexpected(file + ": " + out.error());
  return out;
}

std::vector<std::string> plan_mistakes(const std::vector<experiment>& built,
                                       const std::vector<planned>& waiting) {
  std::vector<std::string> out;
  auto times = [](const auto& in, const std::string& id) {
    return std::count_if(in.begin(), in.end(), [&](const auto& each) { return each.id == id; });
  };
  for (int number = 1; number <= 30; ++number) {
    std::string id = "X" + std::to_string(number);
    auto here = times(built, id), later = times(waiting, id);
    if (here > 1) out.push_back(id + " has two folders in versus/experiments: give one of them another id");
    if (later > 1) out.push_back(id + " stands twice in versus/experiments/not_yet.json: remove one entry");
    if (here > 0 && later > 0)
      out.push_back(id + " has a folder now: remove its entry from versus/experiments/not_yet.json");
    if (here + later == 0)
      out.push_back(id +
                    " is neither an experiment nor planned: add an entry to versus/experiments/not_yet.json");
  }
  return out;
}

} // namespace versus
