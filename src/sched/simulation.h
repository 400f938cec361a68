// What a simulated runtime asks of who simulates it (sim/): the scheduler knows no more of it than this.
//
// The problem: what runs next, which of several timers is first, and where a fiber is interrupted are to come from one seed; and a
// runtime that is not simulated must not pay for that, where a switch takes 5 ns.
//
// The way taken: nothing is asked on the quick ways. Places that are visited seldom, or not at all in production, lead here:
//
//   choose     pick_queued() finds processor::due set, as it does once in 61 dispatches at most; here it is set always, and next_left
//              is 0 always. So every dispatch comes by
//   look       look_beyond(), which is due at every arrival, since choose() leaves no turns
//   created, begun, runs, readied
//              what is recorded (recorder.h): worker::recorded is set for good
//   leaving    leave_slow(): the word that an unpleasant monitor would have written is written by the simulation itself
//   meddle     a lock that is taken without a bias (wait/lock.h), and a mutex that is not locked by inlined code (detail::locker())
//   choose_timer, check_caller
//              something is due; somebody who is no worker of ours touches a fiber
//
// One processor, one worker, no monitor. All are called by the worker, inside, unless said otherwise.
#pragma once

#include "sched/recorder.h"
#include "wait/thread_context.h"

#include <cstddef>
#include <cstdint>

namespace thrum::detail {
struct runnable;
struct task;
} // namespace thrum::detail

namespace thrum::sched {

struct fiber;
struct runtime_core;
struct worker;

class simulation {
public:
  simulation() = default;
  simulation(const simulation&) = delete;
  simulation& operator=(const simulation&) = delete;

  virtual void prepare(runtime_core& core) noexcept = 0; // it is complete but for this
  virtual void enlist(
      worker& w) noexcept = 0; // it is complete but for its thread; the one that starts it calls
  virtual void check_caller(
      const runtime_core& core) noexcept = 0; // makes something ready from outside; anybody calls

  virtual std::uint64_t seed() const noexcept = 0; // for reports; anybody calls

  // The next thing to run, or null: the worker goes to its native stack. Who leaves may hold guards, as in pick().
  virtual detail::runnable* choose(worker& w) noexcept = 0;
  // No guard is held by whoever has arrived, or yields.
  virtual void look(worker& w) noexcept = 0;
  // Less than n.
  virtual std::size_t choose_timer(worker& w, std::size_t n) noexcept = 0;
  // The running fiber goes back to its own code.
  virtual void leaving(worker& w) noexcept = 0;

  virtual void created(worker& w, const detail::task& t, bool by_fiber) noexcept = 0;
  virtual void begun(worker& w, const fiber& f) noexcept = 0;
  virtual void runs(worker& w, const fiber* from, const fiber* to, record::leaving how) noexcept = 0;
  virtual void readied(worker& w, const fiber& f, bool by_fiber) noexcept = 0;

protected:
  ~simulation() = default;
};

} // namespace thrum::sched
