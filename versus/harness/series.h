// series: how late the ticks of one run were, one after the other: what a strip of a chart is drawn from.
//
// A program that ran a plan of ticks reports, beside its figures, when they ran and how late:
//
//   {"exp":"X6","rt":"go","variant":"hogs1@all","n":1000,"metric":"late","unit":"us","series":[[1062,62],[4103,103],...]}
//
// Microseconds, both: since the start of the plan, and behind it. The kits divide the time from the first tick to the
// last into 300 slots and keep the latest tick of each, so the worst of a run is always there, and a runtime that ran
// no tick for a while has no mark in that while: its freeze can be seen as a gap. A series decides nothing. It
// is not compared, and a row without one, as in files of earlier versions, is a row like any other.
#pragma once

#include "harness/json.h"

#include <expected>
#include <string>
#include <vector>

namespace versus {

struct late_tick {
  double at = 0, late = 0; // microseconds
};

using series = std::vector<late_tick>;

// What a line may carry; a program gone wild must not fill the file of results or the page.
inline constexpr std::size_t most_ticks = 400;

// The value of "series". An error says what is wrong with it.
std::expected<series, std::string> parse_series(const json::value& pairs);

std::string to_json(const series& ticks);

double latest(const series& ticks); // 0 when there are none

// Of several runs, the one that is shown: whose latest tick is the median of theirs (of two, the smaller). It has
// seen neither the best luck nor the worst. nullptr when there is none.
const series* typical(const std::vector<series>& runs);

} // namespace versus
