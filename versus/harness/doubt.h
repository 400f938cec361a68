// doubt: how far another run's figure may be from this one's, however alike the samples of this run are.
//
// A quick run has one to three samples, taken one after the other; what they say the next run does not quite repeat, since the
// machine and its neighbours have moods that last longer than a sample. So a figure is a range: from its lowest to its
// highest sample, and at least the median times or divided by a doubt that depends on what is measured. Verdicts go by these ranges,
// and so does `compare` when it says whether ratios agree.
//
// The doubts, from 1,127 pairs of medians of the other runtimes' programs (a few of which were changed meanwhile)
// in thirteen sessions on a shared virtual machine with two CPUs (2026-11-21 and 22, quick, load 0 to 10). CPU
// and wall times differ by less than 1.25 in half of the pairs, by less than 1.56 in four of five, by 2.22 in one
// of twenty; quotients of two runtimes by a little more, not by less, so the doubt of a comparison is as large as
// that of a bound and the two sides share it. Memory: 1.01, 1.06, 1.22. Seven runs of the 22nd and 23rd, each with each, gave the same
// (1.19, 1.48, 2.12 for CPU times), but for what few of many saw: p99 and longest times, 1.75, 3.34, 16.5 in 570 pairs.
// A share near 0 % or 100 % is sure (a report says it all, or nothing); in the middle it has an eighth of doubt.
#pragma once

#include "harness/experiment.h"
#include "harness/stats.h"

#include <string>

namespace versus {

struct likely {
  double low = 0, high = 0;
};

// `shared`: it is compared with another measured figure, which bears half of the doubt.
likely range_of(const summary& s, const metric& m, bool shared);

// For readers, under the figures: what the doubts are.
std::string doubts_in_words();

} // namespace versus
