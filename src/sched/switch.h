// Going from one stack to another: registers, what belongs to a fiber rather than to its thread, and the sanitizers.
//
// Whoever leaves a stack may leave work behind (worker::leaving) that must wait until the stack is quiet: releasing the
// guard of what it waits for, giving a dead fiber's stack back. Whoever arrives does it, first thing, in arrive().
#pragma once

#include "base/sanitizer.h"
#include "env/switch.h"
#include "sched/lend.h"
#include "sched/scheduler.h"
#include "sched/worker.h"

#if THRUM_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#if THRUM_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace thrum::sched {

namespace detail_switch {

// The state of the native stack between fibers: no exception in flight.
inline constexpr exception_state no_exceptions{};

// The two words that a thread keeps for a fiber. Their addresses were taken once per thread (worker.cc), because compilers
// cache __cxa_get_globals() and __errno_location() as if a function never changed threads.
// Word by word: as one vector, the load would wait for the two stores that wrote the words shortly before (6 ns).
[[gnu::always_inline]] inline void copy(exception_state& to, const exception_state& from) noexcept {
  void* caught = from.caught;
  std::uint64_t uncaught = from.uncaught;
  asm("" : "+r"(caught), "+r"(uncaught));
  to.caught = caught;
  to.uncaught = uncaught;
}
[[gnu::always_inline]] inline void save(worker& w, fiber& f) noexcept {
  copy(f.exceptions, *w.exceptions);
  f.error_number = *w.error_number;
}
[[gnu::always_inline]] inline void load(worker& w, const fiber& f) noexcept {
  copy(*w.exceptions, f.exceptions);
  *w.error_number = f.error_number;
}

} // namespace detail_switch

// First thing on a stack that is switched to.
[[gnu::always_inline]] inline worker& arrive() noexcept {
  worker& w = this_worker();
#if THRUM_ASAN
  fiber* f = w.current_fiber();
  __sanitizer_finish_switch_fiber(f ? f->asan_fake_stack : w.asan_fake_stack, nullptr, nullptr);
#endif
  if (w.leaving.pending) finish_departure(w);
  return w;
}

// The same on a fiber's stack: now that no guard is held any more, looks beyond the processor if that is due.
[[gnu::always_inline]] inline worker& arrive_at_fiber() noexcept {
  worker& w = arrive();
  if (__builtin_expect(w.proc->turns() <= 0, false)) look_beyond(w);
  return w;
}

// Leaves the present stack (of `from`, or the native one if null) for that of `to` (or the native one if null). Returns when
// somebody switches back, possibly on another worker; the caller must call arrive() then. `ends`: `from` never comes back.
[[gnu::always_inline]] inline void switch_stacks(worker& w, fiber* from, fiber* to,
                                                 [[maybe_unused]] bool ends = false) noexcept {
  env::context& save = from == nullptr ? w.native : from->saved;
  const env::context& load = to == nullptr ? w.native : to->saved;
  if (is_recorded(w)) record::runs(w, from, to, ends);
  if (from != nullptr && !ends) detail_switch::save(w, *from);
  if (to != nullptr)
    detail_switch::load(w, *to);
  else
    *w.exceptions = detail_switch::no_exceptions;
  w.current = to;
#if THRUM_ASAN
  void** fake = from == nullptr ? &w.asan_fake_stack : &from->asan_fake_stack;
  const void* bottom = to == nullptr ? w.native_stack_bottom : to->stack_limit();
  const std::size_t size = to == nullptr
                               ? w.native_stack_size
                               : static_cast<std::size_t>(reinterpret_cast<char*>(to) - to->stack_limit());
  __sanitizer_start_switch_fiber(ends ? nullptr : fake, bottom, size);
#endif
#if THRUM_TSAN
  __tsan_switch_to_fiber(to == nullptr ? w.tsan_native : to->tsan_context, 0);
#endif
  env::switch_context(save, load);
}

// special.cc: the same for what is not just a fiber.
fiber* special_target(worker& w, detail::runnable& next) noexcept;

// The fiber to switch to for what pick() gave; null means the native stack.
[[gnu::always_inline]] inline fiber* target(worker& w, detail::runnable* next) noexcept {
  if (next == nullptr) return nullptr;
  const detail::runnable::kind what = kind_of(next->what);
  if (what == detail::runnable::kind::fiber) return static_cast<fiber*>(next);
  if (__builtin_expect(what != detail::runnable::kind::task, false)) return special_target(w, *next);
  auto& t = static_cast<detail::task&>(*next);
  fiber* f = make_fiber(w, t);
  if (f == nullptr)
    w.runtime.global.push_front_level(t); // no memory for its stack: the native loop tries again
  return f;
}

// Leaves the present fiber, which waits, for whatever is next; w.leaving says what must happen then. Inlined, as everything
// between a wait and its switch should be: each return after a switch is predicted wrongly if the fiber before was parked
// on another path.
[[gnu::always_inline]] inline void switch_to_next(worker& w, fiber& from) noexcept {
  switch_stacks(w, &from, target(w, pick(w)));
  arrive_at_fiber();
}

} // namespace thrum::sched
