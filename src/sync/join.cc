// The end of a spawned fiber: who waits for it, who asks it to stop, who frees it.
//
// A task with a handle is shared by its fiber and its handle. Both sides meet under `guard`:
//
//   fiber                                       handle
//   -----                                       ------
//   begins: running = this                      request_stop: stop = true (of a group: the group's)
//   light fence                        // J1    running not set? heavy fence     // J1
//   stop? -> the fiber is asked                 running set? -> guard; still running: stop_fiber
//   ends: guard; ended; take all waiters;       join: guard; ended? else enqueue and park
//         abandoned? -> free, else release      give up: guard; ended? -> free, else abandoned
//
// Orderings
//   J1  the fences above: either the beginning fiber sees the request, or the requester sees the fiber.
// Invariants
//   J2  `ended` is set once, under the guard, by the fiber, which touches nothing of the task after releasing the guard
//       (or frees the task, if it is abandoned). So who has seen `ended` and then the guard free may free the task.
//   J3  `running` points to a live control block whenever it is read under the guard and `ended` is not set.
#include "env/panic.h"
#include "sched/coroutine.h"
#include "sched/describe.h"
#include "sched/park.h"
#include "sched/scheduler.h"
#include "select/engine.h"
#include "sync/holders.h"
#include "sync/unhandled.h"
#include "wait/local.h"

#include <new>
#include <thrum/detail/joinable.h>
#include <thrum/detail/local.h>
#include <thrum/detail/select_case.h>
#include <thrum/error.h>
#include <thrum/stop_token.h>
#include <typeinfo>
#include <utility>

namespace thrum {
namespace sync {

struct join_state {
  wait::lock guard;
  wait::waiter_list joiners;          // guarded
  select::hint ended;                 // has_ended_ready; written under the guard; J2, H1 (select/hint.h)
  base::atomic<std::uint8_t> stop{0}; // 0, or 1 + the cancel_reason; J1
  base::atomic<sched::fiber*> running{nullptr}; // J1, J3
  bool abandoned = false;                       // guarded: the handle was detached
  sched::coroutine* flow = nullptr;             // what runs is no fiber, but this; constant

  bool has_ended() const noexcept { return (ended.load() & detail::has_ended_ready) != 0; }
};
static_assert(sizeof(join_state) <= sizeof(detail::joinable_task::state));

join_state& state_of(detail::joinable_task& t) noexcept {
  return *std::launder(reinterpret_cast<join_state*>(t.state));
}
const join_state& state_of(const detail::joinable_task& t) noexcept {
  return *std::launder(reinterpret_cast<const join_state*>(t.state));
}

const void* runner_word_of(const void* joinable) noexcept {
  return &state_of(*static_cast<const detail::joinable_task*>(joinable)).running;
}

} // namespace sync

namespace detail {

using sync::join_state;
using sync::state_of;

namespace {

[[noreturn]] void panic_joined_twice() noexcept {
  env::panic("join of a fiber handle that refers to no fiber",
             "each handle is joined once: after join(), detach() or a move it is empty (see joinable())");
}

[[noreturn]] void panic_joins_itself() noexcept {
  env::panic("a fiber joins itself", "it would wait for ever");
}

// The exception of a fiber that has ended is dropped with its handle. That often happens while another exception is on its
// way, so it does not end the program.
void report_dropped(const joinable_task& t) noexcept {
  env::report message;
  if (!sync::report_unseen(t.error, "the exception of a fiber was dropped with its handle", nullptr, message))
    return;
  message.text("  in a fiber");
  sched::describe_origin(t.name, t.site, message);
  message.text("\n  join() it, catch it in the fiber, or set options.on_unhandled\n").flush();
}

// Waits for the end without listening to stop requests.
void wait_shielded(joinable_task& t) noexcept {
  join_state& s = state_of(t);
  wait::agent& self = sched::this_agent();
  const sched::shield no_stop(self);
  const wait::lock::held guard = s.guard.acquire(wait::this_thread());
  if (s.has_ended()) {
    wait::lock::release(guard);
  } else {
    if (s.running.load(std::memory_order_relaxed) == &self) panic_joins_itself(); // relaxed: J3
    wait::waiter w;
    w.owner = &self;
    s.joiners.push_back(w);
    sched::park(self, guard, sched::wait_reason::join, &t);
  }
}

bool commit_ended(select::alternative& a, wait::claimable**) noexcept {
  return static_cast<join_state*>(a.source)->has_ended();
}
void enqueue_ended(select::alternative& a) noexcept {
  static_cast<join_state*>(a.source)->joiners.push_back(a);
}
void withdraw_ended(select::alternative& a) noexcept { static_cast<join_state*>(a.source)->joiners.erase(a); }
constexpr select::source_ops ended_ops{commit_ended, enqueue_ended, withdraw_ended};

bool wait_until(joinable_task& t, deadline_t deadline) {
  select::single_wait w(deadline);
  w.source.object = &t;
  w.source.readiness = ended_hint(&t);
  w.source.ready_bit = has_ended_ready;
  w.source.prepare = &prepare_ended;
  return w.run(sched::wait_reason::join, &t);
}

} // namespace

// Something went wrong in the fiber; that it did as it was asked to is no failure.
bool is_failure(const std::exception_ptr& error) noexcept {
  if (error == nullptr) return false;
#if defined(__GLIBCXX__)
  // Without throwing it again: thousands of tasks may end this way at once.
  if (*error.__cxa_exception_type() == typeid(cancelled)) return false;
#endif
  try {
    std::rethrow_exception(error);
  } catch (const cancelled&) { return false; } catch (...) {
    return true;
  }
}

joinable_task::joinable_task(void (*f)(task&), void (*d)(joinable_task&) noexcept, const attrs& a,
                             std::source_location s) noexcept
    : task(f, a, s), destroy(d) {
  joinable = true;
  ::new (state) join_state;
}

void join_by_flow(joinable_task& t, coroutine_flow& f) noexcept {
  t.joinable = false; // each turn has another fiber
  state_of(t).flow = std::launder(reinterpret_cast<sched::coroutine*>(f.state));
}

void begin_joinable(joinable_task& t, sched::fiber& f) noexcept {
  join_state& s = state_of(t);
  s.running.store(&f, std::memory_order_release);                                // J3
  base::light_fence();                                                           // J1
  if (const std::uint8_t why = s.stop.load(std::memory_order_relaxed); why != 0) // relaxed: J1
    sched::note_stop(f, static_cast<cancel_reason>(why - 1));
}

namespace {

// Lets those go who wait for the end. True: nobody will ever ask for the result, and the task is the caller's.
bool publish(joinable_task& t) noexcept {
  join_state& s = state_of(t);
  const wait::lock::held guard = s.guard.acquire(wait::this_thread());
  s.ended.update(has_ended_ready); // J2
  // Claimed waiters are made ready after the guard is gone, but their nodes die as soon as they run: agents first.
  while (wait::waiter* w = wait::pop_claimed(s.joiners)) sched::ready(*w->owner);
  if (s.abandoned) return true;
  wait::lock::release(guard);
  return false;
}

} // namespace

void publish_end(joinable_task& t) {
  const wait::belongings& own = sched::this_agent().own; // they are gone when join returns
  const sched::coroutine* const flow = state_of(t).flow;
  if (__builtin_expect(own.locals != nullptr || own.bound != nullptr, false) &&
      (flow == nullptr || flow->home == nullptr)) // an executor's fiber keeps what it has
    end_belongings();
  if (__builtin_expect(!publish(t), true)) return;
  std::exception_ptr error = t.error;
  t.destroy(t);
  if (is_failure(error)) std::rethrow_exception(std::move(error)); // it was detached
}

void publish_dropped(joinable_task& t) noexcept {
  if (publish(t)) t.destroy(t);
}

void publish_told(joinable_task& t) noexcept {
  end_belongings();
  t.dropped = true;
  publish_dropped(t);
}

namespace {

// Asks one, perhaps once more. True: its state is another one now.
bool ask(listed_task& m, cancel_reason why, runnable*& asleep) noexcept {
  join_state& s = state_of(m.task);
  if (s.flow != nullptr) {
    request_stop(&m.task, why);
    m.request = listed_task::done;
    return true;
  }
  if (s.running.load(std::memory_order_acquire) == nullptr) return false; // J3
  const auto before = std::exchange(m.request, listed_task::done);
  const wait::lock::held guard = s.guard.acquire(wait::this_thread());
  if (!s.has_ended()) {
    sched::fiber& f = *s.running.load(std::memory_order_relaxed); // relaxed: J3
    if (before == listed_task::not_begun) sched::note_stop(f, why);
    if (sched::claim_if_asleep(f))
      f.link = std::exchange(asleep, &f);
    else
      m.request = listed_task::awake;
  }
  wait::lock::release(guard);
  return m.request != before;
}

} // namespace

// Where all of them sleep, which is the rule, there is no fence.
runnable* ask_all(listed_task* first, cancel_reason why) noexcept {
  runnable* asleep = nullptr;
  bool again = false;
  for (listed_task* m = first; m != nullptr; m = m->next) {
    ask(*m, why, asleep);
    again |= m->request != listed_task::done;
  }
  while (std::exchange(again, false)) {
    base::heavy_fence(); // J1, P2 (sched/stop.cc)
    for (listed_task* m = first; m != nullptr; m = m->next)
      if (m->request != listed_task::done && ask(*m, why, asleep)) again |= m->request != listed_task::done;
  }
  return asleep;
}

void wake_asked(runnable* asleep) noexcept { sched::wake_stopped(asleep); }

bool may_begin_joinable(joinable_task& t) noexcept {
  return !state_of(t).stop.load(std::memory_order_relaxed); // relaxed: a flag
}

void drop_task(task& t, std::exception_ptr why) noexcept {
  wait::release(std::exchange(t.bound, nullptr));
  t.dropped = true;
  if (t.joinable) static_cast<joinable_task&>(t).error = std::move(why);
  if (!t.asks_why || why == nullptr) return t.run(t);
  try {
    std::rethrow_exception(std::move(why));
  } catch (...) { t.run(t); }
}

bool wait_ended_until(joinable_task* t, deadline_t deadline) {
  if (t == nullptr) panic_joined_twice();
  join_state& s = state_of(*t);
  if (s.has_ended()) return true;
  wait::agent& self = sched::this_agent();
  if (s.running.load(std::memory_order_relaxed) == &self) // relaxed: only we are at our own address
    panic_joins_itself();
  if (sched::must_stop(self)) throw cancelled(sched::stop_reason(static_cast<sched::fiber&>(self)));
  const wait::lock::held guard = s.guard.acquire(wait::this_thread());
  if (s.has_ended()) {
    wait::lock::release(guard);
    return true;
  }
  if (deadline != no_deadline) {
    wait::lock::release(guard);
    return wait_until(*t, deadline);
  }
  wait::waiter w;
  w.owner = &self;
  s.joiners.push_back(w);
  if (sched::park(self, guard, sched::wait_reason::join, t) == wait::decision::stopped) {
    const wait::lock::held again = s.guard.acquire(wait::this_thread());
    if (w.linked) s.joiners.erase(w);
    wait::lock::release(again);
    throw cancelled(sched::stop_reason(static_cast<sched::fiber&>(self)));
  }
  return true;
}

void free_joined(joinable_task* t) noexcept {
  state_of(*t).guard.wait_until_free(); // J2
  t->destroy(*t);
}

void stop_and_join(joinable_task* t) noexcept {
  request_stop(t);
  if (!has_ended(t)) wait_shielded(*t);
  if (!t->dropped && is_failure(t->error)) report_dropped(*t);
  free_joined(t);
}

void give_up(joinable_task* t) noexcept {
  if (t == nullptr) env::panic("detach of a fiber handle that refers to no fiber");
  join_state& s = state_of(*t);
  const wait::lock::held guard = s.guard.acquire(wait::this_thread());
  if (s.has_ended()) {
    wait::lock::release(guard);
    if (!t->dropped && is_failure(t->error)) report_dropped(*t);
    return t->destroy(*t);
  }
  s.abandoned = true;
  wait::lock::release(guard);
}

bool request_stop(joinable_task* t, cancel_reason why) noexcept {
  if (t == nullptr) return false;
  join_state& s = state_of(*t);
  if (s.has_ended()) return false;
  std::uint8_t none = 0;
  const bool first = s.stop.compare_exchange_strong(
      none, 1 + static_cast<std::uint8_t>(why), std::memory_order_relaxed, // relaxed: the fence orders it
      std::memory_order_relaxed);                                          // relaxed: it was asked before
  if (s.flow != nullptr) {
    const wait::lock::held guard = s.guard.acquire(wait::this_thread());
    if (!s.has_ended()) sched::stop_coroutine(*s.flow, why);
    wait::lock::release(guard);
    return first;
  }
  if (s.running.load(std::memory_order_relaxed) == nullptr) base::heavy_fence(); // relaxed: read again; J1
  if (s.running.load(std::memory_order_acquire) != nullptr) {                    // J3
    const wait::lock::held guard = s.guard.acquire(wait::this_thread());
    if (!s.has_ended()) sched::stop_fiber(*s.running.load(std::memory_order_relaxed), why); // relaxed: J3
    wait::lock::release(guard);
  }
  return first;
}

std::stop_source make_stop_source() { return {}; }

void prepare_ended(select_case& c) noexcept {
  join_state& s = state_of(*static_cast<joinable_task*>(c.object));
  select::prepare(c, ended_ops, &s, s.guard);
}

const void* ended_hint(const joinable_task* t) noexcept {
  return t == nullptr ? nullptr : &state_of(*t).ended;
}

bool has_ended(const joinable_task* t) noexcept { return t == nullptr || state_of(*t).has_ended(); }

} // namespace detail
} // namespace thrum
