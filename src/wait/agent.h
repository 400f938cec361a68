// agent: somebody who can wait: a fiber, a plain thread, or a coroutine. Primitives see nothing else.
//
// Those with a stack, fibers and threads, have more to them than coroutines, of which there may be millions: they run code and call
// what waits, so values follow them (belongings.h), and reports tell what they wait for. Whoever ends a wait needs nothing of
// this: for him an agent is *claimable*, and no more.
//
// The decision word says how the current wait of an agent stands. It is the one place where all who could end a wait
// (the other side of a channel, a timer, a stop request) compete, so that exactly one of them does.
//
//   closed      the agent runs, or is still on its way to sleep; nobody may decide
//   open        it sleeps (or is about to, with all guards still held); the first claim decides
//   shielded    the same, but a stop request must not decide: only claims of its waiters may
//   sheltered   the same, but a fiber's shield is up: besides claims, only a stop request to a scope inside the shield may decide
//   stopped     decided: a stop request ended the wait
//   first + i   decided: case i of the wait was committed
//
// Who moves it: the agent itself closed -> one of the pending words (published after it left its stack, before the guards are
// released) and decided -> closed (when it runs again); claimants pending -> decided, by compare-exchange.
//
// For reports an agent with a stack also notes what it waits for, with plain stores before the wait is published. Who reports never reads
// these fields where they are, but in copies that the kernel makes (inspect/census.h).
#pragma once

#include "base/atomic.h"
#include "wait/belongings.h"

#include <cstdint>

namespace thrum::wait {

namespace decision {
inline constexpr std::uint32_t closed = 0;
inline constexpr std::uint32_t open = 1;
inline constexpr std::uint32_t shielded = 2;
inline constexpr std::uint32_t sheltered = 3;
inline constexpr std::uint32_t stopped = 4;
inline constexpr std::uint32_t first = 5;

// May a claim of a waiter decide?
constexpr bool is_pending(std::uint32_t word) noexcept { return word - open <= sheltered - open; }
} // namespace decision

// Why an agent sleeps.
enum class reason : std::uint8_t {
  none,
  sleep,
  chan_send,
  chan_recv,
  select,
  mutex,
  shared_mutex,
  condition_variable,
  semaphore,
  latch,
  barrier,
  once,
  wait_group,
  task_group,
  join,
  future,
  readable,
  writable,
  disk,
  pool_room, // to post to a thread_pool
  pool_work, // an idle thread of one
  pool_end,
  coroutine,
  loop_event, // an event_loop that has nothing to do
  atomic_wait,
  rcu_readers, // rcu_synchronize
  rcu_deleters // rcu_barrier
};

enum class agent_kind : std::uint8_t { fiber, thread, coroutine };

// An agent, as those see it who may end its wait.
struct claimable {
  explicit claimable(agent_kind k) noexcept : kind(k) {}

  base::atomic<std::uint32_t> decided{decision::closed};
  const agent_kind kind;
};

// One with a stack: a fiber or a plain thread.
struct agent : claimable {
  using claimable::claimable;

  // For reports
  reason why = reason::none;
  bool has_deadline = false; // the wait ends by itself
  std::uint32_t waits = 0;   // counts them
  std::uint32_t regions =
      0; // of RCU in the default domain, its own (sync/rcu.cc); here is a gap of this size
  const void* waiting_for = nullptr; // the primitive

  belongings own;

  void note_wait(reason r, const void* what) noexcept {
    why = r;
    waiting_for = what;
    ++waits;
  }
};

} // namespace thrum::wait
