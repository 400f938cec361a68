// Where the explorer's contexts begin, for x86-64 and aarch64; and the switch, for aarch64 (context.h has the other). Only
// callee-saved registers are kept: the compiler has already spilled the others around the call.
#include "base/explore/context.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

extern "C" void
thrum_explore_start() noexcept; // where a new context begins: calls its entry with its argument

#if defined(__x86_64__)

// The stack holds the argument and the entry.
asm(R"(
.text
.p2align 4
.globl thrum_explore_start
.hidden thrum_explore_start
.type thrum_explore_start,@function
thrum_explore_start:
  .cfi_startproc
  .cfi_undefined rip
  popq %rdi
  popq %rax
  xorl %ebp, %ebp
  callq *%rax
  ud2
  .cfi_endproc
.size thrum_explore_start,.-thrum_explore_start
)");

#elif defined(__aarch64__)

// Frame, from the stopped stack pointer upwards: x19..x28, x29, x30, d8..d15.
asm(R"(
.text
.p2align 4
.globl thrum_explore_switch
.hidden thrum_explore_switch
.type thrum_explore_switch,%function
thrum_explore_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size thrum_explore_switch,.-thrum_explore_switch

.p2align 4
.globl thrum_explore_start
.hidden thrum_explore_start
.type thrum_explore_start,%function
thrum_explore_start:
  .cfi_startproc
  .cfi_undefined x30
  mov x0, x19
  blr x20
  brk #1
  .cfi_endproc
.size thrum_explore_start,.-thrum_explore_start
)");

namespace {
void** first_frame(void** top, void (*entry)(void*), void* argument) noexcept {
  void** frame = top - 20;
  for (int i = 0; i < 20; ++i) frame[i] = nullptr;
  frame[0] = argument;                                       // x19
  frame[1] = reinterpret_cast<void*>(entry);                 // x20
  frame[11] = reinterpret_cast<void*>(&thrum_explore_start); // x30
  return frame;
}
} // namespace

#else
#error "the explorer has no context switch for this processor"
#endif

namespace thrum::base::explore {

context::~context() {
  if (mapping_ != nullptr) munmap(mapping_, static_cast<std::size_t>(top_ - mapping_));
}

void context::map_stack() {
  const auto guard_bytes = static_cast<std::size_t>(getpagesize());
  const std::size_t bytes = guard_bytes + stack_bytes;
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, guard_bytes, PROT_NONE) != 0) {
    std::perror("explore: no memory for the stack of a model thread");
    std::abort();
  }
  mapping_ = static_cast<char*>(memory);
  top_ = mapping_ + bytes;
}

void context::restart(entry start, void* argument) {
  if (mapping_ == nullptr) map_stack();
  auto* const top = reinterpret_cast<void**>(top_);
#if defined(__x86_64__)
  void** const frame = top - 4; // so that the stack is 16-byte aligned at the call in thrum_explore_start
  frame[0] = argument;
  frame[1] = reinterpret_cast<void*>(start);
  frame[2] = frame[3] = nullptr;
  stopped_at_ = frame;
  frame_ = nullptr;
  goes_on_ = reinterpret_cast<void*>(&thrum_explore_start);
#else
  stopped_at_ = first_frame(top, start, argument);
#endif
}

} // namespace thrum::base::explore
