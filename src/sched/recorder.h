// recorder: what the workers do, event by event, while somebody records it (thrum/trace.h; inspect/timeline.cc makes sense of it).
//
// The problem: to see who ran where, and who woke whom, without changing it. A lock or a shared counter on the way from one fiber
// to the next would do that; and who does not record must not pay.
//
// The way taken: a *tape* is a piece of memory that is cut into chunks. A worker writes into a chunk of its own, and takes the next
// one with one atomic addition when that is full; so there is no lock, and the memory is bounded. When it is used up, the newest
// events are dropped and counted: what is there is complete up to some time, which is kept, too. Who is no worker (the monitor,
// plain threads that wake a fiber) writes into one more chunk, under a lock: all of that costs a system call anyway.
// Off is one flag in the worker, read where a fiber is left, made ready or begun; the line is in the cache there. (The flag is set for
// good where THRUM_DEBUG=one_by_one looks on: one_by_one.h. Without a tape nothing is written then.)
//
// In which order did it happen? Each event has the time at which its writer read the monotonic clock. The clock does not go backwards
// along anything that orders two threads: if A happens before B, then A's time is not after B's. And
//   - who makes a fiber ready, or a task runnable, reads the clock before it puts it into a queue, so before anybody can run it;
//   - who leaves a fiber that waits reads the clock before the wait is published, so before anybody can make it ready;
//   - who takes a processor away reads the clock before another one gets it; its new holder afterwards.
// So "made ready" is never after the start that it caused, and slices on one processor do not overlap. Events of one chunk have their
// order by their places, where a coarse clock gives them the same time.
//
// Orderings (the code of both is in tape_holder.h)
//   K1  pen::busy and the tape: a worker sets `busy` and then, behind a fence, reads `current`; who ends the recording clears `current`
//       and then, behind the heavy half of the fence, waits until no worker is busy. So either the worker finds no tape, or it
//       has written all of its event (release store of busy -> acquire load) when the tape is read.
//       The same fence in start(): from `since` on every worker sees that it is recorded. What some did before tells where they are.
//   K2  current: release store of who begins -> acquire load of who writes: it sees a complete tape.
#pragma once

#include "base/atomic.h"
#include "env/env.h"

#include <cstddef>
#include <cstdint>
#include <source_location>

namespace thrum::detail {
struct task;
} // namespace thrum::detail

namespace thrum::sched {

struct fiber;
struct processor;
struct runtime_core;
struct worker;

namespace record {

enum class kind : std::uint8_t {
  nothing,
  created,  // a task, `other`, by the fiber `fiber` (0: by the runtime, or a plain thread)
  begun,    // it is the fiber `fiber` from here on
  origin,   // of what has begun, or was entered, just before: see `origin`
  runs,     // the worker goes from the fiber `other` to `fiber` (0: the scheduler); `number`: how that leaves
  ready,    // the fiber `fiber` was made ready by `other` (0: by the runtime)
  holds,    // the worker has got the processor, and runs `fiber` (0: nobody yet)
  gives_up, // the worker has no processor any more; `fiber` runs on without
  taken,    // the processor was taken from the worker with the number `number`, of the runtime `other`
  enters,   // the fiber, a named call of blocking(); of which the name comes just after it, as an `origin`
  leaves,   // the fiber, the innermost of these
  sleeps,   // the worker, in the poller or (why: 0) until somebody wakes it
  wakes
};

enum class leaving : std::uint32_t { nobody, waits, yields, ends }; // in event::number of `runs`
// In event::why of gives_up and taken.
enum class loss : std::uint8_t { computes, blocked, idle, blocking, pinned, moves, unwanted };

struct event {
  kind what = kind::nothing;
  std::uint8_t why = 0; // a wait_reason (runs, ready), or a loss
  std::uint16_t processor = no_processor;
  std::uint32_t number = 0; // of created and ready in the chunk of those who are no workers: the thread
  env::nanoseconds at = 0;
  std::uint64_t fiber = 0;
  std::uint64_t other = 0;

  static constexpr std::uint16_t no_processor = 0xffff;
};

// The name is copied: it may be gone when the tape is read.
struct origin {
  kind what = kind::origin;
  char name[23] = {}; // without a zero at the end, if it is long
  std::source_location site;
};

union slot {
  event e{};
  origin o;
};
static_assert(sizeof(slot) == 32);

struct chunk {
  static constexpr std::size_t bytes = std::size_t{16} << 10;
  static constexpr std::uint32_t capacity = bytes / sizeof(slot) - 1;

  const runtime_core* home; // of the worker; null: of those who are none
  std::int32_t thread;      // of the worker
  std::uint32_t used;       // slots
  char runtime[14];         // its name
  std::uint16_t processors; // that it has
  slot slots[capacity];
};
static_assert(sizeof(chunk) == chunk::bytes);

struct tape {
  env::nanoseconds since = 0; // all workers are recorded; there may be events from before
  env::nanoseconds until = 0; // set at the end
  std::uint64_t number = 0;   // of the process's tapes
  std::size_t bytes = 0;
  chunk* chunks = nullptr;
  std::uint32_t count = 0;
  base::atomic<std::uint32_t> taken{0};                        // may grow beyond `count`
  base::atomic<std::uint64_t> lost{0};                         // events for which there was no room
  base::atomic<env::nanoseconds> complete_until{env::forever}; // the first of them

  std::uint32_t chunks_used() const noexcept {
    const std::uint32_t n = taken.load(std::memory_order_relaxed); // relaxed: K1; nobody writes any more
    return n < count ? n : count;
  }
};

// Where somebody writes.
struct pen {
  base::atomic<bool> busy{false}; // K1
  std::uint64_t tape_number = 0;
  chunk* here = nullptr; // of that tape
};

// Begins to record, if nobody does. 0, -EBUSY: somebody does, or -ENOMEM.
int start(tape& t, std::size_t bytes) noexcept;
// Ends it. Afterwards nobody writes to the tape, and it is to be read and given back. Requires: it was started.
void stop(tape& t) noexcept;
void give_back(tape& t) noexcept;

bool is_on() noexcept; // a hint

// ---- what happens; only while worker::recorded, or is_on() for those without a worker
[[gnu::cold]] void created(worker& w, const detail::task& t, bool by_fiber) noexcept;
[[gnu::cold]] void created_elsewhere(const detail::task& t) noexcept;
[[gnu::cold]] void begun(worker& w, const fiber& f, const detail::task& t) noexcept;
[[gnu::cold]] void runs(worker& w, const fiber* from, const fiber* to, bool ends) noexcept;
[[gnu::cold]] void ready(worker& w, const fiber& f, bool by_fiber) noexcept;
[[gnu::cold]] void ready_elsewhere(const fiber& f) noexcept;
[[gnu::cold]] void holds(worker& w, const processor& p) noexcept;
[[gnu::cold]] void gives_up(worker& w, const processor& p, loss why) noexcept;
[[gnu::cold]] void taken(const worker& from, const processor& p, bool blocked) noexcept;
[[gnu::cold]] void enters(worker& w, const char* name) noexcept;
[[gnu::cold]] void leaves(worker& w, const char* name) noexcept;
[[gnu::cold]] void sleeps(worker& w, bool polls) noexcept;
[[gnu::cold]] void wakes(worker& w) noexcept;

// Begins to record as THRUM_TRACE says, when the first runtime is made. Implemented by inspect/.
void begin_if_wanted() noexcept;

} // namespace record
} // namespace thrum::sched
