#include "harness/stack_chart.h"

#include "harness/chart.h"
#include "harness/html.h"
#include "harness/table.h"

#include <algorithm>
#include <cstdio>

namespace versus {
namespace {

std::string colour(std::size_t part) { return "part" + std::to_string(part); }

std::string number(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", v);
  return text;
}

// What is negative has no length. A bar that is longer than the scale has a gap near its end.
std::string bar(const part_list& of, double most, bool cut) {
  std::string out = "<svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">";
  double from = 0;
  for (std::size_t i = 0; i < of.size(); ++i) {
    double width = std::min(std::max(0.0, of[i].second) / most * 100, 100 - from);
    if (width > 0)
      out += "<rect class=\"" + colour(i) + "\" x=\"" + number(from) + "\" y=\"1\" width=\"" + number(width) +
             "\" height=\"8\"/>";
    from += width;
  }
  if (cut) out += "<polygon class=\"cut\" points=\"91,10 93,0 95,0 93,10\"/>";
  return out + "</svg>";
}

std::string in_words(const part_list& of) {
  std::string out;
  for (const auto& [name, amount] : of) out += (out.empty() ? "" : ", ") + name + " " + figure(amount);
  return out;
}

double length(const part_list& of) {
  double sum = 0;
  for (const auto& [name, amount] : of) sum += std::max(0.0, amount);
  return sum;
}

} // namespace

double stack_scale(std::vector<double> lengths) {
  std::sort(lengths.rbegin(), lengths.rend());
  if (lengths.empty()) return 0;
  return lengths.size() > 1 && lengths[1] > 0 && lengths[0] > 8 * lengths[1] ? 2 * lengths[1] : lengths[0];
}

std::string stack_chart(const experiment& e, const board& b) {
  std::string rows, legend;
  const metric* shown = nullptr;
  for (const variant& v : e.variants) {
    if (!row_is_shown(b, v)) continue;
    std::string row;
    std::vector<double> lengths;
    for (const column* c : visible_columns(e, b))
      if (const part_list* of = b.look_at_parts(e, v, *c)) lengths.push_back(length(*of));
    const double most = stack_scale(lengths);
    if (most <= 0) continue;
    for (const column* c : visible_columns(e, b)) {
      const part_list* of = b.look_at_parts(e, v, *c);
      if (of == nullptr) continue;
      const bool cut = length(*of) > most;
      bool wrong = b.look(e, v, *c).state == shown_cell::kind::wrong;
      row += tag("div",
                 tag("span", escape_html(c->title)) + bar(*of, most, cut) +
                     tag("span", escape_html(figure(total(*of))) + (wrong ? "!" : ""),
                         wrong ? "class=\"v bad\"" : "class=\"v\"") +
                     tag("small", escape_html(in_words(*of) + (cut ? "; cut off" : "")), "class=\"parts\""),
                 "class=\"bar\"");
      if (legend.empty())
        for (std::size_t i = 0; i < of->size(); ++i)
          legend += tag("li", "<svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"" + colour(i) +
                                  "\" width=\"10\" height=\"10\"/></svg>" + escape_html((*of)[i].first));
    }
    shown = &e.deciding(v);
    rows += tag("div", tag("h3", escape_html(v.title)) + row);
  }
  if (shown == nullptr) return "";
  return tag("figure",
             tag("figcaption",
                 escape_html(shown->title + " by kind, " + shown->unit +
                             ". Each row has a scale of its own, from zero; a bar that would dwarf the "
                             "others is cut off. Of several runs, this is the one "
                             "whose total is the median."),
                 "class=\"soft\"") +
                 tag("ul", legend, "class=\"legend\"") + tag("div", rows, "class=\"rows\""),
             "role=\"group\" aria-label=\"" +
                 escape_html("Chart: " + e.title + ", " + shown->title + " by kind") + "\"");
}

} // namespace versus
