#include "harness/board.h"

namespace versus {

std::string one_thread_id(const variant& v) { return v.what() + "@1"; }

const summary* shown_cell::figure_of(const std::string& metric_id) const {
  auto found = figures.find(metric_id);
  return found != figures.end() && found->second.count > 0 ? &found->second : nullptr;
}

std::string board::apply_line(std::string_view text) {
  std::expected<json::value, std::string> parsed = json::parse(text);
  if (!parsed) return parsed.error();
  if (parsed->type != json::value::kind::object) return "not an object";
  if (parsed->find("event") == nullptr && parsed->find("metric") == nullptr)
    return "neither a result nor an event";
  if (const json::value* pairs = parsed->find("series"))
    if (auto ticks = parse_series(*pairs); !ticks) return ticks.error();
  if (const json::value* members = parsed->find("parts"))
    if (auto of = parse_parts(*members); !of) return of.error();
  apply(*parsed);
  return "";
}

void board::apply(const json::value& event) {
  std::string what = event.text("event"), exp = event.text("exp");
  if (what.empty()) {
    cell_data& c = cell(exp, event.text("variant"), event.text("rt"));
    if (const json::value* pairs = event.find("series")) {
      if (auto ticks = parse_series(*pairs)) c.lateness.push_back(std::move(*ticks));
      return;
    }
    if (const json::value* members = event.find("parts")) {
      if (auto of = parse_parts(*members)) c.consists_of.push_back(std::move(*of));
      return;
    }
    c.n = event.num("n");
    if (event.text("metric") != "check") c.samples[event.text("metric")].push_back(event.num("value"));
  } else if (what == "session") {
    date = event.text("date");
    machine_line = event.text("machine");
    commit = event.text("commit");
    mode = event.text("mode");
    cpus = static_cast<int>(event.num("cpus", 1));
    columns.clear();
    for (const json::value& c : event.list("contestants"))
      columns.push_back({c.text("id"), c.text("title"), c.text("version"), c.text("why"), c.flag("here"),
                         c.flag("one_thread")});
  } else if (what == "start") {
    exp_state& s = states_[exp];
    s.started = true;
    s.load_before = event.num("load");
  } else if (what == "end") {
    exp_state& s = states_[exp];
    s.ended = true;
    s.load_after = event.num("load");
    s.others = event.num("others", -1);
    s.runs = static_cast<int>(event.num("runs"));
  } else if (what == "trouble") {
    for (const json::value& v : event.list("variants")) {
      cell_data& c = cell(exp, v.string, event.text("rt"));
      if (c.trouble.empty() || (event.flag("wrong") && !c.wrong)) c.trouble = event.text("what");
      c.wrong = c.wrong || event.flag("wrong");
    }
  } else if (what == "lacks") {
    cell(exp, event.text("variant"), event.text("rt")).lacks = event.text("what");
  } else if (what == "stays_out") {
    staying_out_.emplace(exp, event.text("rt"));
  } else if (what == "pool") {
    pool_output.clear();
    for (const json::value& line : event.list("lines")) pool_output.push_back(line.string);
  } else if (what == "finish") {
    seconds = event.num("seconds");
    finished = true;
    interrupted = event.flag("interrupted");
  }
}

const exp_state& board::state_of(const std::string& exp) const {
  static const exp_state none;
  auto found = states_.find(exp);
  return found != states_.end() ? found->second : none;
}

const std::vector<double>& board::samples(const std::string& exp, const std::string& variant,
                                          const std::string& runtime, const std::string& metric_id) const {
  static const std::vector<double> none;
  auto found = cells_.find({exp + "/" + variant, runtime});
  if (found == cells_.end()) return none;
  auto of_metric = found->second.samples.find(metric_id);
  return of_metric != found->second.samples.end() ? of_metric->second : none;
}

const cell_data* board::find_cell(const experiment& e, const variant& v, const column& c) const {
  auto found = cells_.find({e.id + "/" + (c.one_thread ? one_thread_id(v) : v.id), c.id});
  return found != cells_.end() ? &found->second : nullptr;
}

const series* board::look_at_series(const experiment& e, const variant& v, const column& c) const {
  if (v.absence_for(c.id) != nullptr || !c.here) return nullptr;
  const cell_data* found = find_cell(e, v, c);
  return found != nullptr ? typical(found->lateness) : nullptr;
}

const part_list* board::look_at_parts(const experiment& e, const variant& v, const column& c) const {
  if (v.absence_for(c.id) != nullptr || !c.here) return nullptr;
  const cell_data* found = find_cell(e, v, c);
  return found != nullptr ? typical(found->consists_of) : nullptr;
}

shown_cell board::look(const experiment& e, const variant& v, const column& c) const {
  using kind = shown_cell::kind;
  shown_cell out;
  auto without_figures = [&](kind state, std::string why) {
    out.state = state;
    out.why = std::move(why);
    return out;
  };
  if (const std::string* why = v.absence_for(c.id)) return without_figures(kind::absent, *why);
  if (!c.here) return without_figures(kind::not_here, c.why);
  if (stays_out(e.id, c.id))
    return without_figures(kind::not_now, "no time for it in a quick run of everything");
  out.borrowed = c.one_thread && v.processors() != 1 && e.find(one_thread_id(v)) != nullptr;
  const cell_data* found = find_cell(e, v, c);
  if (found == nullptr || found->samples.empty()) {
    if (found != nullptr && !found->trouble.empty()) return without_figures(kind::failed, found->trouble);
    if (found != nullptr && !found->lacks.empty()) return without_figures(kind::not_here, found->lacks);
    if (quick() && (v.full_only || v.slow_for(c.id)))
      return without_figures(kind::not_now,
                             v.full_only ? "only with --full" : "takes long: only with --full");
    return without_figures(kind::pending, finished || state_of(e.id).ended ? "not measured" : "");
  }
  const cell_data& data = *found;
  out.state = data.wrong ? kind::wrong : kind::value;
  out.why = data.trouble;
  out.n = data.n;
  for (const auto& [metric_id, samples] : data.samples) out.figures[metric_id] = summarize(samples);
  return out;
}

bool board::complete(const std::vector<experiment>& all, const std::string& runtime) const {
  for (const column& c : columns) {
    if (c.id != runtime) continue;
    for (const experiment& e : all) {
      if (!measured(e.id)) continue;
      for (const variant& v : e.variants) {
        shown_cell cell = look(e, v, c);
        using kind = shown_cell::kind;
        // A value with a reason beside it: another run of the same row failed.
        bool fine = (cell.state == kind::value && cell.why.empty()) || cell.state == kind::absent ||
                    cell.state == kind::not_now;
        if (!fine) return false;
      }
    }
    return c.here;
  }
  return false;
}

} // namespace versus
