// How the errors of operations on a descriptor are made.
#pragma once

#include "io/descriptor.h"

#include <thrum/io/error.h>

#include <cstdint>

namespace thrum::io {

class operation;

// `errno_value`: a negative errno, as env gives it.
error system_error(const char* operation, const subject& about, std::int64_t errno_value) noexcept;
error closed_error(const char* operation, const descriptor* d) noexcept;
// Of an operation whose step returned `result` < 0.
error failed(const char* name, const descriptor& d, const operation& op, std::int64_t result) noexcept;

} // namespace thrum::io
