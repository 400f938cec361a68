#include "env/environment.h"

#include <cstdlib>
#include <dlfcn.h>

namespace thrum::env {

const char* variable(const char* name) noexcept { return std::getenv(name); }
void* symbol(const char* name) noexcept { return ::dlsym(RTLD_DEFAULT, name); }

} // namespace thrum::env
