// markdown: the figures of a run as tables for a README: one an experiment, a row a variant, a column a runtime.
#pragma once

#include "harness/board.h"

#include <string>
#include <vector>

namespace versus {

// Only the figure that decides each row, its median; the lowest of a row is bold. Empty if nothing is measured.
std::string render_markdown(const std::vector<experiment>& all, const board& b);

} // namespace versus
