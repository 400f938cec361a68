// The task groups of the process in words: a tree by ownership.
#pragma once

#include "inspect/census.h"

#include <span>
#include <string>

namespace thrum::inspect {

// A line or two for each kind of group (what was made at the same place, with the same name, in tasks of the same kind of group), below
// the kind of group whose tasks own it. `agents`: all of the same census.
void list_groups(std::string& to, const group_census& groups, std::span<const agent_view> agents);

} // namespace thrum::inspect
