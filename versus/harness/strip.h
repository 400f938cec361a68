// strip: lateness over time, in HTML: a strip for each runtime, one above the other, with the same time under all.
//
// Time runs to the right. A tick is a line where it ran, as high as it was late. A freeze is what a percentile hides,
// because nothing ticks meanwhile: here it is a gap, with one high line at its end.
#pragma once

#include "harness/board.h"

#include <string>

namespace versus {

// "62 us", "4.1 ms", "1.2 s".
std::string short_time(double us);

// How high a line stands that is so late, where `most` is the latest of all: 0..100, logarithmic from 10 us.
double strip_height(double late_us, double most_us);

// A group of strips for each row that has them; empty when none has.
std::string strips(const experiment& e, const board& b);

} // namespace versus
