// context: a stack and the place where its execution stopped. Model threads, and the loop that drives them,
// are contexts of one OS thread; switching costs a few nanoseconds and happens hundreds of times for each
// system call that an OS thread switch would need.
//
// The explorer has its own switch, apart from the runtime's (env/), because it stands below env and must work
// when the runtime's switch is the thing that is broken.
//
// On x86-64 it is inlined, and the compiler is told that it changes every register: so only those that hold
// something there are saved. More important is where it lands: a function that switches and returns would
// return to another caller than the processor predicts, once for each level of calls.
#pragma once

#include <cstddef>

#if !defined(__x86_64__)
extern "C" void thrum_explore_switch(void** save_sp, void* to_sp) noexcept;
#endif

namespace thrum::base::explore {

class context {
public:
  using entry = void (*)(void* argument);

  context() noexcept = default; // the caller's own stack: only a place to switch away from
  ~context();
  context(const context&) = delete;
  context& operator=(const context&) = delete;

  // Forgets whatever ran here before (without unwinding it) and makes the next switch start entry(argument).
  // The entry must not return. Allocates on first use.
  void restart(entry start, void* argument);

  // Stops here, goes on there. Returns when something switches back.
  static void switch_to(context& from, context& to) noexcept;

private:
  static constexpr std::size_t stack_bytes = 256 * 1024;

  void map_stack();

  void* stopped_at_ = nullptr; // stack pointer while not running
#if defined(__x86_64__)
  void* frame_ = nullptr;   // rbp, and ...
  void* goes_on_ = nullptr; // ... rip, while not running
#endif
  char* mapping_ = nullptr; // a guard page, then the stack
  char* top_ = nullptr;     // of the stack
};

// Floating-point control words are the same for all model threads.
#if defined(__x86_64__)
[[gnu::always_inline]] inline void context::switch_to(context& from, context& to) noexcept {
  void** save = &from.stopped_at_;
  void** load = &to.stopped_at_;
  static_assert(sizeof(context) == 5 * sizeof(void*));
  asm volatile("leaq 1f(%%rip), %%rax\n\t"
               "movq %%rsp, 0(%0)\n\t"
               "movq %%rbp, 8(%0)\n\t" // compilers do not allow it in the list below
               "movq %%rax, 16(%0)\n\t"
               "movq 0(%1), %%rsp\n\t"
               "movq 8(%1), %%rbp\n\t"
               "jmpq *16(%1)\n"
               "1:"
               : "+D"(save), "+S"(load)
               :
               : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0",
                 "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
                 "xmm12", "xmm13", "xmm14", "xmm15", "cc", "memory");
}
#else
inline void context::switch_to(context& from, context& to) noexcept {
  thrum_explore_switch(&from.stopped_at_, to.stopped_at_);
}
#endif

} // namespace thrum::base::explore
