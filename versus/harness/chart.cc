#include "harness/chart.h"

#include "harness/html.h"
#include "harness/table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace versus {

axis::axis(double smallest, double largest) {
  if (!(largest > 0)) return;
  nothing_ = false;
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
  if (nothing_) return out;
  if (logarithmic_) {
    for (double power = low_ + 1; power < high_; ++power) out.push_back(std::pow(10, power));
    return out;
  }
  double step = std::pow(10, std::floor(std::log10(high_ / 2)));
  if (high_ / step > 10) step *= 5;
  if (high_ / step > 5) step *= 2;
  for (double mark = step; mark < high_; mark += step) out.push_back(mark);
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

bool row_is_shown(const board& b, const variant& v) { return !(b.quick() && v.full_only); }

namespace {

// The scale of all rows that are decided by one metric.
axis axis_of(const metric& m, const experiment& e, const board& b) {
  double smallest = 0, largest = 0;
  for (const variant& v : e.variants) {
    if (&e.deciding(v) != &m || !row_is_shown(b, v)) continue;
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

// "1", "50", "10k", "1M": for round figures.
std::string short_figure(double v) {
  char text[32];
  const char* unit = v >= 999'999.5 ? "M" : v >= 999.5 ? "k" : "";
  std::snprintf(text, sizeof text, "%.3g%s", v / (*unit == 'M' ? 1e6 : *unit == 'k' ? 1e3 : 1), unit);
  return text;
}

std::string place(double at) {
  char text[32];
  std::snprintf(text, sizeof text, "left:%.2f%%", at);
  return text;
}

// The figures under the lines of a chart. Those too near to the last one, or to the edge, are left out.
std::string scale_line(const axis& scale) {
  std::string out;
  double last = scale.logarithmic() ? -20 : 0;
  if (!scale.logarithmic()) out += tag("span", "0", "style=\"left:0\"");
  for (double mark : scale.marks()) {
    double at = scale.at(mark);
    if (at - last < 18 || at > 94) continue;
    last = at;
    out += tag("span", escape_html(short_figure(mark)), "style=\"" + place(at) + "\"");
  }
  return tag("div", tag("span", "") + tag("div", out, "class=\"scale\""),
             "class=\"bar\" aria-hidden=\"true\"");
}

std::string bar_line(const shown_cell& cell, const column& c, const metric& m, const axis& scale,
                     const std::vector<double>& marks, double best, const summary* base) {
  std::string name = tag("span", escape_html(c.title));
  const summary* s = cell.figure_of(m.id);
  if (s == nullptr) {
    std::string why = word_for(cell);
    if (!cell.why.empty()) why += why.empty() ? cell.why : ": " + cell.why;
    return tag("div",
               name + tag("span", escape_html(why.substr(0, why.find('\n'))),
                          cell.state == shown_cell::kind::failed ? "class=\"why bad\"" : "class=\"why\""),
               "class=\"bar\"");
  }
  std::string value = figure(s->median);
  std::string how = cell.state == shown_cell::kind::wrong ? "v bad" : s->median == best ? "v best" : "v";
  if (cell.state == shown_cell::kind::wrong) value += "!";
  std::string times =
      base != nullptr && c.id != "thrum" && !m.is_share() ? ratio(s->median, base->median) : "";
  return tag("div",
             name + bar_svg(scale.at(s->median), scale.at(s->low), scale.at(s->high), marks, c.id) +
                 tag("span", escape_html(value), "class=\"" + how + "\"") +
                 tag("span", escape_html(times), "class=\"r\""),
             "class=\"bar\"");
}

} // namespace

std::string chart(const experiment& e, const board& b) {
  std::string out, group;
  const metric* before = nullptr;
  axis scale(0, 0);
  std::vector<double> marks;
  auto close_group = [&] {
    if (before == nullptr) return;
    out += tag(
        "figure",
        tag("figcaption",
            escape_html(before->title + ", " + before->unit +
                        (scale.logarithmic() ? ", logarithmic: every line is ten times the one before" : "") +
                        ". Bars are medians, whiskers the lowest and highest sample" +
                        (before->is_share() ? "." : "; x is times thrum.")),
            "class=\"soft\"") +
            tag("div", group, "class=\"rows\""),
        "role=\"group\" aria-label=\"" + escape_html("Chart: " + e.title + ", " + before->title) + "\"");
    group.clear();
  };
  for (const variant& v : e.variants) {
    if (!row_is_shown(b, v)) continue;
    const metric& m = e.deciding(v);
    if (&m != before) {
      close_group();
      before = &m;
      scale = axis_of(m, e, b);
      marks.clear();
      for (double mark : scale.marks()) marks.push_back(scale.at(mark));
    }
    std::string row = tag("h3", escape_html(v.title));
    double best = best_of(e, v, b, m.id);
    const summary* base = nullptr;
    shown_cell thrum;
    for (const column* c : visible_columns(e, b))
      if (c->id == "thrum") thrum = b.look(e, v, *c), base = thrum.figure_of(m.id);
    for (const column* c : visible_columns(e, b))
      row += bar_line(b.look(e, v, *c), *c, m, scale, marks, best, base);
    group += tag("div", row + scale_line(scale));
  }
  close_group();
  return out;
}

} // namespace versus
