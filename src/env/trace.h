// Back-traces of stacks that nobody runs on, and names for what they show.
//
// An unwinder knows one way to begin: at its own caller. So the trace runs on the thread of who asks, through a frame whose unwind
// information says that its caller is the parked code (trace.S). It works on a copy of the stack: the original may be resumed at
// any time. Words of the copy that point into the original are moved along, so frame pointers lead through the copy.
#pragma once

#include "env/context.h"

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace thrum::env {

// The return addresses of a parked stack, innermost first: at most `capacity`. `top`: where the stack begins. None, if is_parked()
// says, once the stack is copied, that it has been resumed meanwhile. Throws std::bad_alloc.
std::size_t trace_parked(const context& parked, const char* top, const std::function<bool()>& is_parked,
                         const void** addresses, std::size_t capacity);

// Of the caller, on whatever stack it runs, the same: at most `capacity`.
std::size_t trace_here(const void** addresses, std::size_t capacity) noexcept;

// Lines for each return address: "serve(int) at server.cc:40" if addr2line is installed and the program has debug information, and
// further ones for the functions that this one is inlined into; otherwise "serve(int)" or "./server+0x4f21". It starts a process for
// each module; the environment variable THRUM_SYMBOLS=off forbids that. Throws std::bad_alloc.
std::vector<std::vector<std::string>> describe_addresses(std::span<const void* const> addresses);

// "std::out_of_range" for what the compiler calls "St12out_of_range"; anything else as it is. Throws std::bad_alloc.
std::string demangled(const char* name);

} // namespace thrum::env
