// fiber: the control block of a running task: saved context, what belongs to a fiber rather than to a thread, and
// who it is. It stands at the top of its own stack, so that a parked fiber costs one page and a switch touches one.
#pragma once

#include "base/sanitizer.h"
#include "base/spin_lock.h"
#include "env/switch.h"
#include "stack/stack_pool.h"
#include "wait/agent.h"

#include <thrum/detail/task.h>

#include <cstdint>
#include <source_location>

namespace thrum::detail {
class stop_scope;
struct group_link;
} // namespace thrum::detail

namespace thrum::sched {

struct runtime_core;
struct worker;

using wait_reason = wait::reason;

// The exceptions that a thread is handling, by the Itanium C++ ABI (__cxa_get_globals). They belong to the fiber: two
// fibers that park inside catch blocks would otherwise rethrow each other's exception.
struct exception_state {
  void* caught = nullptr;
  std::uint64_t uncaught = 0; // an unsigned int and its padding
};

struct alignas(64) fiber : detail::runnable, wait::agent {
  fiber() noexcept : runnable(kind::fiber), agent(wait::agent_kind::fiber) {}

  // Written by the worker that runs it or parks it; read by the worker that resumes it. Whatever hands the fiber from one to
  // the other (a run queue, a guard) orders them.
  env::context saved;
  exception_state exceptions;
  int error_number = 0; // errno
  base::spin_lock scope_guard;

  // Of special fibers only (special.cc). Written by the worker that runs it, inside.
  worker* last_on = nullptr; // where it was resumed last; while it is pinned, where it is to be resumed

  runtime_core* runtime = nullptr; // constant while the task runs
  union {
    detail::task* begin = nullptr; // what it runs; dangling once that has begun, but on a strand
    detail::group_link* groups;    // has_groups: innermost first (thrum/detail/task_group_core.h); its own
  };

  const char* name = nullptr; // constant while the task runs, as are the next three
  std::source_location site;
  std::uint64_t id = 0;
  stack::stack_ref stack;

  // Stop requests: stop.cc.
  base::atomic<bool> stop_requested{
      false};                          // a request is in force, or was: it looks closer; any thread sets it
  base::atomic<std::uint8_t> asked{0}; // the fiber as a whole: 0, or 1 + the cancel_reason
  base::atomic<bool> alive{false};     // the block describes a task that runs; see drain.cc
  std::uint8_t wait_word = wait::decision::open; // what its waits are published as; written under scope_guard
  std::uint8_t stop_shield = 0;                  // waits do not throw while it is not zero; the fiber's own
  // Of fibers of a strand (strand.h): it is one; and it was picked, or passed to, when its turn had come. Written by the fiber, or by
  // who has it from a queue.
  bool on_strand : 1 = false;
  bool admitted : 1 = false;
  bool has_groups : 1 = false;         // its own: see `groups`
  std::uint16_t pins = 0;              // pinned objects alive (special.cc); the fiber's own
  detail::stop_scope* scope = nullptr; // the innermost; written by the fiber, under the guard

#if THRUM_TSAN || THRUM_ASAN // else the block would not fit three cache lines
  void* tsan_context = nullptr;
  void* asan_fake_stack = nullptr;
#endif

  char* stack_limit() const noexcept { return stack.base() + stack.guard_bytes(); }
};

#if !THRUM_TSAN && !THRUM_ASAN && !defined(THRUM_EXPLORE)
static_assert(sizeof(fiber) == 192, "a control block is to fit three cache lines");
#endif

} // namespace thrum::sched
