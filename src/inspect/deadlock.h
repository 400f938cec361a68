// Fibers that can never go on (thrum/inspect.h says which are found).
#pragma once

#include "inspect/census.h"

#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace thrum::inspect {

// All fibers of one runtime that sleep, and where. Throws std::bad_alloc.
std::string who_waits(const sched::runtime_core& core);

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
  // By the first fiber or thread of a cycle: its number, as a fiber or as a thread, and its wait.
  std::set<std::tuple<std::uint64_t, int, std::uint32_t>> reported_;
};

} // namespace thrum::inspect
