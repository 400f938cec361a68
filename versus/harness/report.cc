#include "harness/report.h"

#include "harness/claims.h"
#include "harness/files.h"
#include "harness/report_style.h"
#include "harness/table.h"
#include "harness/verdict.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace versus {

std::string escape_html(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
    case '&': out += "&amp;"; break;
    case '<': out += "&lt;"; break;
    case '>': out += "&gt;"; break;
    case '"': out += "&quot;"; break;
    case '\'': out += "&#39;"; break;
    default: out.push_back(c);
    }
  }
  return out;
}

axis::axis(double smallest, double largest) {
  if (!(largest > 0)) return;
  high_ = largest;
  if (smallest <= 0 || largest / smallest <= 20) return;
  logarithmic_ = true;
  low_ = std::floor(std::log10(smallest * 0.8));
  high_ = std::log10(largest * 1.05);
}

double axis::at(double v) const {
  if (logarithmic_) v = v > 0 ? std::log10(v) : low_;
  return std::clamp((v - low_) / (high_ - low_) * 100, 0.0, 100.0);
}

std::vector<double> axis::marks() const {
  std::vector<double> out;
  if (logarithmic_)
    for (double power = low_ + 1; power < high_; ++power) out.push_back(std::pow(10, power));
  return out;
}

std::string bar_svg(double at, double low, double high, const std::vector<double>& marks,
                    std::string_view css_class) {
  char text[256];
  std::string out = "<svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">";
  for (double m : marks) {
    std::snprintf(text, sizeof text, "<line class=\"mark\" x1=\"%.2f\" x2=\"%.2f\" y1=\"0\" y2=\"10\"/>", m,
                  m);
    out += text;
  }
  std::snprintf(text, sizeof text, "<rect class=\"%.*s\" x=\"0\" y=\"1.5\" width=\"%.2f\" height=\"7\"/>",
                static_cast<int>(css_class.size()), css_class.data(), std::max(at, 0.4));
  out += text;
  if (high > low) {
    std::snprintf(text, sizeof text,
                  "<line class=\"whisker\" x1=\"%.2f\" x2=\"%.2f\" y1=\"5\" y2=\"5\"/>"
                  "<line class=\"whisker\" x1=\"%.2f\" x2=\"%.2f\" y1=\"3\" y2=\"7\"/>"
                  "<line class=\"whisker\" x1=\"%.2f\" x2=\"%.2f\" y1=\"3\" y2=\"7\"/>",
                  low, high, low, low, high, high);
    out += text;
  }
  return out + "</svg>";
}

namespace {

std::string tag(const std::string& name, const std::string& body, const std::string& attributes = "") {
  return "<" + name + (attributes.empty() ? "" : " " + attributes) + ">" + body + "</" + name + ">";
}

std::string program_details(const std::string& title, const std::string& file) {
  std::string text = read_file(file);
  if (text.empty()) return "";
  return tag("details", tag("summary", escape_html(title)) + tag("pre", escape_html(text)));
}

std::string file_name_of(const std::string& runtime) {
  if (runtime == "go") return "main.go";
  if (runtime == "node") return "main.mjs";
  if (runtime == "python") return "main.py";
  if (runtime == "java") return "Main.java";
  return runtime + ".cc";
}

bool row_is_shown(const board& b, const variant& v) { return !(b.quick() && v.full_only); }

// The scale of all rows that are decided by one metric.
axis axis_of(const metric& m, const experiment& e, const board& b) {
  double smallest = 0, largest = 0;
  for (const variant& v : e.variants) {
    if (&e.deciding(v) != &m) continue;
    for (const column* c : visible_columns(e, b)) {
      shown_cell cell = b.look(e, v, *c);
      if (const summary* s = cell.figure_of(m.id)) {
        largest = std::max(largest, s->high);
        if (s->low > 0) smallest = smallest == 0 ? s->low : std::min(smallest, s->low);
      }
    }
  }
  return axis(smallest, largest);
}

std::string chart(const experiment& e, const board& b) {
  std::string out;
  const metric* before = nullptr;
  axis scale(0, 0);
  std::vector<double> marks;
  for (const variant& v : e.variants) {
    if (!row_is_shown(b, v)) continue;
    const metric& m = e.deciding(v);
    if (&m != before) {
      before = &m;
      scale = axis_of(m, e, b);
      marks.clear();
      for (double mark : scale.marks()) marks.push_back(scale.at(mark));
      out += tag(
          "p",
          escape_html(m.title + ", " + m.unit +
                      (scale.logarithmic() ? ", logarithmic: every line is ten times the one before" : "") +
                      ". Bars are medians, whiskers the lowest and highest sample" +
                      (m.is_share() ? "." : "; x is times thrum.")),
          "class=\"soft\"");
    }
    out += tag("h3", escape_html(v.title));
    double best = best_of(e, v, b, m.id);
    const summary* base = nullptr;
    shown_cell thrum;
    for (const column* c : visible_columns(e, b))
      if (c->id == "thrum") thrum = b.look(e, v, *c), base = thrum.figure_of(m.id);
    for (const column* c : visible_columns(e, b)) {
      shown_cell cell = b.look(e, v, *c);
      std::string name = tag("span", escape_html(c->title));
      const summary* s = cell.figure_of(m.id);
      if (s == nullptr) {
        std::string why = cell.why.substr(0, cell.why.find('\n'));
        std::string text = word_for(cell) + (why.empty() ? "" : ": " + why);
        out += tag("div",
                   name + tag("span", escape_html(text),
                              cell.state == shown_cell::kind::failed ? "class=\"why bad\"" : "class=\"why\""),
                   "class=\"bar\"");
        continue;
      }
      std::string value = figure(s->median);
      std::string how = cell.state == shown_cell::kind::wrong ? "v bad" : s->median == best ? "v best" : "v";
      if (cell.state == shown_cell::kind::wrong) value += "!";
      std::string times =
          base != nullptr && c->id != "thrum" && !m.is_share() ? ratio(s->median, base->median) : "";
      out += tag("div",
                 name + bar_svg(scale.at(s->median), scale.at(s->low), scale.at(s->high), marks, c->id) +
                     tag("span", escape_html(value), "class=\"" + how + "\"") +
                     tag("span", escape_html(times), "class=\"r\""),
                 "class=\"bar\"");
    }
  }
  return out;
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
  return tag("div", tag("table", out), "class=\"scroll\"");
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
  out += tag("details",
             tag("summary", "All figures: medians, lowest and highest samples") + figures_table(e, b));
  std::string notes;
  for (const footnote& f : footnotes(e, b))
    notes += tag("li", escape_html(f.runtime + ": " + f.text), f.bad ? "class=\"bad\"" : "");
  out += tag("ul", notes, "class=\"soft\"");
  std::string programs;
  for (const column& c : b.columns) {
    std::string name = file_name_of(c.id);
    programs += program_details(c.title + " (" + name + ")", e.path + "/" + name);
  }
  out += tag("div", programs, "class=\"programs\"");
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
  std::string left = tag("pre", escape_html(read_file(folder + "/thrum.cc")));
  std::string right = tag("pre", escape_html(printed));
  return tag("section", tag("h2", "The article's worker pool " + tag("small", "S1:22")) +
                            tag("p",
                                "Three workers, five jobs of 100 ms: two rounds, so 200 ms. The program in "
                                "thrum, and what it printed on this machine.",
                                "class=\"soft\"") +
                            tag("div", tag("div", left) + tag("div", right), "class=\"pair\"") +
                            program_details("The article's own program in Go", folder + "/main.go"));
}

} // namespace

std::string render_report(const board& b, const std::vector<experiment>& all, const std::string& pool_folder,
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
  std::string links, cards, claims;
  for (const experiment& e : all) {
    if (!b.measured(e.id)) continue;
    links += tag("a", escape_html(e.id + " " + e.title), "href=\"#" + escape_html(e.id) + "\"");
    cards += card(e, b);
    claims += verdicts(e, b);
  }
  std::string legend;
  for (const article& a : articles) legend += tag("li", escape_html(std::string(a.id) + ": " + a.title));
  std::string first =
      top + tag("p", escape_html(versions)) + missing +
      tag("p",
          "Every figure was measured on this machine, one program at a time, the programs in turn. "
          "CPU is the time of all threads of the whole process, user and system; where costs are compared it "
          "decides, because a busy machine disturbs it least. The first figure of a row is the one "
          "that decides; in all of them, lower is better.") +
      (claims.empty() ? "" : tag("h3", "What the articles' claims come to here") + tag("ul", claims)) +
      tag("nav", links) + tag("details", tag("summary", "The articles") + tag("ul", legend)) +
      tag("details",
          tag("summary", "How the programs measure (the C++ kit; the other languages have the same)") +
              tag("pre", escape_html(read_file(kit_folder + "/kit.h"))));
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
         "<title>thrum versus</title><style>" +
         std::string(report_style) + "</style></head><body><main>" + tag("section", first) +
         pool_card(b, pool_folder) + cards + "</main></body></html>\n";
}

} // namespace versus
