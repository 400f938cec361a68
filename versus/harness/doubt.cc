#include "harness/doubt.h"

#include <algorithm>
#include <cmath>

namespace versus {
namespace {

constexpr double doubt_of_times = 1.6, doubt_of_tails = 3.4, doubt_of_memory = 1.1, doubt_of_others = 1.25,
                 doubt_of_shares = 0.125;

// What few of many saw.
bool is_tail(const metric& m) { return m.id == "p99" || m.id == "max" || m.id == "longest"; }

double doubt_of(const metric& m) {
  if (is_tail(m)) return doubt_of_tails;
  for (const char* unit : {"ns", "us", "ms", "s"})
    if (m.unit == unit || m.unit.starts_with(std::string(unit) + "/")) return doubt_of_times;
  for (const char* unit : {"B", "KiB", "MiB"})
    if (m.unit == unit || m.unit.starts_with(std::string(unit) + "/")) return doubt_of_memory;
  return doubt_of_others;
}

} // namespace

likely range_of(const summary& s, const metric& m, bool shared) {
  if (m.is_share()) {
    double doubt = doubt_of_shares * std::max(0.0, std::min(s.median, 100 - s.median));
    return {std::min(s.low, s.median - doubt), std::max(s.high, s.median + doubt)};
  }
  double doubt = shared ? std::sqrt(doubt_of(m)) : doubt_of(m);
  return {std::min(s.low, s.median / doubt), std::max(s.high, s.median * doubt)};
}

std::string doubts_in_words() {
  return "Another run finds ratios of times up to " + ratio(doubt_of_times, 1) +
         " higher or lower in four of five rows, of p99 and longest times " + ratio(doubt_of_tails, 1) +
         ", of memory " + ratio(doubt_of_memory, 1) + "; more where this run's own samples spread more.";
}

} // namespace versus
