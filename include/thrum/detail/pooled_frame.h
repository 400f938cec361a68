// Serves generator.h, task.h and async_generator.h: where the frames of coroutines come from.
#pragma once

#include <thrum/detail/task.h>

#include <cstddef>

namespace thrum::detail {

// Promises derive from it: a frame of up to 256 bytes comes from the pool of the tasks, on the processor of who calls, and goes
// back to that of whoever destroys it.
struct pooled_frame {
  static void* operator new(std::size_t bytes) { return allocate_task(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept { free_task(frame, bytes); }
};

} // namespace thrum::detail
