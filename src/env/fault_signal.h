// Per-thread preparation of a worker, and the handler for memory faults: a fiber that overflows its stack hits the guard,
// and the handler, which runs on a stack of its own, gets to say so.
#pragma once

#include "env/panic.h"

#include <cstddef>

namespace thrum::env {

struct thread_stack {
  const void* bottom =
      nullptr; // of the thread's native stack; filled in only where a sanitizer wants to know
  std::size_t size = 0;
  void* signal_stack = nullptr;
};

// Gives the calling thread an alternate signal stack (unless it has one) and finds its own stack.
void prepare_thread(thread_stack& out) noexcept;
void release_thread(thread_stack& s) noexcept;

// Asked in the fault handler, on the signal stack, whether the fault at `address` is one it can explain. If so, it fills the
// report, which is printed, and the process aborts. Otherwise the fault goes to the handler that was there before.
using fault_explainer = bool (*)(const void* address, report& message) noexcept;

// Installs the handler for SIGSEGV and SIGBUS, once.
void explain_faults(fault_explainer explain) noexcept;

// Formats "name" or "name/7" into the 15 bytes that the kernel keeps.
void thread_name(char (&out)[16], const char* name, unsigned number) noexcept;

} // namespace thrum::env
