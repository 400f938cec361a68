#include "select/engine.h"

#include "sched/timers.h"

#include <algorithm>
#include <thrum/detail/deadline.h>
#include <thrum/error.h>
#include <thrum/this_fiber.h>

namespace thrum::select {

namespace {

using wait::lock;

// Chooses among the alternatives that are ready: uniformly (reservoir sampling), or the first. Returns its index or `none`.
template <class IsReady> std::size_t choose(const request& r, wait::thread_context& me, IsReady is_ready) noexcept {
  std::size_t chosen = none;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < r.alternatives.size(); ++i) {
    if (r.alternatives[i] == nullptr || !is_ready(*r.alternatives[i])) continue;
    if (r.ordered) return i;
    ++seen;
    if (seen == 1 || me.random() % seen == 0) chosen = i;
  }
  return chosen;
}

bool hint_says_ready(const alternative& a) noexcept { return (a.readiness->load() & a.ready_bit) != 0; }

// Tries what the hints say is ready, until something is committed or nothing is ready.
std::size_t try_ready(const request& r, wait::thread_context& me) noexcept {
  for (;;) {
    const std::size_t i = choose(r, me, hint_says_ready);
    if (i == none) return none;
    alternative& a = *r.alternatives[i];
    const lock::held guard = a.guard->acquire(me);
    wait::agent* woken = nullptr;
    const bool done = a.ops->try_commit(a, &woken);
    lock::release(guard);
    if (!done) continue; // somebody was faster; the source has corrected its hint
    if (woken != nullptr) sched::ready(*woken);
    return i;
  }
}

// True if at one instant during the call nothing was ready: two readings of all hints that agree.
bool nothing_ready_at_one_instant(const request& r) noexcept {
  constexpr std::size_t at_once = 64; // more alternatives than this are read in pieces, under a sum of their versions
  std::uint32_t first[at_once];
  const std::size_t n = r.alternatives.size();
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (r.alternatives[i] == nullptr) continue;
    const std::uint32_t word = r.alternatives[i]->readiness->load();
    if ((word & r.alternatives[i]->ready_bit) != 0) return false;
    if (i < at_once)
      first[i] = word;
    else
      sum += word; // versions only grow, so an equal sum means equal words
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (r.alternatives[i] == nullptr) continue;
    const std::uint32_t word = r.alternatives[i]->readiness->load();
    if (i < at_once) {
      if (word != first[i]) return false;
    } else {
      sum -= word;
    }
  }
  return sum == 0;
}

// All guards of a waiting select, taken in the order of their addresses, each once.
struct guards {
  explicit guards(request& q) noexcept : r(q) {}

  request& r;
  std::size_t count = 0;
  lock frame; // instead of guards, if there are none: keeps the frame until it is released (W2)
  lock::held only_frame = nullptr;

  void acquire_all(wait::thread_context& me) noexcept {
    std::size_t n = 0;
    for (alternative* a : r.alternatives)
      if (a != nullptr) r.sorted[n++] = a;
    std::sort(r.sorted, r.sorted + n, [](const alternative* a, const alternative* b) { return a->guard < b->guard; });
    for (std::size_t i = 0; i < n; ++i)
      if (i == 0 || r.sorted[i]->guard != r.sorted[i - 1]->guard) r.held[count++] = r.sorted[i]->guard->acquire(me);
    if (count == 0) only_frame = frame.acquire(me);
  }

  void release_all() noexcept {
    // The frame that holds `r.held` stays valid until the last release (W2), but not longer.
    lock::held* held = count == 0 ? &only_frame : r.held;
    for (std::size_t left = count == 0 ? 1 : count; left != 0; --left) lock::release(*held++);
  }

  // When the agent runs again: until the last release is over.
  void leave_frame(wait::thread_context& me) noexcept {
    if (count == 0) lock::release(frame.acquire(me));
  }
};

struct deadline_timer {
  sched::timer_entry entry;
  wait::waiter waiter;
  lock::held wheel = nullptr; // held from arming to the end of the switch
  guards* all = nullptr;
};

void fire(sched::worker& w, sched::timer_entry& e) noexcept {
  auto& t = reinterpret_cast<deadline_timer&>(e); // its first member
  if (wait::claim(t.waiter)) sched::ready_inside(w, *t.waiter.owner);
}

void release_guards(void* argument) noexcept { static_cast<guards*>(argument)->release_all(); }

void release_guards_and_wheel(void* argument) noexcept {
  auto* t = static_cast<deadline_timer*>(argument);
  const lock::held wheel = t->wheel;
  t->all->release_all();
  lock::release(wheel); // last: the frame is valid until then, because the agent cancels the timer or was woken by it
}

// Parks until the wait is decided. Requires: all guards held, all alternatives enqueued.
std::uint32_t sleep(request& r, wait::agent& self, guards& all) noexcept {
  if (r.timeout == none || r.deadline == INT64_MAX) return sched::park(self, &release_guards, &all, r.why, r.what);
  if (self.kind == wait::agent_kind::thread) {
    auto& g = static_cast<wait::guest&>(self);
    g.decided.store(wait::decision::shielded, std::memory_order_release); // P1 (sched/park.cc)
    all.release_all();
    if (!g.sleep_until(r.deadline)) {
      std::uint32_t expected = wait::decision::shielded;
      const auto mine = static_cast<std::uint32_t>(wait::decision::first + r.timeout);
      if (!g.decided.compare_exchange_strong(expected, mine, std::memory_order_acq_rel, std::memory_order_relaxed)) // P1
        g.sleep(); // somebody has claimed the wait and is about to wake us
    }
    return sched::take_decision(self);
  }
  deadline_timer t;
  t.entry.deadline = r.deadline;
  t.entry.fire = &fire;
  t.waiter.owner = &self;
  t.waiter.index = static_cast<std::uint32_t>(r.timeout);
  t.all = &all;
  t.wheel = sched::set_timer(sched::enter(), t.entry);
  const std::uint32_t d = sched::park(self, &release_guards_and_wheel, &t, r.why, r.what);
  if (d != t.waiter.index + wait::decision::first) sched::cancel_timer(wait::this_thread(), t.entry);
  return d;
}

// A deadline that has passed competes with what is ready; but reading the clock costs as much as the rest of a select. So an
// unordered select looks at it first now and then, which is enough that a source that is always ready cannot hide it.
bool timer_goes_first(const request& r, wait::thread_context& me) noexcept {
  if (r.timeout == none) return false;
  constexpr unsigned one_in = 8;
  if (r.ordered ? r.timeout != 0 : me.random() % one_in != 0) return false;
  return detail::steady_now() >= r.deadline;
}

[[noreturn]] void throw_cancelled(const wait::agent& self) {
  throw cancelled(sched::stop_reason(static_cast<const sched::fiber&>(self)));
}

} // namespace

std::size_t run(request& r) {
  wait::thread_context& me = wait::this_thread();
  wait::agent& self = *me.current;
  if (r.stopped != none && this_fiber::stop_requested()) return r.stopped;
  if (timer_goes_first(r, me)) return r.timeout;
  for (;;) {
    if (const std::size_t i = try_ready(r, me); i != none) return i;
    if (r.otherwise == none) break;
    if (nothing_ready_at_one_instant(r)) return r.otherwise;
  }
  if (sched::must_stop(self)) {
    if (r.stopped != none) return r.stopped;
    throw_cancelled(self);
  }
  if (r.timeout != none || r.delay != none) {
    const std::int64_t now = detail::steady_now();
    if (r.delay != none && (r.timeout == none || r.duration < r.deadline - now)) {
      r.timeout = r.delay;
      r.deadline = r.duration > INT64_MAX - now ? INT64_MAX : now + r.duration;
    }
    if (r.deadline <= now) return r.timeout;
  }

  guards all(r);
  all.acquire_all(me);
  for (;;) { // once more, now that nothing can change
    const std::size_t i = choose(r, me, hint_says_ready);
    if (i == none) break;
    wait::agent* woken = nullptr;
    if (!r.alternatives[i]->ops->try_commit(*r.alternatives[i], &woken)) continue;
    all.release_all();
    if (woken != nullptr) sched::ready(*woken);
    return i;
  }
  for (std::size_t i = 0; i < r.alternatives.size(); ++i)
    if (alternative* a = r.alternatives[i]) {
      a->owner = &self;
      a->index = static_cast<std::uint32_t>(i);
      a->ops->enqueue(*a);
    }
  const std::uint32_t d = sleep(r, self, all);
  const std::size_t winner = d >= wait::decision::first ? d - wait::decision::first : none;

  wait::thread_context& here = wait::this_thread(); // perhaps another thread than before
  for (std::size_t i = 0; i < r.alternatives.size(); ++i) {
    alternative* a = r.alternatives[i];
    if (a == nullptr || i == winner) continue;
    const lock::held guard = a->guard->acquire(here); // also if it is not linked any more: W2
    if (a->linked) a->ops->withdraw(*a);
    lock::release(guard);
  }
  all.leave_frame(here);
  if (winner != none) return winner;
  if (r.stopped != none) return r.stopped;
  throw_cancelled(self);
}

} // namespace thrum::select
