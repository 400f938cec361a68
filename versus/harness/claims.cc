#include "harness/claims.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <numeric>
#include <tuple>

namespace versus {
namespace {

ruling::state state_of(judged::answer a) {
  switch (a) {
  case judged::answer::holds: return ruling::state::holds;
  case judged::answer::fails: return ruling::state::fails;
  case judged::answer::close: return ruling::state::close;
  default: return ruling::state::unmeasured;
  }
}

std::string version_of(const board& b, const std::string& runtime) {
  for (const column& c : b.columns)
    if (c.id == runtime) return c.version;
  return "";
}

bool same_conditions(const verdict& v, const board& a, const board& b) {
  return a.machine_line == b.machine_line && version_of(a, v.left.runtime) == version_of(b, v.left.runtime) &&
         version_of(a, v.right.runtime) == version_of(b, v.right.runtime);
}

void rule_one(const verdict& v, const experiment& e, const std::vector<const board*>& runs, ruling& out) {
  out.verdict = v.claim;
  const board* from = nullptr;
  for (const board* b : runs) {
    if (!b->measured(e.id)) continue;
    judged j = judge(v, e, *b);
    if (!j.measured()) {
      if (out.detail.empty()) out.detail = j.why;
      continue;
    }
    if (from == nullptr) {
      from = b;
      out.what = state_of(j.said);
      out.detail = j.figures;
      out.date = b->date;
      continue;
    }
    bool opposite = (out.what == ruling::state::holds && j.said == judged::answer::fails) ||
                    (out.what == ruling::state::fails && j.said == judged::answer::holds);
    if (!opposite || !same_conditions(v, *from, *b)) continue;
    out.what = ruling::state::close;
    out.detail += "; the run of " + b->date + " said the opposite: " + j.figures;
    break;
  }
  if (out.detail.empty()) out.detail = "versus run " + e.id + " measures it";
}

std::string article_of(const ruling& r) { return r.said.source.substr(0, 2); }
int line_of(const ruling& r) { return std::atoi(r.said.source.c_str() + 3); }

style style_of(ruling::state s) {
  switch (s) {
  case ruling::state::holds: return style::good;
  case ruling::state::fails: return style::bad;
  case ruling::state::close: return style::bold;
  default: return style::dim;
  }
}

} // namespace

bool same_sentence(const ruling& a, const ruling& b) {
  return a.said.source == b.said.source && a.said.text == b.said.text;
}

const char* word_of(ruling::state s) {
  switch (s) {
  case ruling::state::holds: return "holds";
  case ruling::state::fails: return "does not hold";
  case ruling::state::close: return "too close";
  case ruling::state::unmeasured: return "not measured";
  case ruling::state::described: return "described";
  default: return "not yet";
  }
}

std::vector<ruling> rule(const std::vector<experiment>& built, const std::vector<planned>& waiting,
                         const std::vector<const board*>& runs) {
  std::vector<ruling> out;
  for (const experiment& e : built)
    for (const claim& c : e.claims) {
      ruling base;
      base.said = c;
      base.exp = e.id;
      base.title = e.title;
      bool judged_at_all = false;
      for (const verdict& v : e.verdicts)
        if (v.is_about(c, e)) {
          judged_at_all = true;
          rule_one(v, e, runs, out.emplace_back(base));
        }
      if (judged_at_all) continue;
      base.what = ruling::state::described;
      base.detail = e.question;
      out.push_back(base);
    }
  for (const planned& p : waiting)
    for (const claim& c : p.claims) {
      ruling& r = out.emplace_back();
      r.said = c;
      r.exp = p.id;
      r.title = p.title;
      r.what = ruling::state::not_yet;
      r.detail = "waits for " + p.waits_for;
    }
  // By place, and in the order of the experiments and their verdicts where that is the same.
  std::vector<std::size_t> order(out.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::make_tuple(article_of(out[a]), line_of(out[a]), out[a].said.text, a) <
           std::make_tuple(article_of(out[b]), line_of(out[b]), out[b].said.text, b);
  });
  std::vector<ruling> sorted;
  for (std::size_t at : order) sorted.push_back(std::move(out[at]));
  return sorted;
}

std::string tally(const std::vector<ruling>& all) {
  struct part {
    ruling::state what;
    const char* one;
    const char* many;
  };
  constexpr std::array parts = {
      part{ruling::state::holds, "holds", "hold"},
      part{ruling::state::fails, "does not", "do not"},
      part{ruling::state::close, "is too close to tell", "are too close to tell"},
      part{ruling::state::unmeasured, "is not measured here", "are not measured here"},
      part{ruling::state::described, "is described only", "are described only"},
      part{ruling::state::not_yet, "waits for its experiment", "wait for their experiments"}};
  std::string out;
  for (const part& p : parts) {
    auto n = std::count_if(all.begin(), all.end(), [&](const ruling& r) { return r.what == p.what; });
    if (n > 0) out += (out.empty() ? "" : ", ") + std::to_string(n) + " " + (n == 1 ? p.one : p.many);
  }
  return out;
}

std::string render_claims(const std::vector<ruling>& all, const view& v) {
  constexpr int word_width = 15, id_width = 5;
  const bool narrow = v.width < 60;
  std::string out;
  std::string newest;
  for (const ruling& r : all) newest = std::max(newest, r.date);
  for (const article& a : articles) {
    std::vector<ruling> here;
    for (const ruling& r : all)
      if (article_of(r) == a.id) here.push_back(r);
    if (here.empty()) continue;
    out += (out.empty() ? "" : "\n") +
           paint(clip(std::string(a.id) + "  " + a.title, v.width, v), style::heading, v) + "\n" +
           paragraph(tally(here), v.width, "    ", "    ");
    for (std::size_t i = 0; i < here.size(); ++i) {
      const ruling& r = here[i];
      if (i == 0 || !same_sentence(r, here[i - 1]))
        out += "\n" + paragraph("\"" + r.said.text + "\"", v.width, "  " + pad_right(r.said.source, 8),
                                std::string(10, ' '));
      std::string text = r.verdict;
      if (text.empty()) text = r.title;
      text += ": " + r.detail;
      if (!r.date.empty() && r.date.substr(0, 10) != newest.substr(0, 10))
        text += " (" + r.date.substr(0, 10) + ")";
      std::string word = word_of(r.what);
      if (narrow) {
        out += "  " + paint(word, style_of(r.what), v) + "  " + r.exp + "\n";
        out += paragraph(text, v.width, "    ", "    ");
        continue;
      }
      const int room = v.width - 10 - word_width - id_width;
      bool first = true;
      for (const std::string& line : wrap(text, room)) {
        std::string head =
            first ? pad_right(paint(word, style_of(r.what), v), word_width) + pad_right(r.exp, id_width)
                  : std::string(word_width + id_width, ' ');
        out += std::string(10, ' ') + head + line + "\n";
        first = false;
      }
    }
  }
  out += "\n" + paragraph("All four: " + tally(all) + ".", v.width, "", "  ");
  return out;
}

std::string claims_json(const std::vector<ruling>& all) {
  std::string out;
  for (const ruling& r : all)
    out += json::writer()
               .add("source", r.said.source)
               .add("text", r.said.text)
               .add("exp", r.exp)
               .add("title", r.title)
               .add("claim", r.verdict)
               .add("verdict", word_of(r.what))
               .add("detail", r.detail)
               .add("date", r.date)
               .line() +
           "\n";
  return out;
}

} // namespace versus
