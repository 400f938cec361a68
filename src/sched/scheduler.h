// What the files of this room call in each other. Everything here runs inside the runtime (worker.h), on a worker that holds
// a processor unless said otherwise.
#pragma once

#include "sched/runtime_core.h"
#include "sched/worker.h"

#include <memory>
#include <utility>

namespace thrum::sched {

// ---- pick.cc: the private queues
// The next thing to run, or null: nothing here. Looks at nothing but this processor's own queues, because the fiber that is
// about to leave may hold guards (of a channel, of these very timers) until it has left.
detail::runnable* pick(worker& w) noexcept;
detail::runnable* pick_queued(worker& w) noexcept; // its slower part
// The look beyond, for timers, descriptors, the global queue, others who are hungry: once every look_interval dispatches, sooner if
// they are long (processor.h), on arrival, when no guard is held. What it finds is queued here.
void look_beyond(worker& w) noexcept;
// The same for a worker that was just handed a processor with work.
void look_on_arrival(worker& w) noexcept;
// Queues a fiber behind the others of this processor.
void push_ready(worker& w, fiber& f) noexcept;
// Queues a fiber so that it runs next.
void push_next(worker& w, fiber& f) noexcept;
void push_fresh(worker& w, detail::task& t) noexcept;

// ---- find_work.cc: everywhere else
// Searches the whole runtime, and sleeps if there is nothing. Null: the runtime ends. May return with another processor.
detail::runnable* find_work(worker& w) noexcept;
// Makes fibers ready whose descriptors are, without waiting. True if there were any.
bool poll_now(worker& w) noexcept;
// Makes ready who waits for the descriptors in the reports.
void deliver(worker& w, const env::readiness* events, int count) noexcept;
// Puts a batch of the global queue into this processor's. True if there was anything.
bool take_global(worker& w) noexcept;

// ---- idle.cc: who sleeps and who is woken
// Gives the processor up and sleeps until there is work, or a timer or a descriptor is due. Returns with a processor, or false:
// the runtime ends.
bool sleep_until_needed(worker& w) noexcept;
// Wakes or starts a worker for an idle processor, unless somebody is searching already. Any thread.
void wake_another(runtime_core& core) noexcept;
// Makes the poller return. Any thread.
void kick(runtime_core& core) noexcept;
// Wakes everybody, for the end. Any thread.
void wake_all(runtime_core& core) noexcept;
// The list of idle processors. Requires: idle_lock is held. Who pushes one that is not wanted any more lays it to rest instead.
processor* pop_idle_processor(runtime_core& core) noexcept;
void push_idle_processor(runtime_core& core, processor& p) noexcept;
// The worker has found something; if nobody else is searching now, somebody else may have to.
void stop_searching(worker& w) noexcept;

// ---- resize.cc: how many processors there are
// See runtime::set_processors. Returns how many there were to be before. Throws std::bad_alloc. Any thread.
unsigned set_processors(runtime_core& core, unsigned n);
std::unique_ptr<processor> make_processor(runtime_core& core, unsigned index);
// One that nobody holds. Requires: idle_lock is held, and there are too many.
void put_to_rest(runtime_core& core, processor& p) noexcept;
// What is queued on `p` goes to the global queue, and p to rest; or, if there are not too many after all, to the idle ones.
// Requires: the caller has p.
void lay_down(runtime_core& core, processor& p) noexcept;

// ---- share.cc: giving work away
// Called when a processor is idle somewhere and this one has just got work: publishes some, and wakes somebody if that pays.
void share(worker& w) noexcept;
// The same for who may be without a processor, and has not asked whether another is idle.
inline void share_if_idle(worker& w) noexcept {
  if (w.proc != nullptr && w.runtime.idle_count.load(std::memory_order_relaxed) != 0)
    share(w); // relaxed: a hint
}

// ---- run.cc: from one fiber to the next
// A fiber for `t` on a stack of its own, or null if there is no memory for one.
fiber* make_fiber(worker& w, detail::task& t) noexcept;
// A detached fiber let `error` escape: to options.on_unhandled, or else the end. The fiber itself calls.
void unhandled(runtime_core& core, std::exception_ptr error) noexcept;
// Lets the next one run and queues the present fiber behind it. Returns at once if there is no other.
void yield_to_next(worker& w) noexcept;
// Gives everything of a fiber back that has ended and left its stack.
void bury(worker& w, fiber& dead) noexcept;
// Runs it; returns on the native stack when the worker has nothing quick to run. Requires: the native stack.
void run(worker& w, detail::runnable& r) noexcept;

// ---- launch.cc: memory for tasks and their like, from the processor's own lists (task_pool.h)
// An object of the class, aligned to 64 bytes; null: out of memory.
void* take_object(worker& w, unsigned size_class) noexcept;
void put_object(worker& w, unsigned size_class, void* object) noexcept;
// All that it has, to the shared level.
void give_objects_back(processor& p) noexcept;
void give_objects_back(worker& w) noexcept;

// Makes a task runnable that has inherited already (inherit.h). From outside the runtime; anybody.
void launch_into(runtime_core& core, detail::task& t) noexcept;
// The same, by way of the global queue. From anywhere.
void launch_elsewhere(runtime_core& core, detail::task& t) noexcept;

// ---- special.cc: fibers that may not run everywhere
// A new fiber of a runtime with debug modes.
void begin_special(worker& w, fiber& f) noexcept;
// Sleeps until the fiber that is pinned to this worker is to be resumed, and returns it.
detail::runnable* wait_for_pinned(worker& w) noexcept;
// The processor goes to another worker, because worker::passes_on. Afterwards this one has none.
void pass_on(worker& w) noexcept;

// ---- timers.cc
// Fires what is due on `p` by `now`. True if anything fired. `p` may be another's processor.
bool fire_timers(worker& w, processor& p, env::nanoseconds now) noexcept;
// Fires what is due anywhere; on processors of others only what is late by `tolerance`. True if anything fired.
bool fire_due_timers(worker& w, env::nanoseconds now, env::nanoseconds tolerance) noexcept;
// The earliest deadline of all processors.
env::nanoseconds earliest_timer(const runtime_core& core) noexcept;

// ---- park.cc
// Does what the fiber that has just left its stack here left to be done (worker::leaving).
void finish_departure(worker& w) noexcept;
void finish_departure_stopped(worker& w) noexcept; // its rare parts
void finish_departure_special(worker& w) noexcept;
// ready() for callers that are inside the runtime. The worker may be without a processor.
void ready_inside(worker& w, wait::claimable& a) noexcept;

// ---- worker.cc
// Starts a thread for `p`; 0 or a negative errno.
int start_worker(runtime_core& core, processor& p, bool searching) noexcept;

// An idle processor, taken out of the idle list, or null. Any thread.
processor* try_take_processor(runtime_core& core) noexcept;

// ---- drain.cc
// Called when a fiber ends while the runtime is being drained.
void note_end(runtime_core& core) noexcept;
// How many fibers there have been, and how many of them have ended. Who wants the difference asks for the ends first.
std::uint64_t count_spawned(const runtime_core& core) noexcept;
std::uint64_t count_finished(const runtime_core& core) noexcept;

// ---------------------------------------------------------------------------------------------------------------------------

[[gnu::always_inline]] inline detail::runnable* pick(worker& w) noexcept {
  processor& p = *w.proc;
  p.set_turns(p.turns() - 1);
  fiber* const f = p.next;
  if (f != nullptr && p.next_left != 0) {
    p.next = nullptr;
    --p.next_left;
    return f;
  }
  if (f == nullptr && p.due == nullptr && p.ready.empty() && !p.fresh.empty()) { // as pick_queued() would
    p.next_left = next_budget;
    return p.fresh.pop_back();
  }
  return pick_queued(w);
}

[[gnu::always_inline]] inline void push_next(worker& w, fiber& f) noexcept {
  processor& p = *w.proc;
  if (__builtin_expect(p.next != nullptr, false)) push_ready(w, *p.next);
  p.next = &f;
  if (__builtin_expect(w.runtime.idle_count.load(std::memory_order_relaxed) != 0, false))
    share(w); // relaxed: a hint
}

// The protocol is described in park.cc.
[[gnu::always_inline]] inline void finish_departure(worker& w) noexcept {
  if (__builtin_expect(w.leaving.guard == nullptr, false)) return finish_departure_special(w);
  fiber& f = *w.leaving.parked;
  f.decided.store(w.leaving.publish, std::memory_order_release); // P1 (stop.cc)
  base::light_fence();                                           // P2 (stop.cc)
  if (__builtin_expect(f.stop_requested.load(std::memory_order_relaxed), false))
    return finish_departure_stopped(w); // relaxed: P2
  w.leaving.pending = false;
  wait::lock::release(std::exchange(w.leaving.guard, nullptr));
}

} // namespace thrum::sched
