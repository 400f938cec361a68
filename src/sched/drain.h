#pragma once

namespace thrum::sched {

struct runtime_core;

// Ends a runtime: asks all fibers to stop, waits for them (runtime_core::drain_limit at most), stops the workers and joins
// them. False: some fibers did not stop; they were reported, and the core must be left to them for ever.
// Requires: a plain thread.
bool drain(runtime_core& core) noexcept;

// One round of it: asks every fiber, and every coroutine that waits, to stop. Inside the runtime or outside.
void ask_all_to_stop(runtime_core& core) noexcept;

} // namespace thrum::sched
