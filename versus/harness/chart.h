// chart: the deciding figures of an experiment as bars, in HTML with a little SVG.
//
// Names and figures are text, so that they can be read aloud, found and copied; only the bars are drawings, and
// those say nothing that does not stand beside them.
#pragma once

#include "harness/board.h"

#include <string>
#include <string_view>
#include <vector>

namespace versus {

// Where figures fall between the left and the right end of a chart, 0..100. When the largest is more
// than 20 times the smallest the axis is logarithmic; otherwise it starts at zero.
class axis {
public:
  axis(double smallest, double largest);
  double at(double v) const;
  bool logarithmic() const { return logarithmic_; }
  std::vector<double> marks() const; // powers of ten; of a linear axis, a few round figures

private:
  bool nothing_ = true, logarithmic_ = false;
  double low_ = 0, high_ = 1;
};

// A bar from 0 to `at` with a whisker from `low` to `high`, all in 0..100.
std::string bar_svg(double at, double low, double high, const std::vector<double>& marks,
                    std::string_view css_class);

// A group of bars for every row that this run shows, with a scale of its own for each kind of figure.
std::string chart(const experiment& e, const board& b);

// A row that a quick run leaves out everywhere only takes room.
bool row_is_shown(const board& b, const variant& v);

} // namespace versus
