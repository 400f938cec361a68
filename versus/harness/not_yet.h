// not_yet: experiments that were planned and do not exist, so that a gap says its name and what it waits for.
//
// versus/experiments/not_yet.json is data. An experiment leaves it when its folder comes; a test compares the two.
#pragma once

#include "harness/experiment.h"

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace versus {

struct planned {
  std::string id, title, question, waits_for;
  std::vector<claim> claims;
};

// The error names the entry and the field.
std::expected<std::vector<planned>, std::string> parse_not_yet(std::string_view text);

// That of a directory of experiments, in the order of the file.
std::expected<std::vector<planned>, std::string> load_not_yet(const std::string& directory);

// What is wrong with the two lists, one sentence each: an experiment that stands in both, or in neither of X1 to X30.
std::vector<std::string> plan_mistakes(const std::vector<experiment>& built,
                                       const std::vector<planned>& waiting);

} // namespace versus
