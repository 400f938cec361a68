// processor: the right to run, with everything that is cheap because only its holder touches it: the private part of the
// run queue, warm stacks, task memory, timers. A worker holds at most one; there are as many as CPUs to use.
//
// The run queue has six parts. In the order of search:
//
//   next    one fiber that the running one has just made ready. It runs before all others and inherits the rest of the
//           time slice, so a pair that talks to each other stays in the cache. At most `next_budget` times in a row.
//   due     one that look_beyond() found to have waited too long elsewhere.
//   ready   fibers that go on, first in first out. Private.
//   fresh   tasks that have not begun, newest first. Private. Newest first means depth first: a tree of a million
//           tasks keeps a few dozen stacks alive instead of a hundred thousand. Now and then (look_beyond) the oldest
//           goes first, so none starves.
//   shared  what this processor offers to others: a bounded lock-free ring. Filled only when somebody is hungry.
//   and then the runtime's global queue, and other processors' shared rings.
//
// Private parts need no atomic operation, which is most of what a yield costs elsewhere. Nothing is stranded in them: a
// holder that computes for long loses the whole processor (handoff.cc).
#pragma once

#include "base/atomic.h"
#include "base/cache_line.h"
#include "queue/growing_ring.h"
#include "queue/run_ring.h"
#include "sched/company.h"
#include "sched/fiber.h"
#include "sched/task_pool.h"
#include "stack/stack_pool.h"
#include "timer/wheel.h"
#include "wait/lock.h"

namespace thrum::sched {

struct worker;

// Every 61st dispatch looks beyond the private queues (Go's number: prime, so that it does not beat with a program's own
// rhythm; 61 dispatches are some microseconds). Sooner where fibers run for long, for timers and descriptors wait meanwhile: after
// some 200 us, or with every second one. (With one a look that leads to a dispatch would be due again when that arrives, and find
// that dispatches take no time.)
inline constexpr std::int32_t look_interval = 61;
inline constexpr std::int32_t shortest_look_interval = 2;
inline constexpr env::nanoseconds look_time = 200'000;
// Of so many dispatches one is for somebody who has not begun yet, if others only go on; and one at most for who waited elsewhere.
inline constexpr std::int32_t others_first_each = 8;
inline constexpr std::uint32_t next_budget = 61;

struct alignas(base::destructive_interference) processor {
  processor(unsigned i, env::nanoseconds now) noexcept : index(i), timers(now) {}

  static constexpr unsigned limbo_index =
      ~0u; // no processor of the runtime, but a detached worker's (handoff.cc)
  const unsigned index;
  base::atomic<worker*> holder{nullptr}; // H1 in handoff.cc

  // ---- the holder only, inside the runtime
  fiber* next = nullptr;
  std::uint32_t next_left = next_budget;
  detail::runnable* due = nullptr;
  // Dispatches until the next look beyond; not above 0: it is due. Written by the holder, as are the looks; the monitor sees by
  // both whether there are dispatches at all.
  base::atomic<std::int32_t> until_look{look_interval};
  std::int32_t turns() const noexcept {
    return until_look.load(std::memory_order_relaxed); // relaxed: the holder's, or a hint
  }
  void set_turns(std::int32_t n) noexcept {
    until_look.store(n, std::memory_order_relaxed); // relaxed: a hint for the monitor
  }
  base::atomic<std::uint32_t> looks{0};
  std::uint64_t progress() const noexcept {                             // another with each dispatch
    return std::uint64_t{looks.load(std::memory_order_relaxed)} << 32 | // relaxed: as turns()
           static_cast<std::uint32_t>(turns());
  }
  std::uint32_t mixed_picks = 0; // out of both of the next
  queue::growing_ring<fiber*> ready;
  queue::growing_ring<detail::task*> fresh;

  static constexpr unsigned stack_cache_size = 64; // a bit each in `built`
  unsigned cached_stacks = 0;
  stack::stack_ref stacks[stack_cache_size]; // default class, last in first out
  std::uint64_t built = 0;  // which of them hold a fiber that has ended, and can begin another task (run.cc)
  unsigned cold_stacks = 1; // how many without memory the next refill may bring; see take_new_stack (run.cc)

  free_batch* free_batches[task_classes] = {};
  unsigned free_batch_count[task_classes] = {};
  free_object* free_loose[task_classes] = {}; // less than a batch
  unsigned free_loose_count[task_classes] = {};

  std::uint64_t next_id = 0; // ids are handed out in blocks
  std::uint64_t last_id = 0;
  std::uint64_t random_state = 1;
  std::int32_t window = look_interval; // from one look to the next: so many dispatches
  env::nanoseconds window_start = 0;   // when they began
  env::nanoseconds mean_run =
      20'000; // nanoseconds a dispatch, the smaller of the last two windows; at first "long"
  env::nanoseconds last_mean = 20'000; // of the last window
  unsigned poll_countdown = 1;
  company others;

  // Counted by the holder, read by anybody who wants to know whether all fibers have ended (drain.cc).
  base::atomic<std::uint64_t> spawned{0};
  base::atomic<std::uint64_t> finished{0};

  // ---- any worker
  alignas(base::destructive_interference) queue::run_ring<detail::runnable*, 256> shared;

  // ---- timers: guarded by timer_guard; `earliest` mirrors timers.earliest() for readers without the guard
  alignas(base::destructive_interference) wait::lock timer_guard;
  base::atomic<env::nanoseconds> earliest{timing::never};
  timing::wheel timers;

  // What is queued here. For others: a hint, and without `next` and `due`.
  std::size_t queued_hint() const noexcept {
    return ready.size_hint() + fresh.size_hint() + shared.size_hint();
  }

  processor* idle_link = nullptr; // guarded by runtime_core::idle_lock

  std::uint64_t random() noexcept { // xorshift64*; for victims and the order of select, not for secrets
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1du;
  }
};

} // namespace thrum::sched
