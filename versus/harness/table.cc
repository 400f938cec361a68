#include "harness/table.h"

#include "harness/verdict.h"

#include <algorithm>

namespace versus {
namespace {

constexpr int value_width = 8, mark_width = 1, ratio_width = 6, spread_width = 6;

bool counts(const shown_cell& cell) { return cell.state == shown_cell::kind::value; }

// What a row's cells hold, looked up once.
struct row {
  const variant* what = nullptr;
  std::vector<const metric*> metrics; // the first decides
  std::vector<shown_cell> cells;      // one a column
  const shown_cell* thrum = nullptr;
};

std::vector<row> rows_of(const experiment& e, const board& b, const std::vector<const column*>& columns) {
  std::vector<row> rows;
  for (const variant& v : e.variants) {
    row r;
    r.what = &v;
    r.metrics = e.metrics_of(v);
    bool shown = false;
    for (const column* c : columns) {
      r.cells.push_back(b.look(e, v, *c));
      shown = shown || r.cells.back().state != shown_cell::kind::not_now;
    }
    // A row that this mode leaves out everywhere only takes room.
    if (b.quick() && v.full_only) shown = false;
    if (shown) rows.push_back(std::move(r));
  }
  for (row& r : rows)
    for (std::size_t i = 0; i < columns.size(); ++i)
      if (columns[i]->id == "thrum" && r.cells[i].has_figures()) r.thrum = &r.cells[i];
  return rows;
}

struct cell_text {
  std::string value, mark, ratio, spread;
  style how = style::plain;
};

cell_text text_of(const row& r, std::size_t at, const metric& m, bool decides, double best, const view& v) {
  const shown_cell& cell = r.cells[at];
  cell_text out;
  const summary* s = cell.figure_of(m.id);
  if (s == nullptr) {
    out.value = decides ? word_for(cell) : "";
    out.how = cell.state == shown_cell::kind::failed ? style::bad : style::dim;
    return out;
  }
  out.value = figure(s->median);
  if (cell.state == shown_cell::kind::wrong)
    out.mark = "!", out.how = style::bad;
  else if (cell.borrowed)
    out.mark = v.unicode ? "\u00b9" : "*";
  if (counts(cell) && s->median == best)
    out.how = style::bold;
  else if (!decides && out.how == style::plain)
    out.how = style::dim;
  if (s->count > 1) out.spread = percent(s->spread(), v.unicode);
  const summary* base = r.thrum != nullptr ? r.thrum->figure_of(m.id) : nullptr;
  if (decides && base != nullptr && &cell != r.thrum && !m.is_share())
    out.ratio = ratio(s->median, base->median);
  return out;
}

double best_in(const row& r, const metric& m) {
  double best = -1;
  for (const shown_cell& cell : r.cells)
    if (const summary* s = cell.figure_of(m.id);
        s != nullptr && counts(cell) && (best < 0 || s->median < best))
      best = s->median;
  return best;
}

// Sentences, each behind the variants that it is about. What holds for many is said once.
class reasons {
public:
  void add(const std::string& what, const std::string& text) {
    auto same = std::find_if(all_.begin(), all_.end(), [&](const auto& each) { return each.first == text; });
    if (same == all_.end())
      all_.emplace_back(text, std::vector{what});
    else if (std::find(same->second.begin(), same->second.end(), what) == same->second.end())
      same->second.push_back(what);
  }
  std::string text() const {
    std::string out;
    for (const auto& [said, about] : all_) {
      out += out.empty() ? "" : "; ";
      for (const std::string& what : about) out += (&what == &about[0] ? "" : ", ") + what;
      out += ": " + said;
    }
    return out;
  }

private:
  std::vector<std::pair<std::string, std::vector<std::string>>> all_;
};

std::string cell_line(const cell_text& t, bool with_spread, const view& v) {
  // Words may use the room of the ratio; figures keep their place, so that they stand under each other.
  if (t.ratio.empty() && t.spread.empty() && columns(t.value) > value_width)
    return pad_right(" " + paint(t.value, t.how, v),
                     value_width + mark_width + ratio_width + (with_spread ? spread_width : 0));
  std::string out = pad_left(paint(t.value, t.how, v), value_width) + pad_right(t.mark, mark_width);
  if (with_spread) out += pad_left(paint(t.spread, style::dim, v), spread_width);
  return out + pad_left(t.ratio, ratio_width);
}

std::string matrix(const experiment& e, const std::vector<row>& rows, const std::vector<const column*>& shown,
                   int title_width, bool with_spread, const view& v) {
  int label_width = 0;
  for (const metric& m : e.metrics) label_width = std::max(label_width, columns(m.label));
  const int cell_width = value_width + mark_width + ratio_width + (with_spread ? spread_width : 0);
  std::string out = "  " + pad_right("", title_width + 2 + label_width);
  for (const column* c : shown)
    out += pad_left(paint(clip(c->title, cell_width - 2, v), style::bold, v), value_width) +
           std::string(
               static_cast<std::size_t>(std::max(0, cell_width - std::max(value_width, columns(c->title)))),
               ' ');
  out.erase(out.find_last_not_of(' ') + 1);
  out += "\n";
  for (const row& r : rows) {
    std::vector<std::string> title = wrap(r.what->title, title_width);
    std::size_t lines = std::max(title.size(), r.metrics.size());
    for (std::size_t i = 0; i < lines; ++i) {
      std::string line = "  " + pad_right(i < title.size() ? title[i] : "", title_width) + "  ";
      if (i < r.metrics.size()) {
        const metric& m = *r.metrics[i];
        line += paint(pad_right(m.label, label_width), style::dim, v);
        double best = best_in(r, m);
        for (std::size_t c = 0; c < shown.size(); ++c)
          line += cell_line(text_of(r, c, m, i == 0, best, v), with_spread, v);
      }
      line.erase(line.find_last_not_of(' ') + 1);
      out += line + "\n";
    }
  }
  return out;
}

std::string list(const std::vector<row>& rows, const std::vector<const column*>& shown, const view& v) {
  int name_width = 5;
  for (const column* c : shown) name_width = std::max(name_width, columns(c->title));
  const int fixed = 4 + name_width + value_width + mark_width + ratio_width;
  const bool with_spread = v.width >= fixed + spread_width;
  const int used = fixed + (with_spread ? spread_width : 0);
  const std::size_t room = static_cast<std::size_t>(std::max(0, v.width - used) / (value_width + 8));
  std::string out;
  for (const row& r : rows) {
    const metric& first = *r.metrics[0];
    const std::size_t others = std::min(room, r.metrics.size() - 1);
    out += paragraph(r.what->title + ": " + first.title + ", " + first.unit, v.width, "  ", "    ");
    for (std::size_t c = 0; c < shown.size(); ++c) {
      std::string line = "    " + pad_right(shown[c]->title, name_width);
      line += cell_line(text_of(r, c, first, true, best_in(r, first), v), with_spread, v);
      for (std::size_t i = 1; i <= others; ++i) {
        const metric& m = *r.metrics[i];
        cell_text t = text_of(r, c, m, false, best_in(r, m), v);
        if (t.value.empty()) continue;
        line += "  " + paint(pad_right(clip(m.title, 6, v), 6) + pad_left(t.value, value_width), t.how, v);
      }
      line.erase(line.find_last_not_of(' ') + 1);
      out += line + "\n";
    }
  }
  return out;
}

} // namespace

std::vector<const column*> visible_columns(const experiment& e, const board& b) {
  const auto is_optional = [](const std::string& id) {
    return id == "tokio" || id == "boost_fiber" || id == "asio";
  };
  const auto is_hidden = [&](const column& c) {
    if (is_optional(c.id) && !c.here) return true;
    if (b.stays_out(e.id, c.id)) return true;
    return (c.id == "epoll" || is_optional(c.id)) &&
           std::all_of(e.variants.begin(), e.variants.end(),
                       [&](const variant& v) { return v.absence_for(c.id) != nullptr; });
  };
  std::vector<const column*> out;
  for (const column& c : b.columns)
    if (!is_hidden(c)) out.push_back(&c);
  return out;
}

std::string word_for(const shown_cell& cell) {
  using kind = shown_cell::kind;
  switch (cell.state) {
  case kind::absent: return "n/a";
  case kind::not_here: return "not here";
  case kind::not_now: return "--full";
  case kind::failed: return "failed";
  case kind::pending: return cell.why.empty() ? "..." : "-";
  default: return "";
  }
}

double best_of(const experiment& e, const variant& v, const board& b, const std::string& metric_id) {
  double best = -1;
  for (const column& c : b.columns) {
    shown_cell cell = b.look(e, v, c);
    if (const summary* s = cell.figure_of(metric_id);
        s != nullptr && counts(cell) && (best < 0 || s->median < best))
      best = s->median;
  }
  return best;
}

bool has_rivals(const experiment& e, const variant& v, const board& b) {
  for (const column* c : visible_columns(e, b))
    if (c->id != "thrum" && v.absence_for(c->id) == nullptr) return true;
  return false;
}

std::string standing(const experiment& e, const board& b) {
  std::vector<const column*> shown = visible_columns(e, b);
  int all = 0, lowest = 0;
  std::string title; // of what decides, where that is the same in all rows
  struct contender {
    int rows = 0;
    double least = 1e9;
    std::string where, by; // the row in which it is furthest ahead, and how far
  };
  std::vector<contender> lower(shown.size());
  for (const row& r : rows_of(e, b, shown)) {
    const metric& m = *r.metrics[0];
    const summary* mine = r.thrum != nullptr && counts(*r.thrum) ? r.thrum->figure_of(m.id) : nullptr;
    if (mine == nullptr) continue;
    if (!has_rivals(e, *r.what, b)) continue;
    title = all == 0 || title == m.title ? m.title : "deciding";
    ++all;
    bool beaten = false;
    for (std::size_t c = 0; c < shown.size(); ++c) {
      const summary* s = r.cells[c].figure_of(m.id);
      if (s == nullptr || !counts(r.cells[c]) || s->median >= mine->median) continue;
      beaten = true;
      ++lower[c].rows;
      double times = s->median / mine->median;
      if (times >= lower[c].least) continue;
      lower[c].least = times;
      lower[c].where = r.what->title;
      lower[c].by =
          m.is_share() ? figure(s->median) + "% against " + figure(mine->median) + "%" : ratio(times, 1);
    }
    if (!beaten) ++lowest;
  }
  if (all == 0) return "";
  std::string out = "thrum has the lowest " + title + " figure in " + std::to_string(lowest) + " of " +
                    std::to_string(all) + (all == 1 ? " row." : " rows.");
  std::string ahead;
  for (std::size_t c = 0; c < shown.size(); ++c) {
    if (lower[c].rows == 0) continue;
    ahead += (ahead.empty() ? "" : "; ") + shown[c]->title + " in " + std::to_string(lower[c].rows) +
             (lower[c].rows == 1 ? " row (" : " rows, most in \"") + lower[c].where +
             (lower[c].rows == 1 ? ", " : "\" (") + lower[c].by + ")";
  }
  return ahead.empty() ? out : out + " Lower than thrum: " + ahead + ".";
}

noise noise_of(const experiment& e, const board& b) {
  const exp_state& s = b.state_of(e.id);
  noise out;
  out.text = std::to_string(s.runs) + (s.runs == 1 ? " run" : " runs") + ", load " + figure(s.load_before) +
             " before, " + figure(s.load_after) + " after, on " + std::to_string(b.cpus) +
             (b.cpus == 1 ? " CPU" : " CPUs");
  if (s.others >= 0) out.text += ", other processes used " + figure(s.others * 100) + "% of the machine";
  if (std::max(s.load_before, s.load_after) > b.cpus) {
    out.busy = true;
    out.text += "; the load is above the number of CPUs";
  }
  if (s.others > 0.1) {
    out.busy = true;
    out.text += "; the machine was busy with something else: doubt the wall times";
  }
  return out;
}

std::vector<footnote> footnotes(const experiment& e, const board& b) {
  std::vector<footnote> out;
  for (const column* c : visible_columns(e, b)) {
    if (!c->here) {
      out.push_back({c->title, "not here: " + c->why, false});
      continue;
    }
    reasons idioms, failures;
    bool borrowed = false;
    for (const variant& v : e.variants) {
      if (const std::string* note = v.note_for(c->id)) idioms.add(v.what(), *note);
      if (const std::string* why = v.absence_for(c->id)) idioms.add(v.what(), "n/a, " + *why);
      shown_cell cell = b.look(e, v, *c);
      borrowed = borrowed || (cell.borrowed && cell.has_figures());
      std::string why = cell.why.substr(0, cell.why.find('\n'));
      bool failed = cell.state == shown_cell::kind::failed || cell.state == shown_cell::kind::wrong ||
                    (cell.state == shown_cell::kind::value && !why.empty());
      if (failed) failures.add(v.id, why);
      if (cell.state == shown_cell::kind::not_here) idioms.add(v.what(), "not here, " + why);
    }
    std::string said = idioms.text();
    if (borrowed)
      said += (said.empty() ? "" : "; ") + std::string("one thread, so its figure stands in both rows");
    if (!said.empty()) out.push_back({c->title, said, false});
    if (std::string bad = failures.text(); !bad.empty()) out.push_back({c->title, bad, true});
  }
  return out;
}

std::string render_table(const experiment& e, const board& b, const view& v) {
  std::vector<const column*> shown = visible_columns(e, b);
  std::vector<row> rows = rows_of(e, b, shown);
  std::string out = paint(e.id + "  " + e.title, style::heading, v) + "\n";
  for (const claim& c : e.claims)
    out += paragraph("\"" + c.text + "\"", v.width, "  " + pad_right(c.source, 8), std::string(10, ' '));
  out += "\n";

  int label_width = 0, title_width = 0;
  for (const metric& m : e.metrics) label_width = std::max(label_width, columns(m.label));
  for (const row& r : rows) title_width = std::max(title_width, columns(r.what->title));
  const int cells = static_cast<int>(shown.size());
  // What remains for the titles when cells have their full width, or do without the spread.
  int roomy = v.width - 4 - label_width - cells * (value_width + mark_width + ratio_width + spread_width);
  int tight = v.width - 4 - label_width - cells * (value_width + mark_width + ratio_width);
  constexpr int least_title = 16;
  if (roomy >= least_title)
    out += matrix(e, rows, shown, std::min(roomy, title_width), true, v);
  else if (tight >= least_title)
    out += matrix(e, rows, shown, std::min(tight, title_width), false, v);
  else
    out += list(rows, shown, v);
  out += "\n";

  const std::string in = "  ";
  for (const footnote& f : footnotes(e, b)) {
    std::string text = paragraph(f.runtime + ": " + f.text, v.width, in, in + "  ");
    text.pop_back();
    out += paint(text, f.bad ? style::bad : style::dim, v) + "\n";
  }
  if (std::string text = standing(e, b); !text.empty()) out += paragraph(text, v.width, in, in + "  ");
  for (const verdict& said : e.verdicts)
    if (judged j = judge(said, e, b); j.measured())
      out += paragraph("\"" + said.claim + "\": " + j.text(), v.width, in, in + "  ");
  if (b.state_of(e.id).ended) {
    noise n = noise_of(e, b);
    std::string text = paragraph(n.text, v.width, in, in + "  ");
    text.pop_back();
    out += paint(text, n.busy ? style::bad : style::dim, v) + "\n";
  }
  return out;
}

} // namespace versus
