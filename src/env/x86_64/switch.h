// switch_context for x86-64 (System V ABI); the contract is env/switch.h.
#pragma once

#include "env/context.h"

extern "C" void thrum_entry() noexcept; // switch.S

namespace thrum::env {

#if defined(__AVX512F__)
#define THRUM_UPPER_VECTORS                                                                                  \
  , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26",       \
      "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6", "k7"
#else
#define THRUM_UPPER_VECTORS
#endif

[[gnu::always_inline]] inline void switch_context(context& save, const context& load) noexcept {
  const void* to = &load;
  void* from = &save;
  asm volatile(
      "leaq 1f(%%rip), %%rax\n\t"
      "movq %%rsp, 0(%0)\n\t"
      "movq %%rbp, 8(%0)\n\t" // not in the clobber list: compilers do not allow the frame pointer there
      "movq %%rax, 16(%0)\n\t"
      "movq 0(%1), %%rsp\n\t" // from here on the other stack
      "movq 8(%1), %%rbp\n\t"
      "jmpq *16(%1)\n"
      "1:"
      : "+D"(from), "+S"(to)
      :
      : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0", "xmm1",
        "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
        "xmm14", "xmm15", "mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7", "st", "st(1)", "st(2)",
        "st(3)", "st(4)", "st(5)", "st(6)", "st(7)", "cc", "memory" THRUM_UPPER_VECTORS);
}

#undef THRUM_UPPER_VECTORS

inline context new_context(void* top, void (*entry)(void*), void* argument) noexcept {
  auto* words = static_cast<void**>(top) - 4; // switch.S pops two; two nulls end a walk along frame pointers
  words[0] = argument;
  words[1] = reinterpret_cast<void*>(entry);
  words[2] = nullptr;
  words[3] = nullptr;
  return {.sp = words, .fp = nullptr, .pc = reinterpret_cast<void*>(&thrum_entry)};
}

} // namespace thrum::env
