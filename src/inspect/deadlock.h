// Fibers that can never go on (thrum/inspect.h says which are found).
#pragma once

#include "inspect/census.h"

#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace thrum::inspect {

class deadlock_finder {
public:
  // What is new since the last call.
  struct findings {
    std::string report;      // "": nothing
    bool all_sleep = false;  // the process cannot go on
    bool suspicious = false; // all fibers sleep, but there are threads that thrum does not know
  };
  findings look();

private:
  std::unordered_set<std::uint64_t> reported_; // by the first fiber of a cycle: its number and its wait
};

} // namespace thrum::inspect
