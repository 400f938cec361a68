// What the process was started with.
#pragma once

namespace thrum::env {

// The value of an environment variable, or null.
const char* variable(const char* name) noexcept;

} // namespace thrum::env
