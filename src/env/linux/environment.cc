#include "env/environment.h"

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

namespace thrum::env {

const char* variable(const char* name) noexcept { return std::getenv(name); }
bool is_set(const char* variable, const char* value) noexcept {
  const char* found = std::getenv(variable);
  return found != nullptr && std::strcmp(found, value) == 0;
}
void* symbol(const char* name) noexcept { return ::dlsym(RTLD_DEFAULT, name); }

} // namespace thrum::env
