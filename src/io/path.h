// Paths as arguments.
#pragma once

#include <string>

namespace thrum::io {

// What the system would take for a shorter path.
inline bool has_zero(const std::string& path) noexcept { return path.find('\0') != std::string::npos; }

} // namespace thrum::io
