// report: everything of a run as one HTML file that needs nothing else: no network, no script.
#pragma once

#include "harness/board.h"
#include "harness/experiment.h"

#include <string>
#include <string_view>
#include <vector>

namespace versus {

// For text and for attributes in double or single quotes.
std::string escape_html(std::string_view text);

// Where figures fall between the left and the right end of a chart, 0..100. When the largest is more
// than 20 times the smallest the axis is logarithmic; otherwise it starts at zero.
class axis {
public:
  axis(double smallest, double largest);
  double at(double v) const;
  bool logarithmic() const { return logarithmic_; }
  std::vector<double> marks() const; // powers of ten, of a logarithmic axis

private:
  bool logarithmic_ = false;
  double low_ = 0, high_ = 1;
};

// A bar from 0 to `at` with a whisker from `low` to `high`, all in 0..100.
std::string bar_svg(double at, double low, double high, const std::vector<double>& marks,
                    std::string_view css_class);

// `pool_source` is the folder of the worker pool.
std::string render_report(const board& b, const std::vector<experiment>& all, const std::string& pool_folder,
                          const std::string& kit_folder);

} // namespace versus
