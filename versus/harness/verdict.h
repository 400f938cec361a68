// verdict: whether a claim holds on this machine, said so that two runs an hour apart say the same.
//
// A verdict compares two figures, or one with a bound. Medians alone would flip: a quick run has one to three
// samples, and what one run says the next one does not quite repeat. So each figure is a range: from its lowest
// to its highest sample, and at least the median times or divided by a doubt that depends on what is measured.
// If the ranges do not meet, the claim holds or it does not; if they do, it is too close to tell.
//
// The doubts, from 1,127 pairs of medians of the other runtimes' programs (a few of which were changed meanwhile)
// in thirteen sessions on a shared virtual machine with two CPUs (2026-11-21 and 22, quick, load 0 to 10). CPU
// and wall times differ by less than 1.25 in half of the pairs, by less than 1.56 in four of five, by 2.22 in one
// of twenty; quotients of two runtimes by a little more, not by less, so the doubt of a comparison is as large as
// that of a bound and the two sides share it. Memory: 1.01, 1.06, 1.22. A verdict flips only if a figure crosses
// the square of its doubt around the bound, 2.56 or 1.21.
// A share near 0 % or 100 % is sure (a report says it all, or nothing); in the middle it has an eighth of doubt.
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
