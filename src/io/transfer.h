// Reading and writing through a descriptor: what streams of every kind have in common, and how their errors are made.
#pragma once

#include "io/descriptor.h"

#include <thrum/io/buffer.h>
#include <thrum/io/deadline.h>
#include <thrum/io/error.h>

#include <cstdint>

namespace thrum::io {

class operation;

// All take a null descriptor for a handle that refers to nothing.
result<std::size_t> read_some(descriptor* d, mutable_buffer into, deadline until);
result<void> read_exactly(descriptor* d, mutable_buffer into, deadline until);
result<std::size_t> write_some(descriptor* d, const_buffer from, deadline until);
result<void> write_all(descriptor* d, const_buffer from, deadline until);

// `errno_value`: a negative errno, as env gives it.
error system_error(const char* operation, const subject& about, std::int64_t errno_value) noexcept;
error closed_error(const char* operation, const descriptor* d) noexcept;
// Of an operation whose step returned `result` < 0.
error failed(const char* name, const descriptor& d, const operation& op, std::int64_t result) noexcept;

} // namespace thrum::io
