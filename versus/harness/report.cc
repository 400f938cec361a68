#include "harness/report.h"

#include "harness/chart.h"
#include "harness/contestant.h"
#include "harness/doubt.h"
#include "harness/files.h"
#include "harness/html.h"
#include "harness/report_style.h"
#include "harness/scoreboard.h"
#include "harness/stack_chart.h"
#include "harness/strip.h"
#include "harness/table.h"
#include "harness/verdict.h"

namespace versus {
namespace {

// A box that scrolls by itself can be reached and scrolled with the keyboard.
std::string scrolling(const std::string& name, const std::string& body, const std::string& label,
                      const std::string& css = "") {
  return tag(name, body,
             (css.empty() ? "" : "class=\"" + css + "\" ") + "tabindex=\"0\" role=\"region\" aria-label=\"" +
                 escape_html(label) + "\"");
}

std::string program_details(const std::string& title, const std::string& file) {
  std::string text = read_file(file);
  if (text.empty()) return "";
  return tag("details", tag("summary", escape_html(title)) + scrolling("pre", escape_html(text), title));
}

// The sources as tabs that need no script: a radio button for each, and the style shows the panel of the checked one.
std::string programs(const experiment& e, const board& b) {
  std::string buttons, panels;
  for (const column& c : b.columns) {
    std::string name = source_file(c.id), text = read_file(e.path + "/" + name);
    if (text.empty()) continue;
    std::string id = escape_html("source-" + e.id + "-" + c.id);
    buttons += "<input type=\"radio\" name=\"" + escape_html("source-" + e.id) + "\" id=\"" + id +
               "\" class=\"tab-" + escape_html(c.id) + "\"" + (buttons.empty() ? " checked" : "") + ">" +
               tag("label", escape_html(c.title), "for=\"" + id + "\"");
    panels += scrolling("pre", escape_html(text), c.title + ": " + name, "panel-" + escape_html(c.id));
  }
  if (buttons.empty()) return "";
  return tag("details", tag("summary", "Show the programs") + tag("div", buttons + panels, "class=\"tabs\""));
}

std::string figures_table(const experiment& e, const board& b) {
  std::string head = tag("th", "");
  for (const column* c : visible_columns(e, b)) head += tag("th", escape_html(c->title));
  std::string out = tag("tr", head);
  for (const variant& v : e.variants) {
    if (!row_is_shown(b, v)) continue;
    for (const metric* each : e.metrics_of(v)) {
      const metric& m = *each;
      bool first = &m == &e.deciding(v);
      std::string row =
          tag("td", escape_html(first ? v.title : "") + tag("small", escape_html(m.title + ", " + m.unit)));
      double best = best_of(e, v, b, m.id);
      for (const column* c : visible_columns(e, b)) {
        shown_cell cell = b.look(e, v, *c);
        const summary* s = cell.figure_of(m.id);
        std::string body =
            first && s == nullptr ? tag("span", escape_html(word_for(cell)), "class=\"soft\"") : "";
        if (s != nullptr) {
          body = escape_html(figure(s->median)) + (cell.borrowed ? "&sup1;" : "");
          if (s->median == best) body = tag("b", body);
          if (cell.state == shown_cell::kind::wrong) body = tag("span", body + "!", "class=\"bad\"");
          if (s->count > 1) body += tag("small", escape_html(figure(s->low) + " .. " + figure(s->high)));
        }
        row += tag("td", body);
      }
      out += tag("tr", row);
    }
  }
  return scrolling("div", tag("table", out), "All figures of " + e.title, "scroll");
}

std::string verdicts(const experiment& e, const board& b) {
  std::string out;
  for (const verdict& said : e.verdicts) {
    judged j = judge(said, e, b);
    if (!j.measured()) continue;
    out += tag("li", escape_html("\u201c" + said.claim + "\u201d: ") +
                         tag("span", escape_html(j.text()),
                             j.said == judged::answer::holds   ? "class=\"good\""
                             : j.said == judged::answer::fails ? "class=\"bad\""
                                                               : "class=\"soft\""));
  }
  return out;
}

std::string card(const experiment& e, const board& b) {
  std::string out = tag("h2", escape_html(e.title) + " " + tag("small", escape_html(e.id)));
  for (const claim& c : e.claims)
    out += tag("blockquote", escape_html("\u201c" + c.text + "\u201d ") + tag("cite", escape_html(c.source)));
  out += tag("p", escape_html(e.question + " " + e.method), "class=\"soft\"");
  if (std::string text = standing(e, b); !text.empty()) out += tag("p", escape_html(text));
  if (std::string text = verdicts(e, b); !text.empty()) out += tag("ul", text);
  out += chart(e, b);
  out += stack_chart(e, b);
  out += strips(e, b);
  out += tag("details",
             tag("summary", "All figures: medians, lowest and highest samples") + figures_table(e, b));
  std::string notes;
  for (const footnote& f : footnotes(e, b))
    notes += tag("li", escape_html(f.runtime + ": " + f.text), f.bad ? "class=\"bad\"" : "");
  out += tag("ul", notes, "class=\"soft\"");
  out += programs(e, b);
  noise n = noise_of(e, b);
  out += tag("p", escape_html(n.text), n.busy ? "class=\"bad\"" : "class=\"soft\"");
  out += tag("p", "Repeat: " +
                      tag("code", escape_html("versus run " + e.id + (b.quick() ? " --quick" : " --full"))));
  return tag("section", out, "id=\"" + escape_html(e.id) + "\"");
}

std::string pool_card(const board& b, const std::string& folder) {
  if (b.pool_output.empty()) return "";
  std::string printed;
  for (const std::string& line : b.pool_output) printed += line + "\n";
  std::string left = scrolling("pre", escape_html(read_file(folder + "/thrum.cc")), "The program");
  std::string right = scrolling("pre", escape_html(printed), "What it printed");
  return tag("section", tag("h2", "The article's worker pool " + tag("small", "S1:22")) +
                            tag("p",
                                "Three workers, five jobs of 100 ms: two rounds, so 200 ms. The program in "
                                "thrum, and what it printed on this machine.",
                                "class=\"soft\"") +
                            tag("div", tag("div", left) + tag("div", right), "class=\"pair\"") +
                            program_details("The article's own program in Go", folder + "/main.go"));
}

} // namespace

std::string render_report(const board& b, const std::vector<experiment>& all,
                          const std::vector<planned>& waiting, const std::string& pool_folder,
                          const std::string& kit_folder) {
  std::string top = tag("h1", "thrum versus Go, Node, Python and Java");
  top += tag("p", escape_html(b.machine_line), "class=\"soft\"");
  top += tag("p",
             escape_html(b.date + ", " + b.mode + " run" + (b.seconds > 0 ? ", " + duration(b.seconds) : "") +
                         (b.commit.empty() ? "" : ", commit " + b.commit) +
                         (b.interrupted ? "; interrupted: some rows are missing" : "")),
             b.interrupted ? "class=\"bad\"" : "class=\"soft\"");
  std::string versions, missing;
  for (const column& c : b.columns) {
    if (c.here)
      versions += (versions.empty() ? "" : ", ") + c.title + " " + c.version;
    else
      missing += tag("p", escape_html(c.title + " is not here: " + c.why), "class=\"bad\"");
  }
  std::string links, cards;
  for (const experiment& e : all) {
    if (!b.measured(e.id)) continue;
    links += tag("a", escape_html(e.id + " " + e.title), "href=\"#" + escape_html(e.id) + "\"");
    cards += card(e, b);
  }
  std::string legend;
  for (const article& a : articles) legend += tag("li", escape_html(std::string(a.id) + ": " + a.title));
  std::string first =
      top + tag("p", escape_html(versions)) + missing +
      tag("p",
          "Every figure was measured on this machine, one program at a time, the programs in turn. "
          "CPU is the time of all threads of the whole process, user and system; where costs are compared it "
          "decides, because a busy machine disturbs it least. The first figure of a row is the one "
          "that decides; in all of them, lower is better. " +
              doubts_in_words()) +
      tag("nav", tag("a", "The claims", "href=\"#claims\"") + links, "aria-label=\"Experiments\"") +
      tag("details", tag("summary", "The articles") + tag("ul", legend)) +
      tag("details",
          tag("summary", "How the programs measure (the C++ kit; the other languages have the same)") +
              scrolling("pre", escape_html(read_file(kit_folder + "/kit.h")), "kit.h"));
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
         "<title>thrum versus</title><style>" +
         std::string(report_style) + "</style></head><body><main>" + tag("section", first) +
         render_scoreboard(rule(all, waiting, {&b}), b) + pool_card(b, pool_folder) + cards +
         "</main></body></html>\n";
}

} // namespace versus
