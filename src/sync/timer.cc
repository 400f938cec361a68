// timer: a function, an entry in a wheel of deadlines, and the fiber that calls the one when the other is due.
//
// The problem: when a timer is due, its wheel's guard is held, inside the scheduler; there nothing can be allocated that might
// fail, no code of the user's may run, and nobody can be waited for. But a fiber must come out of it, and the timer object may
// be destroyed at that very moment. Ways rejected:
//   - The function in the timer object, moved into a task when due: moving runs the user's code under the guard, a second
//     setting finds no function, and there is no answer to a lack of memory.
//   - A destructor that waits until the fiber has fetched the function: a destructor should not wait for a queue.
//
// The way taken: the function lives in a timer_core, a pooled object that is the task and the wheel's entry as well. Due means
// to push it into a run queue: no allocation, no user's code. It is shared by the timer object and, while `active`, the fiber.
//
// States (bits of `state`)
//   armed      the entry is in a wheel. Set by who sets the timer; cleared by who takes the entry out: fire(), stop, reset
//   due        a setting has come due, and its call has not begun. Set by fire(); cleared by the fiber as it begins the call, or
//              by stop and reset, who thereby prevent it
//   active     the task is in a run queue or runs. Set by fire(), which launches it; cleared by the fiber as its last touch
//   discarded  the entry was taken out because its runtime ends: no call will come of that setting. Set by fire(); cleared by stop and
//              reset, which have prevented it then
//   abandoned  the timer object is gone: who clears `active` destroys the core, or who sets this, if it was clear
//
//   fire():   armed -> due | active; launches the task unless it was active (then the fiber finds `due` when its call returns)
//   fiber:    due? clear it, call, look again; else clear active and end
//
// So calls never overlap, and a call that is prevented after the fiber was launched costs a fiber that does nothing.
//
// `busy` is a lock between those who stop and reset: two of them must not link the entry at the same time. The wheel's
// guard is taken inside it. fire() and the fiber do not take it.
//
// Orderings
//   T1  state: read-modify-writes of fire() and of the fiber (release) -> the fiber's compare-exchange (acquire) and the acquire
//       loads of all others, as they link the entry anew or free the core. All that write meanwhile are read-modify-writes, so
//       the end of a call comes before the next one. What stop and reset do reaches fire() by the wheel's guard.
//   T2  busy: release store -> acquire exchange.
#include "env/panic.h"
#include "sched/park.h"
#include "sched/runtime_core.h"
#include "sched/scheduler.h"
#include "sched/timers.h"

#include <new>
#include <thrum/detail/timer_core.h>
#include <thrum/detail/unhandled.h>
#include <thrum/error.h>

namespace thrum {
namespace detail {

namespace {

enum : std::uint32_t { armed = 1, due = 2, active = 4, abandoned = 8, discarded = 16 };

struct timer_task : task {
  timer_task(void (*f)(task&), const attrs& a, std::source_location s) noexcept : task(f, a, s) {}

  base::atomic<std::uint8_t> busy{0};
  base::atomic<std::uint32_t> state{0};
};

} // namespace

struct timer_core final : timer_task, sched::timer_entry {
  timer_core(const timer_function& f, const attrs& a, std::source_location s) noexcept;

  const timer_function& function;
  // The function follows.
};
#if !defined(THRUM_EXPLORE)
static_assert(sizeof(timer_core) <= 120, "a timer with a small function is to fit the pool's 128 bytes");
#endif

namespace {

std::size_t size_of(const timer_function& f) noexcept { return sizeof(timer_core) + f.size; }

void destroy(timer_core* t) noexcept {
  t->function.destroy(room_of(t));
  free_unmade_timer(t);
}

void call(timer_core& t) {
  try {
    t.function.call(room_of(&t));
  } catch (const cancelled&) { // asked to stop, and did
  } catch (...) {
    if (!give_to_handler(std::current_exception())) throw;
  }
}

// The fiber.
void run_timer(task& raw) {
  auto& t = static_cast<timer_core&>(raw);
  std::uint32_t now = t.state.load(std::memory_order_relaxed); // relaxed: the compare-exchange decides
  for (;;) {
    const std::uint32_t next = (now & due) != 0 ? now & ~due : now & ~active;
    if (!t.state.compare_exchange_weak(now, next, std::memory_order_acq_rel, // T1; perhaps gone from here on
                                       std::memory_order_relaxed))           // relaxed: tried again
      continue;
    if ((now & due) == 0) break;
    call(t);
    now = t.state.load(std::memory_order_relaxed); // relaxed: as above
  }
  if ((now & abandoned) != 0) destroy(&t);
}

// The wheel's guard is held.
void fire(sched::worker& w, sched::timer_entry& e) noexcept {
  auto& t = static_cast<timer_core&>(e);
  const bool may_launch = sched::announce_launch(w);
  const bool repeats = may_launch && t.function.periodic;
  if (repeats) sched::repeat_timer(w, t, static_cast<periodic_timer*>(room_of(&t))->period);
  std::uint32_t now = t.state.load(std::memory_order_relaxed); // relaxed: the compare-exchange decides
  while (!t.state.compare_exchange_weak(
      now, (now & (repeats ? ~0u : ~armed)) | (may_launch ? due | active : discarded),
      std::memory_order_release,  // T1; if nothing is launched: perhaps gone from here on
      std::memory_order_relaxed)) // relaxed: tried again
  {}
  if (!may_launch) return;
  if ((now & active) != 0)
    sched::withdraw_launch(w);
  else
    sched::launch_announced(w, t);
}

// Between users of one timer.
class [[nodiscard]] exclusive {
public:
  explicit exclusive(timer_core& t) noexcept : t_(t) {
    for (unsigned turn = 0; t.busy.exchange(1, std::memory_order_acquire) != 0; ++turn)
      base::back_off(turn); // T2
  }
  ~exclusive() { t_.busy.store(0, std::memory_order_release); } // T2
  exclusive(const exclusive&) = delete;
  exclusive& operator=(const exclusive&) = delete;

private:
  timer_core& t_;
};

// The fiber may change the state at the same time if it is active, but nobody else while the entry is in no wheel.
void clear(timer_core& t, std::uint32_t now, std::uint32_t bits) noexcept {
  if ((now & active) != 0)
    t.state.fetch_and(~bits, std::memory_order_relaxed); // relaxed: T1 passes through
  else
    t.state.store(now & ~bits, std::memory_order_relaxed); // relaxed: nobody else looks
}

// True: the present setting will not lead to a call.
bool disarm(timer_core& t) noexcept {
  bool prevented = false;
  std::uint32_t now = t.state.load(std::memory_order_relaxed); // relaxed: what follows looks again
  if ((now & armed) != 0) {
    prevented = sched::cancel_timer(wait::this_thread(), t);
    now = t.state.load(std::memory_order_acquire); // T1
    if (prevented) clear(t, now, armed);
  }
  if ((now & discarded) != 0) {
    clear(t, t.state.load(std::memory_order_acquire), discarded); // T1
    prevented = true;
  }
  if ((now & due) != 0)
    prevented |=
        (t.state.fetch_and(~due, std::memory_order_relaxed) & due) != 0; // relaxed: who clears it wins
  return prevented;
}

// Requires: it is in no wheel.
void arm(timer_core& t, deadline_t deadline) noexcept {
  const std::uint32_t now = t.state.load(std::memory_order_acquire); // T1
  if ((now & active) != 0)
    t.state.fetch_or(armed, std::memory_order_relaxed); // relaxed: as below
  else
    t.state.store(
        now | armed,
        std::memory_order_relaxed); // relaxed: as in clear(); the wheel's guard orders it before fire()
  t.deadline = deadline;
  if (sched::this_fiber() != nullptr) {
    wait::lock::release(sched::set_timer(sched::enter(), t));
    sched::leave();
  } else {
    sched::set_timer_elsewhere(sched::default_runtime(), wait::this_thread(), t);
  }
}

} // namespace

timer_core::timer_core(const timer_function& f, const attrs& a, std::source_location s) noexcept
    : timer_task(&run_timer, a, s), function(f) {
  fire = &detail::fire;
}

timer_core* allocate_timer(const timer_function& function, const attrs& a, std::source_location site) {
  return ::new (allocate_task(size_of(function))) timer_core(function, a, site);
}

void* room_of(timer_core* t) noexcept { return t + 1; }

void free_unmade_timer(timer_core* t) noexcept {
  const std::size_t size = size_of(t->function);
  t->~timer_core();
  free_task(t, size);
}

void set_timer(timer_core* t, deadline_t deadline) noexcept { arm(*t, deadline); }

bool stop_timer(timer_core* t) noexcept {
  const exclusive mine(*t);
  return disarm(*t);
}

bool reset_timer(timer_core* t, deadline_t deadline, std::int64_t period) noexcept {
  const exclusive mine(*t);
  const bool prevented = disarm(*t);
  if (t->function.periodic) static_cast<periodic_timer*>(room_of(t))->period = period;
  arm(*t, deadline);
  return prevented;
}

void drop_timer(timer_core* t) noexcept {
  disarm(*t); // a timer that is destroyed has no other users
  const std::uint32_t now = t->state.load(std::memory_order_acquire);                                 // T1
  if ((now & active) == 0 || (t->state.fetch_or(abandoned, std::memory_order_acq_rel) & active) == 0) // T1
    destroy(t);
}

void panic_empty_timer() noexcept {
  env::panic("reset of a timer that has no function",
             "a default-constructed or moved-from timer cannot be set; make a new one");
}

void panic_ticker_period() noexcept { env::panic("a ticker was given a period of zero or less"); }

} // namespace detail
} // namespace thrum
