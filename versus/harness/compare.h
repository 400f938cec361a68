// compare: is NEW slower than OLD? Two runs of the same experiments, row by row, with the noise taken seriously.
//
// A row is slower when three things are true. Its median is larger by a tenth or more (of a share: by two
// points): less is not worth an alarm. Its samples are larger than the old ones so clearly that chance would do it at
// most once in twenty times: the exact rank test of Mann and Whitney, one-sided, which asks nothing of the
// distribution and to which one wild sample is one rank. Three samples against three have to lie apart entirely
// for that; one or two can never say it, so more runs are needed (`versus run --runs 5`). And both are still true
// when the samples are divided by what happened to the other runtimes, whose programs did not change: their
// median change in time is the machine's. That machine's part is only ever used to acquit, since a busy machine
// does not slow all runtimes by the same amount. Faster is the same the other way round.
//
// Larger by a tenth without the certainty is "unclear", which fails nothing: an alarm that cries at noise is
// turned off after a week.
#pragma once

#include "harness/board.h"
#include "harness/text.h"

#include <string>
#include <vector>

namespace versus {

struct change {
  enum class answer { same, faster, slower, unclear, broken };

  std::string exp, variant, title, runtime, metric, label;
  bool deciding = false;
  summary before, after;
  answer said = answer::same;
  std::string why; // it is broken
};

// A claim of which the two runs say different things; so do two runs on one machine, if the noise was larger than expected.
struct changed_verdict {
  std::string exp, claim, before, after; // what is said, with the figures
};

// What the others took by what thrum took, deciding figures only; shares are not divided. Two runs agree on a ratio if its ranges
// (doubt.h) meet.
struct ratio_check {
  int agree = 0, differ = 0;
  std::vector<double>
      moved; // by how many times the medians' ratios differ, 1 and more; of all, the least first
};

struct comparison {
  std::vector<std::string> differences; // of machine, version, load: they come first
  double machine = 1;                   // how many times as long the others' programs took
  int machine_rows = 0;                 // from so many rows; 0: not known
  std::vector<change> rows;
  int missing = 0; // rows that only one of the two has
  std::vector<changed_verdict> verdicts;
  int same_verdicts = 0; // of the claims that both have judged
  int reversed_verdicts =
      0; // from "holds" to "does not hold", or back; the others were or have become too close to tell
  ratio_check ratios;

  // A deciding row of thrum is slower, or has no figure any more.
  bool worse() const;
};

const char* word_of(change::answer a);

// The chance that samples of the same kind are as much larger as `high` is than `low`, or more: 0..1.
double rank_test(const std::vector<double>& low, const std::vector<double>& high);

comparison compare(const std::vector<experiment>& all, const board& before, const board& after,
                   const std::vector<std::string>& runtimes);

std::string render_comparison(const comparison& c, const view& v);
std::string comparison_json(const comparison& c); // a line for each row

} // namespace versus
