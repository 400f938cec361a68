// parts: what a figure consists of, such as memory by kind: what a stacked bar is drawn from.
//
// A program that knows the parts of a figure reports them after it; they add up to it:
//
//   {"exp":"X2","rt":"go","variant":"depth0@all","n":20000,"metric":"memory","unit":"B/task",
//    "parts":{"pages":2650.1,"page tables":6.1,"kernel stacks":0}}
//
// Like a series they decide nothing, are not compared, and may be missing. A part may be negative: what a process gave
// back meanwhile.
#pragma once

#include "harness/json.h"

#include <expected>
#include <string>
#include <utility>
#include <vector>

namespace versus {

using part_list = std::vector<std::pair<std::string, double>>; // name and amount, in the program's order

inline constexpr std::size_t most_parts = 5; // the style has as many colours

// The value of "parts". An error says what is wrong with it.
std::expected<part_list, std::string> parse_parts(const json::value& members);

std::string to_json(const part_list& of);

double total(const part_list& of);

// Of several runs, the one that is shown: whose total is the median of theirs (of two, the smaller). nullptr: none.
const part_list* typical(const std::vector<part_list>& runs);

} // namespace versus
