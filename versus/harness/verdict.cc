#include "harness/verdict.h"

#include "harness/doubt.h"

namespace versus {
namespace {

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
  auto range_on = [&](const verdict::side& side, likely& found) {
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
  likely left, right;
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
