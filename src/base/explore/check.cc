// A failed THRUM_CHECK of explored code is a failure of the execution, with a trace, instead of the end of
// the process.
#include "base/check.h"
#include "base/explore/engine.h"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace thrum::env {

void check_failed(const char* condition, const char* file, int line) noexcept {
  base::explore::engine& e = base::explore::the_engine;
  if (e.running())
    e.fail("check failed: " + std::string(condition) + " at " + std::string(base::explore::base_name(file)) +
           ':' + std::to_string(line));
  std::fprintf(stderr, "check failed outside an exploration: %s at %s:%d\n", condition, file, line);
  std::abort();
}

} // namespace thrum::env
