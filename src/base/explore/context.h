// context: a stack and the place where its execution stopped. Model threads, and the loop that drives them,
// are contexts of one OS thread; switching costs a few nanoseconds and happens hundreds of times for each
// system call that an OS thread switch would need.
//
// The explorer has its own switch, apart from the runtime's (env/), because it stands below env and must work
// when the runtime's switch is the thing that is broken.
#pragma once

#include <cstddef>

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

  void* stopped_at_ = nullptr; // stack pointer while not running
  char* mapping_ = nullptr;    // a guard page, then the stack
};

} // namespace thrum::base::explore
