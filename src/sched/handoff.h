// Taking a processor away from a worker that computes or blocks in a fiber's own code, and the life of a worker without one.
// The essay is in handoff.cc.
#pragma once

#include "sched/worker.h"

namespace thrum::sched {

// Tries to take `p` from its holder `w`. True: it is the caller's now, and w is detached. Requires: the monitor calls.
bool try_take(worker& w, processor& p) noexcept;

// The worker's processor was taken, and it has not got another one. Requires: the worker itself asks, inside.
inline bool is_detached(const worker& w) noexcept { return w.proc == w.limbo; }

// The worker has its limbo from now on. Requires: the worker itself calls, inside, without a processor.
void be_detached(worker& w) noexcept;

// The worker gives its processor away itself, and is detached. Requires: the worker itself calls, inside.
void give_up(worker& w) noexcept;

// Makes `p` the worker's. Requires: the worker itself calls, inside.
void hold(worker& w, processor& p) noexcept;

// Ends a detached worker's claim to run a fiber: what it has in its limbo goes to the runtime, and it has no processor then.
void leave_limbo(worker& w) noexcept;

// Moves the private queue of `p` to the global one. Requires: the caller has p. False: there was nothing.
bool strand(runtime_core& core, processor& p) noexcept;

// Gives the warm stacks and the task memory that `p` keeps back to the pools. Requires: the caller has p.
void give_caches_back(runtime_core& core, processor& p) noexcept;

// Does anybody wait for the processor of the running fiber, or has it been taken for one? False on a plain thread.
bool others_wait_here() noexcept;

// Deletes a worker. Requires: its thread has ended, or was never started, and nobody is waking it.
void delete_worker(worker* w) noexcept;

// Lets a worker that sleeps, or a new one, go on with `p`, which has work. Requires: nobody holds p. False: no thread could be
// started; p's work is in the global queue then, and p is idle.
bool hand_to_another(runtime_core& core, processor& p) noexcept;

} // namespace thrum::sched
