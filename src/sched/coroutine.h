// coroutine: an agent without a stack. It waits like a fiber, by the protocol of wait/waiter.h, and is asked to stop like one;
// whoever makes it ready queues its resumption, a task, which runs on a fiber of its own (a *runner*) with a warm stack. So code of a
// coroutine that blocks parks the runner, as any function does in a fiber.
//
// A fiber publishes its wait when it has left its stack; a coroutine has left its frame when the compiler's code calls
// await_suspend, so it publishes itself, on the runner, and must not touch its frame after it has released the last guard.
//
// Stop requests
//
// What a request must interrupt is the wait of the coroutine, or, while it runs, the wait of its runner:
//
//   who asks, the first time                       the coroutine
//   ------------------------                       -------------
//   stop = why | asking                            resumed: running = the runner          // C1
//   decided: open -> stopped?      // P1                    light fence                   // C1
//     yes: make it ready                                    stop? -> the runner is asked
//     no: heavy fence              // C1, P2       waits or ends: running = none          // C1
//         running? -> stop_fiber                            light fence                   // C1
//         else decided: open -> stopped?                    asking? wait until it is not  // C2
//   stop = why                     // C2           waits:   decided = open                // P1
//                                                           light fence                   // P2
//                                                           stop? -> decided: open -> stopped?
//
// By the fences either the request finds the runner, or the coroutine finds the request. `asking` keeps runner and coroutine alive
// as long as whoever asks may touch them.
//
// Orderings
//   C1  running: release store -> acquire load of who asks, who touches the runner; and the fences above.
//   C2  stop: who asks clears `asking` (release) as the last touch -> acquire load of the coroutine, which may end then.
//   P1, P2  as in stop.cc.
#pragma once

#include "base/intrusive_list.h"
#include "sched/fiber.h"
#include "sched/timers.h"
#include "wait/agent.h"
#include "wait/lock.h"

#include <thrum/detail/coroutine.h>
#include <thrum/error.h>

namespace thrum::sched {

// There may be millions, and two cache lines are to hold one with its resumption (coro/flow.cc). Hence the order, by which the first
// members lie in the padding of the bases.
struct coroutine : base::list_node<coroutine>, wait::claimable {
  // `r` lies in the same object, not too far away.
  coroutine(detail::task& r, runtime_core& core, bool kept) noexcept;

  detail::task& resumption() noexcept {
    return *reinterpret_cast<detail::task*>(reinterpret_cast<char*>(this) + resumption_at);
  }

  static constexpr std::uint8_t asking = 0x80;
  base::atomic<std::uint8_t> stop{0}; // 0, or 1 + the cancel_reason, and `asking`; C1, C2
  bool asked_by_drain = false;        // guarded by coroutine_register::lock
  const bool is_kept : 1;             // its runtime waits for it
  bool is_listed : 1 = false;         // its own: the runtime knows it
  bool is_home : 1 = false;    // its executor has it; its own, but while it waits of who makes it ready
  bool wants_turn : 1 = false; // its own, read by who makes it ready: see go_on_in_a_turn()

  const std::int32_t resumption_at; // bytes from here
  detail::binding* bound = nullptr; // between its turns; during one, the runner has it
  executor* home = nullptr;         // the executor that runs it; null: its runtime
  runtime_core& runtime;
  base::atomic<fiber*> running{nullptr}; // C1
};

// The coroutines of a runtime that nobody's frame keeps and that have waited at least once. They count as spawned and, when they
// end, as finished (N1 in drain.cc), as their runners do.
struct coroutine_register {
  base::spin_lock lock;
  base::intrusive_list<coroutine> waiting; // guarded
  base::intrusive_list<coroutine> asked;   // guarded: by the end of the runtime
  base::atomic<std::uint64_t> begun{0};    // written under the lock; N1 (drain.cc)
  base::atomic<std::uint64_t> ended{0};    // written under the lock; N1 (drain.cc)
  wait::lock nothing; // the guard of those that wait for nothing but a stop request (select/engine.cc)
};

// ---- the coroutine, on whoever runs it
// Begins a turn. `owns_runner`: nobody but the coroutine runs in this fiber, so it may be asked to stop.
void begin_turn(coroutine& c, detail::coroutine_turn& turn, bool owns_runner) noexcept;
// The coroutine is about to wait, or has ended: restores what it found.
void end_turn(coroutine& c, detail::coroutine_turn& turn) noexcept;
// Publishes its wait and then releases the guards of its sources. True: the caller makes it ready, because it was asked to stop. If not,
// it may be gone.
bool publish(coroutine& c, void (*release)(void*) noexcept, void* argument) noexcept;
// Before its first wait: the runtime learns of it, if it is to keep it.
void keep(coroutine& c) noexcept;
// It has ended, and its last turn, too.
void retire(coroutine& c) noexcept;

// Its next wait is to throw. Requires: it runs, and here.
bool must_stop(const coroutine& c) noexcept;
cancel_reason stop_reason(const coroutine& c) noexcept;

// The executor that runs the caller, if reactions take turns there (executor.h); else null.
executor* turns_here() noexcept;
// That is the coroutine's own.
bool is_among_its_turns(const coroutine& c) noexcept;
// What waits for a future goes on in a turn then. (What waits for something else does not: two coroutines that send each other messages
// would keep all timers waiting.) Requires: the above, and that the coroutine is to go on. Never parks; guards may be held.
void go_on_in_a_turn(coroutine& c) noexcept;

// ---- others
// False: it was asked before.
bool stop_coroutine(coroutine& c, cancel_reason why) noexcept;
void stop_all_coroutines(runtime_core& core) noexcept; // drain.cc calls

// ---- deadlines
struct coroutine_timer : timer_entry {
  coroutine* owner = nullptr;
  std::uint32_t index = 0;
  bool is_set = false;
};
// Sets the timer, whose deadline is filled in, and leaves its wheel guarded and the caller, if it is a fiber, inside the runtime.
// end_timer() ends both; the coroutine may be gone afterwards.
wait::lock::held begin_timer(coroutine& c, coroutine_timer& t, std::uint32_t index) noexcept;
void end_timer(runtime_core& core, wait::lock::held wheel, env::nanoseconds deadline) noexcept;

} // namespace thrum::sched
