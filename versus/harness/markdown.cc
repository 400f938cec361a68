#include "harness/markdown.h"

#include "harness/table.h"
#include "harness/verdict.h"

namespace versus {
namespace {

// Text that means nothing to Markdown, and stays in its cell.
std::string plain(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\`*_|<>[]").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string cell_text(const shown_cell& cell, const metric& m, double best) {
  const summary* s = cell.state == shown_cell::kind::value ? cell.figure_of(m.id) : nullptr;
  if (s == nullptr) return cell.state == shown_cell::kind::absent ? "–" : word_for(cell);
  const std::string text = figure(s->median);
  return (s->median == best ? "**" + text + "**" : text) + (cell.borrowed ? "¹" : "");
}

std::string table_of(const experiment& e, const board& b) {
  const std::vector<const column*> shown = visible_columns(e, b);
  std::string head = "| |", line = "| --- |", rows;
  for (const column* c : shown) head += " " + plain(c->title) + " |", line += " ---: |";
  for (const variant& v : e.variants) {
    const metric& m = e.deciding(v);
    const double best = best_of(e, v, b, m.id);
    std::string row = "| " + plain(v.title + ", " + m.label) + " |";
    bool any = false;
    for (const column* c : shown) {
      const shown_cell cell = b.look(e, v, *c);
      row += " " + cell_text(cell, m, best) + " |";
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
    const std::string table = b.measured(e.id) ? table_of(e, b) : "";
    if (table.empty()) continue;
    out += "### " + e.id + " " + plain(e.title) + "\n\n" + table + "\n";
    for (const verdict& each : e.verdicts)
      if (const judged said = judge(each, e, b); said.measured())
        out += "- " + plain(each.claim) + ": " + plain(said.text()) + "\n";
    out += "- " + plain(noise_of(e, b).text) + "\n\n";
  }
  if (out.empty()) return out;
  std::string versions;
  for (const column& c : b.columns)
    if (c.here) versions += (versions.empty() ? "" : ", ") + plain(c.title + " " + c.version);
  return "Measured " + plain(b.date) + " (" + plain(b.mode) + "), " + plain(b.machine_line) + ": " +
         versions +
         ". Medians; the lowest of a row is bold; – is what a runtime does not have; ¹ has one thread: the "
         "figure of one "
         "processor.\n\n" +
         out;
}

} // namespace versus
