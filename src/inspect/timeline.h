// From a tape (sched/recorder.h) to a timeline (thrum/trace.h).
#pragma once

#include "sched/recorder.h"

#include <string>
#include <thrum/trace.h>

namespace thrum::inspect {

// Requires: the tape was stopped. Throws std::bad_alloc.
trace::timeline timeline_of(const sched::record::tape& t);

// "'ticker'", or "main.cc:40", or "fiber #7": what a slice is called.
std::string label_of(const trace::timeline& t, std::uint64_t fiber);

} // namespace thrum::inspect
