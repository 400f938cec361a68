// What the monitor lets inspect/ do: look at a runtime from time to time, and write reports when somebody asks. The scheduler
// knows no more of it than this; inspect/ knows the scheduler.
#pragma once

#include "env/env.h"

#include <memory>

namespace thrum::sched {

struct runtime_core;

class inspector {
public:
  inspector() = default;
  inspector(const inspector&) = delete;
  inspector& operator=(const inspector&) = delete;
  virtual ~inspector() = default;

  // Looks for fibers that can never go on. `idle`: all processors of the runtime are. Returns when to call it next, if the
  // runtime is then as idle, or as busy, as now.
  virtual env::nanoseconds look(env::nanoseconds now, bool idle) noexcept = 0;
  // Writes to standard error what every fiber of the process does.
  virtual void write_dump() noexcept = 0;
};

// Implemented by inspect/. Null: no memory.
std::unique_ptr<inspector> make_inspector(runtime_core& core) noexcept;

// Writes to standard error which fibers of the runtime still wait. Implemented by inspect/.
void report_leaks(runtime_core& core) noexcept;

// Lets the process be watched as THRUM_CONSOLE says, from the first runtime on. Implemented by inspect/.
void begin_console_if_wanted() noexcept;

// Asks some monitor of the process to write a dump. Async-signal-safe. False: there is no monitor.
bool request_dump() noexcept; // monitor.cc

} // namespace thrum::sched
