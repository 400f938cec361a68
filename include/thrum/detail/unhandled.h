// Serves wait_group.h and timer.h: fibers that still have something to do after an exception left the user's function.
#pragma once

#include <exception>

namespace thrum::detail {

// Gives an exception to the runtime's on_unhandled, as a detached fiber that ends with it would. False: there is no
// handler; rethrow it, which reports it and ends the program. Requires: a fiber calls.
bool give_to_handler(std::exception_ptr error) noexcept;

} // namespace thrum::detail
