// Stop requests, for fibers as a whole: the protocol is in stop.cc. (Scopes: thrum/detail/stop_scope.h.)
#pragma once

#include <thrum/error.h>

namespace thrum::detail {
struct runnable;
}

namespace thrum::sched {

struct fiber;

// A request is in force for what the fiber does now. Requires: the fiber calls, or it cannot go on meanwhile.
bool stop_in_force(const fiber& f) noexcept;
// Why, if one is.
cancel_reason stop_reason(const fiber& f) noexcept;

// Asks a fiber to stop. Requires, here and below: the fiber cannot end meanwhile (its join state is guarded, for example).
void stop_fiber(fiber& f, cancel_reason why = cancel_reason::user) noexcept;
// The same for many, with one fence: note_stop() for each, then claim_if_asleep() for each; for those that say false, a heavy fence
// and claim_if_asleep() once more. Whoever said true stays asleep until wake_stopped().
void note_stop(fiber& f, cancel_reason why) noexcept;
bool claim_if_asleep(fiber& f) noexcept; // true: it slept, and nobody else may wake it now
// Makes a chain of them ready (runnable::link), in its order, behind the others that are.
void wake_stopped(detail::runnable* first) noexcept;

} // namespace thrum::sched
