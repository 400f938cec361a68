// thread_context: what thrum knows about the thread it is running on. A worker extends it with its processor; any other
// thread gets a plain one when it first waits or wakes.
#pragma once

#include <thrum/detail/self.h>

#include <cstdint>

namespace thrum::wait {

struct agent;

struct alignas(64) thread_context { // aligned: the low bits of its address are free for wait::lock
  agent* current = nullptr;         // who runs on this thread now; this thread only
  bool is_worker = false;           // constant after construction
  std::uint64_t random_state = 0;   // this thread only; 0: not seeded yet

  // xorshift64*: for the order of a select, not for secrets.
  std::uint64_t random() noexcept {
    if (__builtin_expect(random_state == 0, false)) seed();
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1du;
  }
  void seed() noexcept; // guest.cc
};

// The calling thread's context, made now if it has none. Never null.
thread_context& this_thread_slow() noexcept;
[[gnu::always_inline]] inline thread_context& this_thread() noexcept {
  thread_context* context = detail::self();
  if (__builtin_expect(context != nullptr, true)) return *context;
  return this_thread_slow();
}

// Makes `context` the calling thread's own (null: none). For workers.
void bind_thread(thread_context* context) noexcept;

} // namespace thrum::wait
