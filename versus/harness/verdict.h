// verdict: whether a claim holds on this machine, said so that two runs an hour apart say the same.
//
// A verdict compares two figures, or one with a bound. Medians alone would flip, so each figure is a range (doubt.h). If the ranges
// do not meet, the claim holds or it does not; if they do, it is too close to tell. A verdict flips only if a figure crosses
// the square of its doubt around the bound: 2.56 for times, 1.21 for memory.
#pragma once

#include "harness/board.h"

#include <string>

namespace versus {

struct judged {
  enum class answer { unmeasured, holds, fails, close };
  answer said = answer::unmeasured;
  std::string figures; // "Go 134 ns/op, Node 60.0 ns/op"
  std::string why;     // it is not measured

  bool measured() const { return said != answer::unmeasured; }
  std::string text() const; // the figures with what they come to; empty when not measured
};

// "holds", "does not hold", "too close to tell", "not measured here"
const char* word_of(judged::answer a);

judged judge(const verdict& v, const experiment& e, const board& b);

} // namespace versus
