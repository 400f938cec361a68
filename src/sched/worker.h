// worker: an OS thread that runs fibers. It holds a processor while it does; without one it sleeps, polls, or lets a
// blocked or computing fiber have the thread.
//
// Inside and outside the runtime
//
// A worker that holds a processor is either *inside*: in code of ours that uses the processor's private parts; or
// *outside*: in a fiber's own code. enter() and leave() mark the borders with plain stores; enter() also looks whether
// the processor was taken away meanwhile. Who takes a processor (handoff.cc) uses the heavy half of the asymmetric fence,
// so the borders cost 1 to 2 ns.
//
//   the worker, entering                  who takes the processor
//   --------------------                  -----------------------
//   place = inside                        taken: kept -> asked
//   light fence             // E1         heavy fence             // E1
//   taken != kept? -> slow path           place == outside? -> taken: asked -> gone, the processor is his
//                                         else              -> taken: asked -> kept
//
// A worker that enters between the two keeps its processor for now, and has promised it: handoff.cc.
//
// Orderings
//   E1  the fences above; and place: leave's release store -> the taker's load, so that the taker sees what the worker did to
//       the processor.
//   T1  thread: release store of handle_is_known by who started it -> acquire load of who joins it while the starter may still be at it.
#pragma once

#include "sched/fiber.h"
#include "sched/processor.h"
#include "sched/recorder.h"
#include "wait/lock.h"
#include "wait/thread_context.h"

namespace thrum::sched {

struct runtime_core;

// What is left to do when a fiber has left its stack: only then may others make it ready again.
struct departure {
  bool pending = false;                      // anything of the following is set
  fiber* parked = nullptr;                   // whose wait is to be published; null: nothing to publish
  std::uint32_t publish = 0;                 // open or shielded (wait/agent.h)
  wait::lock::held guard = nullptr;          // released last
  void (*release)(void*) noexcept = nullptr; // instead of guard, for several of them
  void* argument = nullptr;
  fiber* dead = nullptr; // a fiber that ended: its stack is free now
};

struct worker : wait::thread_context {
  explicit worker(runtime_core& core) noexcept : runtime(core) { is_worker = true; }

  enum : std::uint8_t { outside, inside };                 // place
  enum : std::uint8_t { kept, asked, promised, gone };     // taken
  static constexpr env::nanoseconds short_slice = 100'000; // the least that the kernel grants

  // ---- the worker itself
  runtime_core& runtime;
  base::guarded<processor*> proc =
      nullptr; // null: it has none; also written by who hands it one while it sleeps (idle.cc)
  departure leaving;
  env::context native;                      // its own stack, where the scheduler's loop runs
  exception_state* exceptions = nullptr;    // of this thread; constant
  int* error_number = nullptr;              // of this thread; constant
  fiber* pinned = nullptr;                  // the only one that runs here (special.cc)
  base::atomic<std::uint32_t> summons{0};   // it is to be resumed; a word to sleep on; S1 (special.cc)
  base::atomic<bool> awaits_summons{false}; // asleep on it; for a census
  bool passes_on = false;    // its processor is to go to another, for the next fiber's sake (special.cc)
  bool no_successor = false; // passing on has failed: the next special fiber goes on here
  bool searching = false;    // counted in runtime_core::searching
  bool has_polled = false;   // it comes from the poller
  // Objects of the task pool, of each class a batch at most, that are taken and put back outside the runtime, too; and perhaps a whole
  // batch behind them, so that who goes up and down around its end does not need a processor each time. This thread only.
  free_object* spare[task_classes] = {};
  std::uint8_t spare_count[task_classes] = {};
  free_object* spare_batch[task_classes] = {};

  // ---- E1
  base::atomic<std::uint8_t> place{inside};
  base::atomic<std::uint8_t> taken{kept};
  base::atomic<bool> recorded{false};    // what it does is recorded (recorder.h)
  std::uint64_t progress_of_promise = 0; // the processor's when it became promised
  int promises = 0;                      // since then
  static constexpr int last_promise = 4;
  processor* limbo = nullptr; // stands in for a processor that was taken (handoff.cc); constant once it runs
  bool short_turns = false;
  base::atomic<bool> demoted{false}; // the thread was given long turns when its processor was taken
  base::atomic<env::nanoseconds> lost_at{
      0}; // when its processor was taken; 0: it has one, or its return was noted
  base::atomic<bool> lost_blocked{false}; // it slept in the kernel then
  base::atomic<std::uint32_t> token{0};
  worker* idle_link = nullptr;               // guarded by runtime_core::idle_lock
  worker* all_link = nullptr;                // all workers of the runtime; constant after start
  std::uintptr_t thread = 0;                 // written by who starts it, also when it runs already
  base::atomic<bool> handle_is_known{false}; // T1
  int thread_number = 0;                     // the kernel's; constant once it runs
  base::atomic<bool> retired{false};         // the thread is about to end: join it

  void* tsan_native = nullptr;     // thread sanitizer: the context of the native stack
  void* asan_fake_stack = nullptr; // address sanitizer: of the native stack
  const void* native_stack_bottom = nullptr;
  std::size_t native_stack_size = 0;
  void* signal_stack = nullptr;
  record::pen recorder;

  fiber* current_fiber() const noexcept { return static_cast<fiber*>(current); }
};

// Somebody records what this worker does. Where a fiber is left, made ready or begun, this is all that it costs if nobody does.
[[gnu::always_inline]] inline bool is_recorded([[maybe_unused]] const worker& w) noexcept {
#if defined(THRUM_EXPLORE)
  return false; // models are not recorded
#else
  return __builtin_expect(w.recorded.load(std::memory_order_relaxed), false); // relaxed: put() looks again
#endif
}

// The calling thread's worker. Requires: the caller is one.
[[gnu::always_inline]] inline worker& this_worker() noexcept { return *static_cast<worker*>(detail::self()); }

// The same for who may be no worker. Behind this lies a lock.
inline bool may_be_recorded() noexcept {
#if defined(THRUM_EXPLORE)
  return false;
#else
  return record::is_on();
#endif
}

// The calling thread's worker, or null.
[[gnu::always_inline]] inline worker* try_this_worker() noexcept {
  auto* context = static_cast<wait::thread_context*>(detail::self());
  return context != nullptr && context->is_worker ? static_cast<worker*>(context) : nullptr;
}

// The fiber that is running, or null on a plain thread and in the scheduler's loop.
[[gnu::always_inline]] inline fiber* this_fiber() noexcept {
  worker* w = try_this_worker();
  return w != nullptr ? w->current_fiber() : nullptr;
}

worker& enter_slow(worker& w) noexcept; // the processor was taken away meanwhile
void leave_slow(worker& w) noexcept;

// Requires: a fiber is running. Afterwards the worker's processor cannot be taken until leave() or a switch. If it was taken
// before, the worker has another one, or its limbo (handoff.cc).
[[gnu::always_inline]] inline worker& enter() noexcept {
  worker& w = this_worker();
  w.place.store(worker::inside, std::memory_order_relaxed); // relaxed: the fence orders it
  base::light_fence();                                      // E1
  if (__builtin_expect(w.taken.load(std::memory_order_relaxed) != 0, false))
    return enter_slow(w); // relaxed: E1
  return w;
}

[[gnu::always_inline]] inline void leave() noexcept {
  worker& w = this_worker();
  if (__builtin_expect(w.taken.load(std::memory_order_relaxed) != 0, false)) leave_slow(w); // relaxed: a hint
  w.place.store(worker::outside, std::memory_order_release);                                // E1
}

} // namespace thrum::sched
