// stats: what is said about a handful of samples, and how figures are written for people.
#pragma once

#include <string>
#include <vector>

namespace versus {

// A median with the extremes around it. Few samples on a busy machine allow no more than that: no mean,
// which one bad sample moves, and no confidence interval, which would claim a distribution.
struct summary {
  int count = 0;
  double median = 0, low = 0, high = 0;

  // Half of the range as a part of the median: the number in "±4%".
  double spread() const;
};

summary summarize(std::vector<double> samples);

// Three significant digits or whole numbers: "5.43", "56.2", "1,789", "1.05M".
std::string figure(double v);

// How many times `v` is of `base`: "3.7x", "0.83x", "150x".
std::string ratio(double v, double base);

// "±4%" (or "+-4%").
std::string percent(double part, bool unicode);

// "4.2 s", "1:35".
std::string duration(double seconds);

} // namespace versus
