// What the errors of this room are about.
#pragma once

#include <string_view>

#include <thrum/io/error.h>

namespace thrum::detail {

// Of a long path the end says more than the beginning.
io::subject program_subject(std::string_view path) noexcept;

} // namespace thrum::detail
