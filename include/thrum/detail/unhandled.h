// Serves wait_group.h, timer.h and task_group.h: exceptions that have left the user's function, and have nowhere to go.
#pragma once

#include <exception>

namespace thrum::detail {

// Gives an exception to the runtime's on_unhandled, as a detached fiber that ends with it would. False: there is no
// handler; rethrow it, which reports it and ends the program. Requires: a fiber calls.
bool give_to_handler(std::exception_ptr error) noexcept;

// An exception that nobody will see: to the handler of the caller's runtime, if there is one; else `what` is printed, with the
// exception, and `name`, if it is not null. Anybody may call.
void report_unseen(const std::exception_ptr& error, const char* what, const char* name) noexcept;

} // namespace thrum::detail
