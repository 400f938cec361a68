#include "harness/markdown.h"

#include "harness/doubt.h"
#include "harness/table.h"
#include "harness/verdict.h"

namespace versus {
namespace {

// Text that means nothing to Markdown, and stays in its cell.
std::string for_markdown(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\`*_|<>[]").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string markdown_cell(const shown_cell& cell, const metric& m, double best) {
  const summary* s = cell.state == shown_cell::kind::value ? cell.figure_of(m.id) : nullptr;
  if (s == nullptr) return cell.state == shown_cell::kind::absent ? "–" : word_for(cell);
  const std::string text = figure(s->median);
  return (s->median == best ? "**" + text + "**" : text) + (cell.borrowed ? "¹" : "");
}

std::string markdown_table(const experiment& e, const board& b) {
  const std::vector<const column*> shown = visible_columns(e, b);
  std::string head = "| |", line = "| --- |", rows;
  for (const column* c : shown) head += " " + for_markdown(c->title) + " |", line += " ---: |";
  for (const variant& v : e.variants) {
    const metric& m = e.deciding(v);
    const double best = best_of(e, v, b, m.id);
    std::string row = "| " + for_markdown(v.title + ", " + m.label) + " |";
    bool any = false;
    for (const column* c : shown) {
      const shown_cell cell = b.look(e, v, *c);
      row += " " + markdown_cell(cell, m, best) + " |";
      any = any || cell.has_figures();
    }
    if (any) rows += row + "\n";
  }
  return rows.empty() ? "" : head + "\n" + line + "\n" + rows;
}

} // namespace

std::string render_markdown(const std::vector<experiment>& all, const board& b) {
  std::string out;
  for (const experiment& e : all) {
    const std::string table = b.measured(e.id) ? markdown_table(e, b) : "";
    if (table.empty()) continue;
    out += "### " + e.id + " " + for_markdown(e.title) + "\n\n" + table + "\n";
    for (const verdict& each : e.verdicts)
      if (const judged said = judge(each, e, b); said.measured())
        out += "- " + for_markdown(each.claim) + ": " + for_markdown(said.text()) + "\n";
    out += "- " + for_markdown(noise_of(e, b).text) + "\n\n";
  }
  if (out.empty()) return out;
  std::string versions;
  for (const column& c : b.columns)
    if (c.here) versions += (versions.empty() ? "" : ", ") + for_markdown(c.title + " " + c.version);
  return "Measured " + for_markdown(b.date) + " (" + for_markdown(b.mode) + "), " +
         for_markdown(b.machine_line) + ": " + versions +
         ". Medians; the lowest of a row is bold; – is what a runtime does not have; ¹ has one thread: the "
         "figure of one "
         "processor. " +
         doubts_in_words() + "\n\n" + out;
}

} // namespace versus
