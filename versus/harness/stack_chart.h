// stack_chart: the deciding figure of a row as bars of stacked parts, in HTML: memory by kind.
//
// The scale starts at zero and is the row's own: parts can be compared by length only on a linear axis, and rows differ by
// more than such an axis can show. Where one bar would be so long that the others could not be seen (Node's workers among
// threads), it is cut off, and says so. Every part stands beside its bar as text, too.
#pragma once

#include "harness/board.h"

#include <string>
#include <vector>

namespace versus {

// How long the longest bar is that is shown whole: the longest of all, unless it is more than eight times the next.
double stack_scale(std::vector<double> lengths);

// A group of bars for each row whose programs told the parts of their figures; empty when none did.
std::string stack_chart(const experiment& e, const board& b);

} // namespace versus
