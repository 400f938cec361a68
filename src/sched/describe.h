// Naming fibers in reports.
#pragma once

#include "env/panic.h"
#include "sched/fiber.h"

#include <exception>
#include <source_location>

namespace thrum::sched {

// "chan receive".
const char* name_of(wait_reason reason) noexcept;

// "fiber #12 'ticker', spawned at main.cc:40 in int main()". Async-signal-safe.
void describe(const fiber& f, env::report& message) noexcept;

// "'ticker', spawned at main.cc:40 in int main()", with a space before each part that is known. Async-signal-safe.
void describe_origin(const char* name, const std::source_location& site, env::report& message) noexcept;

// A line with what() of the exception. Not async-signal-safe.
void describe(const std::exception_ptr& error, env::report& message) noexcept;

// Lets panics name the running fiber and explains stack overflows. Called by the first runtime.
void install_reports() noexcept;

} // namespace thrum::sched
