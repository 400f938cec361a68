// belongings: values that follow an agent wherever it goes on: its fiber_locals, the bindings of scoped values, and where it
// belongs. A fiber changes threads at its waits, so what the language keeps per thread is no place for them.
#pragma once

namespace thrum {
class executor;
namespace detail {
struct binding;
} // namespace detail
} // namespace thrum

namespace thrum::wait {

struct local_table;

// The agent's own: no other touches it while the agent lives.
struct belongings {
  local_table* locals = nullptr; // wait/local.h; null: none yet
  detail::binding* bound =
      nullptr; // the innermost binding in force, with a reference to it (wait/binding.cc); null: none
  executor* home = nullptr; // the executor that runs it; null: its runtime
};

} // namespace thrum::wait
