// scoreboard: the top of the page: how many of the articles' claims hold here, and which.
#pragma once

#include "harness/claims.h"

#include <string>
#include <vector>

namespace versus {

// Sections of HTML. What this run did not measure, and what does not exist yet, is folded away but counted.
std::string render_scoreboard(const std::vector<ruling>& all, const board& b);

} // namespace versus
