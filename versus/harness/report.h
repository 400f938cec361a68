// report: everything of a run as one HTML file that needs nothing else: no network, no script.
#pragma once

#include "harness/board.h"
#include "harness/experiment.h"
#include "harness/not_yet.h"

#include <string>
#include <vector>

namespace versus {

// Experiments that this run left out, and those of `waiting`, stand on the scoreboard only. `pool_folder` has the
// worker pool.
std::string render_report(const board& b, const std::vector<experiment>& all,
                          const std::vector<planned>& waiting, const std::string& pool_folder,
                          const std::string& kit_folder);

} // namespace versus
