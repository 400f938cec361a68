#include "harness/verdict.h"

#include <algorithm>
#include <cmath>

namespace versus {
namespace {

constexpr double doubt_of_times = 1.6, doubt_of_memory = 1.1, doubt_of_others = 1.25, doubt_of_shares = 0.125;

double doubt_of(const metric& m) {
  for (const char* unit : {"ns", "us", "ms", "s"})
    if (m.unit == unit || m.unit.starts_with(std::string(unit) + "/")) return doubt_of_times;
  for (const char* unit : {"B", "KiB", "MiB"})
    if (m.unit == unit || m.unit.starts_with(std::string(unit) + "/")) return doubt_of_memory;
  return doubt_of_others;
}

struct range {
  double low = 0, high = 0;
};

// `shared`: the other side is measured, too, and bears half of the doubt.
range range_of(const summary& s, const metric& m, bool shared) {
  if (m.is_share()) {
    double doubt = doubt_of_shares * std::max(0.0, std::min(s.median, 100 - s.median));
    return {std::min(s.low, s.median - doubt), std::max(s.high, s.median + doubt)};
  }
  double doubt = shared ? std::sqrt(doubt_of(m)) : doubt_of(m);
  return {std::min(s.low, s.median / doubt), std::max(s.high, s.median * doubt)};
}

std::string reason(const column& c, const shown_cell& cell) {
  using kind = shown_cell::kind;
  std::string why = cell.why.substr(0, cell.why.find('\n'));
  switch (cell.state) {
  case kind::not_here: return c.title + (c.here ? " lacks something: " : " is not here: ") + why;
  case kind::absent: return c.title + " has no such thing: " + why;
  case kind::not_now: return c.title + ": " + why;
  case kind::failed: return c.title + " failed: " + why;
  case kind::wrong: return c.title + " " + why;
  default: return c.title + " was not run";
  }
}

} // namespace

std::string judged::text() const {
  return measured() ? figures + ": " + word_of(said) + (said == answer::close ? "" : " here") : "";
}

const char* word_of(judged::answer a) {
  switch (a) {
  case judged::answer::holds: return "holds";
  case judged::answer::fails: return "does not hold";
  case judged::answer::close: return "too close to tell";
  default: return "not measured here";
  }
}

judged judge(const verdict& v, const experiment& e, const board& b) {
  judged out;
  std::string bound;
  const bool shared = !v.left.runtime.empty() && !v.right.runtime.empty();
  auto range_on = [&](const verdict::side& side, range& found) {
    if (side.runtime.empty()) {
      found = {side.number, side.number};
      bound = std::string(" (to be ") + (&side == &v.left ? "above " : "below ") + figure(side.number) + ")";
      return true;
    }
    for (const column& c : b.columns) {
      if (c.id != side.runtime) continue;
      shown_cell cell = b.look(e, *e.find(side.variant), c);
      const summary* s = cell.state == shown_cell::kind::value ? cell.figure_of(side.metric) : nullptr;
      if (s == nullptr) {
        out.why = reason(c, cell);
        return false;
      }
      const metric& m = *e.find_metric(side.metric);
      found = range_of(*s, m, shared);
      out.figures += (out.figures.empty() ? "" : ", ") + c.title + " " + figure(s->median) + " " + m.unit;
      return true;
    }
    out.why = side.runtime + " was left out";
    return false;
  };
  range left, right;
  if (!range_on(v.left, left) || !range_on(v.right, right)) return out;
  out.figures += bound;
  if (left.high < right.low * v.times)
    out.said = judged::answer::holds;
  else if (left.low >= right.high * v.times)
    out.said = judged::answer::fails;
  else
    out.said = judged::answer::close;
  return out;
}

} // namespace versus
