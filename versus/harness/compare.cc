#include "harness/compare.h"

#include "harness/doubt.h"
#include "harness/verdict.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>

namespace versus {
namespace {

constexpr double least_effect = 1.1, least_points = 2, level = 0.05;
constexpr std::size_t least_controls = 3;

bool is_time(const metric& m) {
  for (const char* unit : {"ns", "us", "ms", "s"})
    if (m.unit == unit || m.unit.starts_with(std::string(unit) + "/")) return true;
  return false;
}

std::vector<double> divided(std::vector<double> samples, double by) {
  for (double& s : samples) s /= by;
  return samples;
}

// 1: larger, -1: smaller, 0: neither; `sure`: the samples allow to say so.
struct direction {
  int way = 0;
  bool sure = false;
};

direction direction_of(const std::vector<double>& before, const std::vector<double>& after, const metric& m) {
  double old = summarize(before).median, now = summarize(after).median;
  direction d;
  if (m.is_share() ? now - old >= least_points : now > 0 && now >= old * least_effect)
    d.way = 1;
  else if (m.is_share() ? old - now >= least_points : old > 0 && old >= now * least_effect)
    d.way = -1;
  if (d.way > 0) d.sure = rank_test(before, after) <= level;
  if (d.way < 0) d.sure = rank_test(after, before) <= level;
  return d;
}

change::answer decide(const std::vector<double>& before, const std::vector<double>& after, const metric& m,
                      double machine) {
  direction seen = direction_of(before, after, m);
  direction beside = is_time(m) ? direction_of(before, divided(after, machine), m) : seen;
  if (seen.way == 0 || beside.way != seen.way) return change::answer::same;
  if (!seen.sure || !beside.sure) return change::answer::unclear;
  return seen.way > 0 ? change::answer::slower : change::answer::faster;
}

const column* column_of(const board& b, const std::string& runtime) {
  for (const column& c : b.columns)
    if (c.id == runtime) return &c;
  return nullptr;
}

// Calls `f` with every row that a runtime has of its own, in both boards.
template <typename F> void each_row(const std::vector<experiment>& all, const board& before,
                                    const board& after, const std::string& runtime, F f) {
  const column* a = column_of(before, runtime);
  const column* b = column_of(after, runtime);
  if (a == nullptr || b == nullptr) return;
  for (const experiment& e : all)
    for (const variant& v : e.variants) {
      shown_cell old = before.look(e, v, *a), now = after.look(e, v, *b);
      if (!old.borrowed && !now.borrowed) f(e, v, old, now);
    }
}

void find_machine(comparison& c, const std::vector<experiment>& all, const board& before, const board& after,
                  const std::vector<std::string>& runtimes) {
  std::vector<double> ratios;
  for (const column& other : before.columns) {
    const column* now = column_of(after, other.id);
    if (other.id == "thrum" || now == nullptr || now->version != other.version ||
        std::find(runtimes.begin(), runtimes.end(), other.id) != runtimes.end())
      continue;
    each_row(all, before, after, other.id,
             [&](const experiment& e, const variant& v, const shown_cell& a, const shown_cell& b) {
               const metric& m = e.deciding(v);
               const summary* x = a.state == shown_cell::kind::value ? a.figure_of(m.id) : nullptr;
               const summary* y = b.state == shown_cell::kind::value ? b.figure_of(m.id) : nullptr;
               if (is_time(m) && x != nullptr && y != nullptr && x->median > 0 && y->median > 0)
                 ratios.push_back(y->median / x->median);
             });
  }
  if (ratios.size() < least_controls) return;
  c.machine_rows = static_cast<int>(ratios.size());
  c.machine = summarize(ratios).median;
}

double highest_load(const std::vector<experiment>& all, const board& b) {
  double load = 0;
  for (const experiment& e : all)
    if (b.measured(e.id)) load = std::max({load, b.state_of(e.id).load_before, b.state_of(e.id).load_after});
  return load;
}

double highest_others(const std::vector<experiment>& all, const board& b) {
  double others = 0;
  for (const experiment& e : all)
    if (b.measured(e.id)) others = std::max(others, b.state_of(e.id).others);
  return others;
}

void find_differences(comparison& c, const std::vector<experiment>& all, const board& before,
                      const board& after) {
  auto note = [&](const std::string& what, const std::string& old, const std::string& now) {
    if (old != now) c.differences.push_back(what + ": " + old + "; now " + now);
  };
  note("machine", before.machine_line, after.machine_line);
  note("CPUs", std::to_string(before.cpus), std::to_string(after.cpus));
  note("run", before.mode, after.mode);
  for (const column& old : before.columns)
    if (const column* now = column_of(after, old.id); now != nullptr && old.here && now->here)
      note(old.title, old.version, now->version);
  double a = highest_load(all, before), b = highest_load(all, after);
  if (std::max(a, b) > 1.5 * std::min(a, b) && std::max(a, b) > before.cpus / 2.0)
    c.differences.push_back("load: up to " + figure(a) + "; now up to " + figure(b));
  a = highest_others(all, before), b = highest_others(all, after);
  if (std::max(a, b) > 0.1)
    c.differences.push_back("other processes used up to " + figure(a * 100) + "% of the machine; now up to " +
                            figure(b * 100) + "%");
}

void compare_verdicts(comparison& c, const std::vector<experiment>& all, const board& before,
                      const board& after) {
  for (const experiment& e : all)
    for (const verdict& each : e.verdicts) {
      const judged old = judge(each, e, before), now = judge(each, e, after);
      if (!old.measured() || !now.measured()) continue;
      if (old.said == now.said) {
        ++c.same_verdicts;
        continue;
      }
      c.verdicts.push_back({e.id, each.claim, old.text(), now.text()});
      if (old.said != judged::answer::close && now.said != judged::answer::close) ++c.reversed_verdicts;
    }
}

struct ratio_range {
  double low = 0, median = 0, high = 0;
};

// What `other` takes by what thrum takes, if both have the figure.
std::optional<ratio_range> ratio_in(const board& b, const experiment& e, const variant& v,
                                    const std::string& other) {
  const metric& m = e.deciding(v);
  if (m.is_share()) return std::nullopt;
  const auto deciding = [&](const std::string& runtime) -> std::optional<summary> {
    const column* c = column_of(b, runtime);
    if (c == nullptr) return std::nullopt;
    const shown_cell cell = b.look(e, v, *c);
    const summary* s = cell.state == shown_cell::kind::value ? cell.figure_of(m.id) : nullptr;
    return s != nullptr && s->low > 0 ? std::optional(*s) : std::nullopt;
  };
  const auto own = deciding("thrum"), its = deciding(other);
  if (!own || !its) return std::nullopt;
  const likely mine = range_of(*own, m, true), theirs = range_of(*its, m, true);
  return ratio_range{theirs.low / mine.high, its->median / own->median, theirs.high / mine.low};
}

void compare_ratios(comparison& c, const std::vector<experiment>& all, const board& before,
                    const board& after) {
  for (const column& other : before.columns)
    for (const experiment& e : all)
      for (const variant& v : e.variants) {
        if (other.id == "thrum") continue;
        const auto old = ratio_in(before, e, v, other.id), now = ratio_in(after, e, v, other.id);
        if (!old || !now) continue;
        c.ratios.moved.push_back(std::max(old->median / now->median, now->median / old->median));
        ++(old->low <= now->high && now->low <= old->high ? c.ratios.agree : c.ratios.differ);
      }
  std::sort(c.ratios.moved.begin(), c.ratios.moved.end());
}

// With two digits behind the point: here a tenth matters.
std::string times_of(const change& r) {
  if (r.said == change::answer::broken || r.before.median <= 0) return "";
  double times = r.after.median / r.before.median;
  char text[32];
  std::snprintf(text, sizeof text, times < 99.5 ? "%.2fx" : "%.3gx", times);
  return text;
}

style style_of(change::answer a) {
  switch (a) {
  case change::answer::faster: return style::good;
  case change::answer::slower:
  case change::answer::broken: return style::bad;
  case change::answer::unclear: return style::bold;
  default: return style::dim;
  }
}

} // namespace

double rank_test(const std::vector<double>& low, const std::vector<double>& high) {
  const std::size_t n = low.size(), m = high.size();
  if (n == 0 || m == 0) return 1;
  // How many pairs are against it; a tie is half of one, and halves count whole: never surer than the samples are.
  double against = 0;
  for (double a : low)
    for (double b : high) against += a > b ? 1 : a == b ? 0.5 : 0;
  const std::size_t most = static_cast<std::size_t>(std::ceil(against));
  // ways[j][u]: orders of i low and j high ones in which u pairs are against it.
  std::vector<std::vector<double>> ways(m + 1, std::vector<double>(n * m + 1, 0));
  for (auto& row : ways) row[0] = 1;
  for (std::size_t i = 1; i <= n; ++i)
    for (std::size_t j = 1; j <= m; ++j)
      for (std::size_t u = n * m + 1; u-- > 0;)
        // The largest of all is a low one, above j high ones, or it is a high one.
        ways[j][u] = (u >= j ? ways[j][u - j] : 0) + ways[j - 1][u];
  double total = 0, as_far = 0;
  for (std::size_t u = 0; u <= n * m; ++u) {
    total += ways[m][u];
    if (u <= most) as_far += ways[m][u];
  }
  return as_far / total;
}

bool comparison::worse() const {
  return std::any_of(rows.begin(), rows.end(), [](const change& r) {
    return r.runtime == "thrum" && r.deciding &&
           (r.said == change::answer::slower || r.said == change::answer::broken);
  });
}

const char* word_of(change::answer a) {
  switch (a) {
  case change::answer::faster: return "faster";
  case change::answer::slower: return "slower";
  case change::answer::unclear: return "unclear";
  case change::answer::broken: return "broken";
  default: return "same";
  }
}

comparison compare(const std::vector<experiment>& all, const board& before, const board& after,
                   const std::vector<std::string>& runtimes) {
  comparison out;
  find_differences(out, all, before, after);
  find_machine(out, all, before, after, runtimes);
  compare_verdicts(out, all, before, after);
  compare_ratios(out, all, before, after);
  for (const std::string& runtime : runtimes)
    each_row(all, before, after, runtime,
             [&](const experiment& e, const variant& v, const shown_cell& a, const shown_cell& b) {
               using kind = shown_cell::kind;
               change row;
               row.exp = e.id;
               row.variant = v.id;
               row.title = v.title;
               row.runtime = runtime;
               if (a.state != kind::value) {
                 out.missing += b.has_figures() ? 1 : 0;
                 return;
               }
               if (b.state == kind::failed || b.state == kind::wrong) {
                 const metric& m = e.deciding(v);
                 row.metric = m.id;
                 row.label = m.label;
                 row.deciding = true;
                 if (const summary* s = a.figure_of(m.id)) row.before = *s;
                 row.said = change::answer::broken;
                 row.why = b.why.substr(0, b.why.find('\n'));
                 out.rows.push_back(row);
                 return;
               }
               if (b.state != kind::value) {
                 ++out.missing;
                 return;
               }
               for (const metric* m : e.metrics_of(v)) {
                 const std::vector<double>& x = before.samples(e.id, v.id, runtime, m->id);
                 const std::vector<double>& y = after.samples(e.id, v.id, runtime, m->id);
                 if (x.empty() || y.empty()) continue;
                 row.metric = m->id;
                 row.label = m->label;
                 row.deciding = m == &e.deciding(v);
                 row.before = summarize(x);
                 row.after = summarize(y);
                 row.said = decide(x, y, *m, out.machine);
                 out.rows.push_back(row);
               }
             });
  return out;
}

std::string render_comparison(const comparison& c, const view& v) {
  std::string out;
  for (const std::string& each : c.differences) out += paragraph(each, v.width, "  ", "    ");
  if (c.machine_rows > 0)
    out += paragraph("the other runtimes took " + ratio(c.machine, 1) + " the time of before (median of " +
                         std::to_string(c.machine_rows) + " rows)",
                     v.width, "  ", "    ");
  else
    out += paragraph("no other runtime stands in both, so what the machine did is not known", v.width, "  ",
                     "    ");
  constexpr int value = 9, times = 8, word = 9;
  int title = 0, label = 0;
  for (const change& r : c.rows)
    title = std::max(title, columns(r.title)), label = std::max(label, columns(r.label));
  const int room = v.width - 2 - 2 - label - value * 2 - times - word;
  const bool narrow = room < 16;
  if (!narrow) title = std::min(title, room);
  std::string before_exp, before_row;
  std::map<std::string, std::map<change::answer, int>> counts;
  for (const change& r : c.rows) {
    if (r.deciding) ++counts[r.runtime][r.said];
    std::string where = r.runtime + " " + r.exp;
    if (where != before_exp) {
      before_exp = where;
      before_row.clear();
      out += "\n" + paint(r.exp + "  " + r.runtime, style::heading, v) + "\n";
    }
    std::string said = paint(word_of(r.said), style_of(r.said), v);
    std::string now = r.said == change::answer::broken ? "-" : figure(r.after.median);
    if (narrow) {
      if (r.variant != before_row) out += paragraph(r.title, v.width, "  ", "    ");
      out += "    " + pad_right(clip(r.label, 14, v), 16) + said + "\n      " + figure(r.before.median) +
             " -> " + now + "\n";
    } else {
      std::string name = r.variant != before_row ? clip(r.title, title, v) : "";
      out += "  " + pad_right(name, title) + "  " + paint(pad_right(r.label, label), style::dim, v) +
             pad_left(figure(r.before.median), value) + pad_left(now, value) + pad_left(times_of(r), times) +
             "  " + said + "\n";
    }
    before_row = r.variant;
    if (!r.why.empty()) out += paint(paragraph(r.why, v.width, "      ", "      "), style::plain, v);
  }
  out += "\n";
  for (const auto& [runtime, by] : counts) {
    std::string line;
    for (change::answer a : {change::answer::broken, change::answer::slower, change::answer::faster,
                             change::answer::same, change::answer::unclear})
      if (auto n = by.find(a); n != by.end())
        line += (line.empty() ? "" : ", ") + std::to_string(n->second) + " " + word_of(a);
    out += paragraph(runtime + ", deciding figures: " + line, v.width, "", "  ");
    if (by.contains(change::answer::unclear))
      out += paragraph(
          "Unclear ones moved by a tenth or more and have too few or too scattered samples; more runs tell "
          "(versus run --runs 5).",
          v.width, "  ", "  ");
  }
  if (const std::size_t judged = c.verdicts.size() + static_cast<std::size_t>(c.same_verdicts); judged > 0)
    out += paragraph("verdicts: " + std::to_string(c.same_verdicts) + " of " + std::to_string(judged) +
                         " are the same, " +
                         (c.reversed_verdicts == 0   ? "none is"
                          : c.reversed_verdicts == 1 ? "one is"
                                                     : std::to_string(c.reversed_verdicts) + " are") +
                         " reversed" + (c.verdicts.empty() ? "" : "; different are"),
                     v.width, "", "  ");
  for (const changed_verdict& each : c.verdicts)
    out += paragraph(each.exp + "  " + each.claim + ": " + each.before + "; now " + each.after, v.width, "  ",
                     "    ");
  if (const ratio_check& r = c.ratios; !r.moved.empty()) {
    const auto share = [&](double part) {
      return figure(r.moved[static_cast<std::size_t>(part * static_cast<double>(r.moved.size() - 1))]) + "x";
    };
    out += paragraph("ratios to thrum: " + std::to_string(r.agree) + " of " +
                         std::to_string(r.agree + r.differ) +
                         " agree within their spread; half moved by less than " + share(0.5) +
                         ", nine of ten by less than " + share(0.9),
                     v.width, "", "  ");
  }
  if (c.rows.empty()) out += "There is no row that both have.\n";
  if (c.missing > 0)
    out += paragraph(std::to_string(c.missing) + (c.missing == 1 ? " row is" : " rows are") +
                         " only in one of the two.",
                     v.width, "", "  ");
  return out;
}

std::string comparison_json(const comparison& c) {
  std::string out = json::writer()
                        .add("differences", c.differences)
                        .add("machine", c.machine)
                        .add("machine_rows", c.machine_rows)
                        .add("missing", c.missing)
                        .add("same_verdicts", c.same_verdicts)
                        .add("reversed_verdicts", c.reversed_verdicts)
                        .add("ratios_agree", c.ratios.agree)
                        .add("ratios_differ", c.ratios.differ)
                        .add("worse", c.worse())
                        .line() +
                    "\n";
  for (const change& r : c.rows)
    out += json::writer()
               .add("exp", r.exp)
               .add("rt", r.runtime)
               .add("variant", r.variant)
               .add("metric", r.metric)
               .add("deciding", r.deciding)
               .add("old", r.before.median)
               .add("new", r.after.median)
               .add("times", r.before.median > 0 ? r.after.median / r.before.median : NAN)
               .add("verdict", word_of(r.said))
               .line() +
           "\n";
  for (const changed_verdict& each : c.verdicts)
    out += json::writer()
               .add("exp", each.exp)
               .add("claim", each.claim)
               .add("old", each.before)
               .add("new", each.after)
               .line() +
           "\n";
  return out;
}

} // namespace versus
