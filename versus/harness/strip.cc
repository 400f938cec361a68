#include "harness/strip.h"

#include "harness/chart.h"
#include "harness/html.h"
#include "harness/table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace versus {
namespace {

constexpr double floor_us = 10;      // what is less late stands as a dot at the bottom
constexpr double visible = 0.01;     // of the width: a gap that the eye can find
constexpr double strip_box = 40;     // height in units of the drawing
constexpr double room_of_label = 24; // of a hundred, from one label of the scale to the next

std::string coordinate(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", v);
  return text;
}

double y_of(double late, double most) { return strip_box * (1 - strip_height(late, most) / 100); }

// Powers of ten in microseconds that a strip has a line for.
std::vector<double> decades(double most) {
  std::vector<double> out;
  for (double mark = floor_us * 10; mark < most; mark *= 10) out.push_back(mark);
  return out;
}

std::string drawing(const series& ticks, double span, double most, const std::string& css) {
  auto x_of = [&](double us) { return us / span * 100; };
  std::string out = "<svg viewBox=\"0 0 100 " + coordinate(strip_box) +
                    "\" preserveAspectRatio=\"none\" aria-hidden=\"true\">";
  for (const late_tick& t : ticks)
    if (t.late >= span * visible)
      out += "<rect class=\"stall\" x=\"" + coordinate(x_of(t.at - t.late)) + "\" y=\"0\" width=\"" +
             coordinate(x_of(t.late)) + "\" height=\"" + coordinate(strip_box) + "\"/>";
  for (double mark : decades(most)) {
    std::string y = coordinate(y_of(mark, most));
    out += "<line class=\"mark\" x1=\"0\" x2=\"100\" y1=\"" + y + "\" y2=\"" + y + "\"/>";
  }
  std::string path;
  for (const late_tick& t : ticks)
    path += "M" + coordinate(x_of(t.at)) + " " + coordinate(strip_box) + "V" +
            coordinate(std::min(strip_box - 1.2, y_of(t.late, most)));
  out += "<path class=\"" + css + "\" d=\"" + path + "\"/>";
  out += "<line class=\"base\" x1=\"0\" x2=\"" + coordinate(x_of(ticks.back().at)) + "\" y1=\"" +
         coordinate(strip_box) + "\" y2=\"" + coordinate(strip_box) + "\"/>";
  return out + "</svg>";
}

// What the lines of a strip stand for, beside them.
std::string height_labels(double most) {
  std::string out;
  double last = -100;
  for (double mark : decades(most)) {
    double at = strip_height(mark, most);
    if (at - last < room_of_label || at > 92) continue;
    last = at;
    out += tag("span", escape_html(short_time(mark)), "style=\"bottom:" + coordinate(at) + "%\"");
  }
  return tag("div", out, "class=\"heights\" aria-hidden=\"true\"");
}

std::string time_labels(double span) {
  // Two to five labels, at round times, which a narrow strip has room for.
  double step = std::pow(10, std::floor(std::log10(span / 2.2)));
  for (double larger : {5.0, 2.0})
    if (step * larger <= span / 2.2) {
      step *= larger;
      break;
    }
  std::string out = tag("span", "0", "style=\"left:0\"");
  for (double mark = step; mark < span * 0.92; mark += step)
    out +=
        tag("span", escape_html(short_time(mark)), "style=\"left:" + coordinate(mark / span * 100) + "%\"");
  return tag("div", tag("span", "") + tag("div", out, "class=\"scale\""),
             "class=\"strip\" aria-hidden=\"true\"");
}

struct shown_series {
  const column* who;
  const series* ticks;
};

std::vector<shown_series> series_of_row(const experiment& e, const variant& v, const board& b) {
  std::vector<shown_series> out;
  for (const column* c : visible_columns(e, b))
    if (const series* ticks = b.look_at_series(e, v, *c)) out.push_back({c, ticks});
  return out;
}

} // namespace

std::string short_time(double us) {
  char text[32];
  double v = us >= 999'500 ? us / 1e6 : us >= 999.5 ? us / 1e3 : us;
  const char* unit = us >= 999'500 ? "s" : us >= 999.5 ? "ms" : "us";
  std::snprintf(text, sizeof text, v < 9.95 ? "%.2g %s" : "%.0f %s", v, unit);
  return text;
}

double strip_height(double late_us, double most_us) {
  double top = std::max(most_us, floor_us * 10);
  if (late_us <= floor_us) return 0;
  return std::min(100.0, std::log10(late_us / floor_us) / std::log10(top / floor_us) * 100);
}

std::string strips(const experiment& e, const board& b) {
  double most = 0;
  for (const variant& v : e.variants)
    if (row_is_shown(b, v))
      for (const shown_series& s : series_of_row(e, v, b)) most = std::max(most, latest(*s.ticks));
  std::string rows;
  for (const variant& v : e.variants) {
    if (!row_is_shown(b, v)) continue;
    std::vector<shown_series> all = series_of_row(e, v, b);
    if (all.empty()) continue;
    double span = 1;
    for (const shown_series& s : all) span = std::max(span, s.ticks->back().at);
    std::string row = tag("h3", escape_html(v.title));
    for (const shown_series& s : all) {
      bool wrong = b.look(e, v, *s.who).state == shown_cell::kind::wrong;
      row += tag("div",
                 tag("span", escape_html(s.who->title)) + drawing(*s.ticks, span, most, s.who->id) +
                     height_labels(most) +
                     tag("span", escape_html(short_time(latest(*s.ticks))) + (wrong ? "!" : ""),
                         wrong ? "class=\"v bad\"" : "class=\"v\""),
                 "class=\"strip\"");
    }
    rows += tag("div", row + time_labels(span));
  }
  if (rows.empty()) return "";
  return tag(
      "figure",
      tag("figcaption",
          "Lateness over time. A tick is a line where it ran, as high as it was late (logarithmic, from 10 "
          "us; "
          "the figure is the latest of all). Grey is a time in which a tick was due and did not run, if it "
          "is "
          "longer than a hundredth of the strip. The line at the bottom ends with the last tick. Of each "
          "300th of a run the latest tick is kept; of several runs, this is the one whose latest tick is the "
          "median.",
          "class=\"soft\"") +
          tag("div", rows, "class=\"rows\""),
      "role=\"group\" aria-label=\"" + escape_html("Chart: " + e.title + ", lateness over time") + "\"");
}

} // namespace versus
