// Failures that nobody will see: of a fiber, a future, a task, whose last handle goes.
#pragma once

#include "env/panic.h"

#include <exception>

namespace thrum::sync {

// False: the handler of the calling fiber's runtime was given the exception. True: there is none, and `message` begins with `what`,
// `name` (unless it is null) and what the exception says; the caller adds where it is from and what to do.
bool report_unseen(const std::exception_ptr& error, const char* what, const char* name,
                   env::report& message) noexcept;

} // namespace thrum::sync
