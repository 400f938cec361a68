#include "harness/experiment.h"

#include "harness/files.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <tuple>

namespace versus {
namespace {

std::vector<std::pair<std::string, std::string>> pairs(const json::value& from, std::string_view name) {
  std::vector<std::pair<std::string, std::string>> out;
  if (const json::value* object = from.find(name))
    for (std::size_t i = 0; i < object->names.size(); ++i)
      out.emplace_back(object->names[i], object->items[i].string);
  return out;
}

const std::string* look_up(const std::vector<std::pair<std::string, std::string>>& in, std::string_view key) {
  for (const auto& [name, text] : in)
    if (name == key) return &text;
  return nullptr;
}

bool read_check(const json::value& from, check_rule& rule) {
  std::string how = from.text("rule");
  if (how == "count")
    rule.how = check_rule::kind::count;
  else if (how == "sum")
    rule.how = check_rule::kind::sum;
  else if (how == "each")
    rule.how = check_rule::kind::each;
  else
    return false;
  rule.parts = from.num("parts", 1);
  rule.per = from.num("per", 1);
  rule.amount = from.num("amount");
  rule.quick_per = from.num("quick_per", rule.per);
  rule.quick_amount = from.num("quick_amount", rule.amount);
  return true;
}

// "go yield@1 cpu", or a number.
bool read_side(const std::string& text, const experiment& e, verdict::side& side) {
  std::size_t first = text.find(' '), last = text.rfind(' ');
  if (first == std::string::npos) {
    char* end = nullptr;
    side.number = std::strtod(text.c_str(), &end);
    return end != text.c_str() && *end == 0;
  }
  side.runtime = text.substr(0, first);
  side.variant = last > first ? text.substr(first + 1, last - first - 1) : "";
  side.metric = text.substr(last + 1);
  const variant* v = e.find(side.variant);
  if (v == nullptr) return false;
  std::vector<const metric*> measured = e.metrics_of(*v);
  return std::any_of(measured.begin(), measured.end(), [&](const metric* m) { return m->id == side.metric; });
}

std::string read_variant(const json::value& from, const experiment& e, variant& v) {
  v.id = from.text("id");
  v.title = from.text("title");
  if (!v.id.ends_with("@1") && !v.id.ends_with("@all"))
    return "variant \"" + v.id + "\" must end in @1 or @all";
  if (v.title.empty()) return "variant \"" + v.id + "\" has no title";
  const json::value* check = from.find("check");
  if (check == nullptr || !read_check(*check, v.check)) return "variant \"" + v.id + "\" has no known check";
  for (const json::value& named : from.list("metrics")) {
    if (e.find_metric(named.string) == nullptr)
      return "variant \"" + v.id + "\" measures \"" + named.string + "\", which is no metric";
    v.metrics.push_back(named.string);
  }
  v.full_only = from.flag("full_only");
  v.fresh = from.flag("fresh");
  v.quick_runs = static_cast<int>(from.num("quick_runs"));
  v.full_runs = static_cast<int>(from.num("full_runs"));
  v.memory_mib = from.num("memory_mib");
  v.notes = pairs(from, "notes");
  v.absent = pairs(from, "absent");
  for (const json::value& runtime : from.list("slow")) v.slow.push_back(runtime.string);
  return "";
}

} // namespace

bool is_source(std::string_view text) {
  return text.size() > 3 && text[0] == 'S' && text[1] >= '0' && text[1] <= '3' && text[2] == ':' &&
         text.find_first_not_of("0123456789-,", 3) == std::string_view::npos;
}

bool verdict::is_about(const struct claim& sentence, const experiment& e) const {
  if (sources.empty()) return !e.claims.empty() && sentence.source == e.claims.front().source;
  return std::find(sources.begin(), sources.end(), sentence.source) != sources.end();
}

double check_rule::expected(double n, bool quick) const {
  switch (how) {
  case kind::count: return n;
  case kind::sum: {
    double each = std::floor(n / parts), whole = std::floor(each / 1024), rest = each - whole * 1024;
    return parts * (whole * (1023.0 * 512) + rest * (rest - 1) / 2);
  }
  case kind::each: return quick ? n / quick_per * quick_amount : n / per * amount;
  }
  return n;
}

const std::string* variant::note_for(std::string_view runtime) const { return look_up(notes, runtime); }
const std::string* variant::absence_for(std::string_view runtime) const { return look_up(absent, runtime); }
bool variant::slow_for(std::string_view runtime) const {
  return std::find(slow.begin(), slow.end(), runtime) != slow.end();
}

const variant* experiment::find(std::string_view variant_id) const {
  for (const variant& v : variants)
    if (v.id == variant_id) return &v;
  return nullptr;
}

const metric* experiment::find_metric(std::string_view metric_id) const {
  for (const metric& m : metrics)
    if (m.id == metric_id) return &m;
  return nullptr;
}

std::vector<const metric*> experiment::metrics_of(const variant& v) const {
  std::vector<const metric*> out;
  for (const std::string& named : v.metrics) out.push_back(find_metric(named));
  if (out.empty())
    for (const metric& m : metrics) out.push_back(&m);
  return out;
}

bool experiment::one_quick_round() const {
  return std::all_of(variants.begin(), variants.end(), [](const variant& v) { return v.quick_runs == 1; });
}

std::expected<experiment, std::string> parse_experiment(std::string_view text) {
  std::expected<json::value, std::string> parsed = json::parse(text);
  if (!parsed) return std::unexpected(parsed.error());
  const json::value& file = *parsed;
  experiment e;
  e.id = file.text("id");
  e.title = file.text("title");
  e.question = file.text("question");
  e.method = file.text("method");
  e.order = file.num("order");
  e.round_seconds = file.num("round_seconds", e.round_seconds);
  e.full_seconds = file.num("full_seconds", e.full_seconds);
  e.quick_timeout = file.num("quick_timeout", e.quick_timeout);
  e.timeout = file.num("timeout", e.timeout);
  e.asked_for = file.flag("asked_for");
  e.race_detector = file.flag("race_detector");
  if (e.id.empty() || e.title.empty()) return std::unexpected("\"id\" or \"title\" is missing");
  for (const json::value& c : file.list("claims")) {
    e.claims.push_back({c.text("source"), c.text("text")});
    if (!is_source(e.claims.back().source)) return std::unexpected("a claim's \"source\" must be like S1:10");
  }
  for (const json::value& m : file.list("metrics"))
    e.metrics.push_back({m.text("id"), m.text("title"), m.text("unit"),
                         m.text("label", m.text("title") + " " + m.text("unit"))});
  if (e.metrics.empty()) return std::unexpected("\"metrics\" is missing");
  for (const json::value& v : file.list("variants"))
    if (std::string wrong = read_variant(v, e, e.variants.emplace_back()); !wrong.empty())
      return std::unexpected(wrong);
  if (e.variants.empty()) return std::unexpected("\"variants\" is missing");
  for (const json::value& v : file.list("verdicts")) {
    verdict& said = e.verdicts.emplace_back();
    said.claim = v.text("claim");
    said.times = v.num("times", said.times);
    for (const json::value& source : v.list("sources")) {
      said.sources.push_back(source.string);
      if (std::none_of(e.claims.begin(), e.claims.end(),
                       [&](const claim& c) { return c.source == source.string; }))
        return std::unexpected("verdict \"" + said.claim + "\" is about " + source.string +
                               ", which is no claim");
    }
    if (!read_side(v.text("left"), e, said.left) || !read_side(v.text("below"), e, said.right))
      return std::unexpected("verdict \"" + said.claim + "\" compares what is not measured");
  }
  return e;
}

std::expected<std::vector<experiment>, std::string> load_experiments(const std::string& directory) {
  std::vector<experiment> all;
  for (const std::string& folder : list_directory(directory)) {
    std::string path = directory + "/" + folder, file = path + "/claim.json";
    if (!exists(file)) continue;
    std::expected<experiment, std::string> one = parse_experiment(read_file(file));
    if (!one) return std::unexpected(file + ": " + one.error());
    one->folder = folder;
    one->path = path;
    for (variant& v : one->variants)
      for (const auto& [runtime, program, why] : {std::tuple{"epoll", "/epoll.cc", "no ceiling is measured"},
                                                  std::tuple{"tokio", "/main.rs", "it has no program"},
                                                  std::tuple{"asio", "/asio.cc", "it has no program"}})
        if (!exists(path + program) && v.absence_for(runtime) == nullptr) v.absent.emplace_back(runtime, why);
    all.push_back(std::move(*one));
  }
  if (all.empty()) return std::unexpected("no experiments under " + directory);
  std::sort(all.begin(), all.end(), [](const experiment& a, const experiment& b) {
    return a.order != b.order ? a.order < b.order : a.folder < b.folder;
  });
  return all;
}

} // namespace versus
