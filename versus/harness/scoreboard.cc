#include "harness/scoreboard.h"

#include "harness/html.h"

#include <algorithm>

namespace versus {
namespace {

using state = ruling::state;

// A sign beside the word, for those who do not see the colour. It is not read aloud: the word is.
struct look_of_state {
  state what;
  const char* css;
  const char* sign;
  const char* many; // after a number
};
constexpr look_of_state looks[] = {
    {state::holds, "holds", "\u2713", "hold"},         {state::fails, "fails", "\u2717", "do not hold"},
    {state::close, "close", "\u2248", "too close"},    {state::unmeasured, "open", "\u2013", "not measured"},
    {state::described, "open", "\u00b7", "described"}, {state::not_yet, "open", "\u2026", "not yet"}};

std::string badge(state what) {
  for (const look_of_state& l : looks)
    if (l.what == what)
      return tag("span", tag("span", l.sign, "aria-hidden=\"true\"") + " " + word_of(what),
                 "class=\"badge " + std::string(l.css) + "\"");
  return "";
}

std::string tiles(const std::vector<ruling>& all) {
  std::string out;
  for (const look_of_state& l : looks) {
    auto n = std::count_if(all.begin(), all.end(), [&](const ruling& r) { return r.what == l.what; });
    if (n > 0)
      out += tag("li", tag("b", std::to_string(n)) + " " + l.many, "class=\"" + std::string(l.css) + "\"");
  }
  return tag("ul", out, "class=\"tiles\"");
}

// A sentence with several verdicts is quoted with the first of them.
std::string line(const ruling& r, bool quoted, bool linked) {
  std::string text;
  if (quoted)
    text = tag("span",
               escape_html("\u201c" + r.said.text + "\u201d ") + tag("cite", escape_html(r.said.source)));
  std::string where =
      linked ? tag("a", escape_html(r.exp), "href=\"#" + escape_html(r.exp) + "\"") : escape_html(r.exp);
  std::string said = r.verdict.empty() ? r.title : r.verdict;
  text += tag("span", where + escape_html(" " + said + ": " + r.detail), "class=\"soft\"");
  return tag("li", badge(r.what) + tag("div", text));
}

// The sentences of one article that `wanted` picks; empty when there are none.
template <typename Wanted>
std::string lines_of(const std::vector<ruling>& all, const char* id, const board& b, Wanted wanted) {
  std::string out;
  const ruling* before = nullptr;
  for (const ruling& r : all) {
    if (!r.said.source.starts_with(id) || !wanted(r)) continue;
    out += line(r, before == nullptr || !same_sentence(*before, r), b.measured(r.exp));
    before = &r;
  }
  return out.empty() ? "" : tag("ul", out, "class=\"score\"");
}

template <typename Wanted>
std::string folded(const std::vector<ruling>& all, const board& b, const std::string& title, Wanted wanted) {
  std::string out;
  int sentences = 0;
  std::vector<std::string> experiments;
  for (const ruling& r : all) {
    if (!wanted(r)) continue;
    ++sentences;
    if (std::find(experiments.begin(), experiments.end(), r.exp) == experiments.end())
      experiments.push_back(r.exp);
  }
  if (sentences == 0) return "";
  for (const article& a : articles) out += lines_of(all, a.id, b, wanted);
  auto plural = [](std::size_t n, const std::string& what) {
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
  };
  return tag("details", tag("summary", escape_html(title + ": " +
                                                   plural(static_cast<std::size_t>(sentences), "sentence") +
                                                   " of " + plural(experiments.size(), "experiment"))) +
                            out);
}

} // namespace

std::string render_scoreboard(const std::vector<ruling>& all, const board& b) {
  auto waits = [](const ruling& r) { return r.what == state::not_yet; };
  auto elsewhere = [&](const ruling& r) { return !waits(r) && !b.measured(r.exp); };
  std::string out = tag("h2", "What the articles' claims come to here") + tiles(all);
  for (const article& a : articles)
    if (std::string lines =
            lines_of(all, a.id, b, [&](const ruling& r) { return !waits(r) && !elsewhere(r); });
        !lines.empty())
      out += tag("h3", escape_html(std::string(a.id) + " " + a.title)) + lines;
  out += folded(all, b, "Not part of this run", elsewhere);
  out += folded(all, b, "Not yet", waits);
  out += tag(
      "p",
      "A claim holds, or does not, when its figures are further from the limit than two runs are from each "
      "other; nearer, it is too close to tell. Described: the sentence says how it is, not how much; the "
      "experiment shows what it costs. S0 to S3 are the articles, then comes the line.",
      "class=\"soft\"");
  return tag("section", out, "id=\"claims\"");
}

} // namespace versus
