#include "env/environment.h"

#include <cstdlib>

namespace thrum::env {

const char* variable(const char* name) noexcept { return std::getenv(name); }

} // namespace thrum::env
