// table: one experiment as text, for a terminal of any width.
//
// Wide enough: a matrix, one row a variant and one column a runtime. Else a list, one line a runtime.
// The figure that decides comes first in every row; the lowest of each line is bold.
#pragma once

#include "harness/board.h"
#include "harness/text.h"

#include <string>
#include <vector>

namespace versus {

// The columns to show: all but the optional runtimes that are not here, a ceiling or an optional runtime that this
// experiment has not, and a guest for which there was no time.
std::vector<const column*> visible_columns(const experiment& e, const board& b);

// Title, the articles' sentences, rows, notes, who is ahead, what the claims come to, noise.
std::string render_table(const experiment& e, const board& b, const view& v);

// Whether anybody else has what this row measures: else there is nothing to be lower than, and it does not count for thrum.
bool has_rivals(const experiment& e, const variant& v, const board& b);

// "thrum is lowest in 3 of 4 rows. Lower than thrum: ..." Empty while thrum has no figure.
std::string standing(const experiment& e, const board& b);

// "load 0.4 -> 1.2 on 2 CPUs, other processes used 3% of the machine"; busy: it should be doubted.
struct noise {
  std::string text;
  bool busy = false;
};
noise noise_of(const experiment& e, const board& b);

// What stands in a cell that has no figure: "n/a", "not here", "failed", ...
std::string word_for(const shown_cell& cell);

// The lowest median of the row; negative when no cell counts.
double best_of(const experiment& e, const variant& v, const board& b, const std::string& metric_id);

// One line a runtime: which idiom it uses where, what it does not have, what went wrong.
struct footnote {
  std::string runtime, text;
  bool bad = false;
};
std::vector<footnote> footnotes(const experiment& e, const board& b);

} // namespace versus
