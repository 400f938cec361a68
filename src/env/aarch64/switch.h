// switch_context for aarch64 (AAPCS64); the contract is env/switch.h.
#pragma once

#include "env/context.h"

extern "C" void thrum_entry() noexcept; // switch.S

namespace thrum::env {

[[gnu::always_inline]] inline void switch_context(context& save, const context& load) noexcept {
  register const void* to asm("x1") = &load;
  register void* from asm("x0") = &save;
  asm volatile(
      "adr x9, 1f\n\t"
      "mov x10, sp\n\t"
      "stp x10, x29, [%0]\n\t" // x29 is not in the clobber list: compilers do not allow the frame pointer there
      "str x9, [%0, #16]\n\t"
      "ldp x10, x29, [%1]\n\t"
      "ldr x9, [%1, #16]\n\t"
      "mov sp, x10\n\t" // from here on the other stack
      "br x9\n"
      "1:\n\t"
      "hint #36" // bti j
      : "+r"(from), "+r"(to)
      :
      : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
        "x17", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30", "v0", "v1", "v2",
        "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17",
        "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31",
        "cc", "memory");
}

inline context new_context(void* top, void (*entry)(void*), void* argument) noexcept {
  auto* words = static_cast<void**>(top) - 4; // switch.S loads two; two nulls end a walk along frame pointers
  words[0] = argument;
  words[1] = reinterpret_cast<void*>(entry);
  words[2] = nullptr;
  words[3] = nullptr;
  return {.sp = words, .fp = nullptr, .pc = reinterpret_cast<void*>(&thrum_entry)};
}

} // namespace thrum::env
