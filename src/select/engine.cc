#include "select/engine.h"

#include "sched/runtime_core.h"

#include <algorithm>
#include <memory>
#include <thrum/detail/deadline.h>
#include <thrum/error.h>
#include <thrum/this_fiber.h>

namespace thrum::select {

namespace {

using detail::select_case;
using kind = select_case::kind;
using wait::lock;

constexpr std::size_t none = SIZE_MAX;

std::uint32_t read_hint(const select_case& c) noexcept {
  return static_cast<const hint*>(c.readiness)->load();
}

// What a first walk over the cases finds.
struct survey {
  std::size_t ready = none; // the chosen one of those that are ready
  std::size_t otherwise = none;
  std::size_t stopped = none;
  std::size_t timeout = none; // the earliest `at`
  std::int64_t deadline = INT64_MAX;
  std::size_t delay = none; // the shortest `after`
  std::int64_t duration = INT64_MAX;
  // The first reading of the hints, for nothing_ready_at_one_instant.
#if defined(THRUM_EXPLORE)
  static constexpr std::size_t kept = 1; // small models must reach both
#else
  static constexpr std::size_t kept = 32;
#endif
  std::uint32_t words[kept];
  std::uint64_t sum = 0; // of the words beyond; they only grow, so equal sums mean equal words
};

// Chooses among the ready sources: uniformly (reservoir sampling), or the first.
struct chooser {
  wait::thread_context& me;
  bool ordered;
  std::uint64_t seen = 0;
  std::size_t chosen = none;

  void offer(std::size_t i) noexcept {
    ++seen;
    if (seen == 1 || (!ordered && me.random() % seen == 0)) chosen = i;
  }
};

void look(const request& r, wait::thread_context& me, survey& s) noexcept {
  chooser choice{me, r.ordered};
  s.sum = 0;
  for (std::size_t i = 0; i < r.cases.size(); ++i) {
    const select_case& c = *r.cases[i];
    if (c.what == kind::source) [[likely]] { // no jump table: it costs as much as the rest of the turn
      if (c.readiness == nullptr) continue;
      if (const std::uint32_t word = read_hint(c); (word & c.ready_bit) != 0)
        choice.offer(i);
      else if (i < survey::kept)
        s.words[i] = word;
      else
        s.sum += word;
      continue;
    }
    switch (c.what) {
    case kind::source: break;
    case kind::after:
      if (s.delay != none && s.duration <= c.time) break; // a shorter one is there already
      s.delay = i;
      s.duration = c.time;
      break;
    case kind::at:
      if (s.timeout != none && s.deadline <= c.time) break;
      s.timeout = i;
      s.deadline = c.time;
      break;
    case kind::stopped: s.stopped = i; break;
    case kind::otherwise: s.otherwise = i; break;
    }
  }
  s.ready = choice.chosen;
}

std::size_t choose_ready(const request& r, wait::thread_context& me) noexcept {
  chooser choice{me, r.ordered};
  for (std::size_t i = 0; i < r.cases.size(); ++i) {
    const select_case& c = *r.cases[i];
    if (c.what == kind::source && c.readiness != nullptr && (read_hint(c) & c.ready_bit) != 0)
      choice.offer(i);
  }
  return choice.chosen;
}

// Tries case i under its guard.
bool commit(select_case& c, wait::thread_context& me) noexcept {
  c.prepare(c);
  alternative& a = alternative_of(c);
  const lock::held guard = a.guard->acquire(me);
  wait::claimable* woken = nullptr;
  const bool done = a.ops->try_commit(a, &woken);
  lock::release(guard);
  if (woken != nullptr) sched::ready(*woken);
  return done;
}

// Requires: look() found nothing ready. True if at one instant since it began no source was ready: a second reading of all hints
// agrees with the first (hint.h).
bool nothing_ready_at_one_instant(const request& r, const survey& s) noexcept {
  std::uint64_t sum = s.sum;
  for (std::size_t i = 0; i < r.cases.size(); ++i) {
    const select_case& c = *r.cases[i];
    if (c.what != kind::source || c.readiness == nullptr) continue;
    const std::uint32_t word = read_hint(c);
    if (i >= survey::kept)
      sum -= word;
    else if (word != s.words[i])
      return false;
  }
  return sum == 0;
}

// A deadline that has passed competes with what is ready; but reading the clock costs as much as the rest of a select. So an
// unordered select looks at it first now and then, which is enough that a source that is always ready cannot hide it.
bool timer_goes_first(const survey& s, const request& r, wait::thread_context& me) noexcept {
  constexpr unsigned one_in = 8;
  if (r.ordered ? s.timeout > s.ready : me.random() % one_in != 0) return false;
  return detail::steady_now() >= s.deadline;
}

// One of several guards, which are taken in the order of their addresses. A simulation is not to interrupt between them: who runs then
// would meet those that are taken already, and which these are, no seed says.
[[gnu::always_inline]] inline lock::held acquire_another(lock& guard, wait::thread_context& me) noexcept {
  return __builtin_expect(me.is_simulated, false) ? guard.acquire_seldom(me) : guard.acquire(me);
}

// The sources of a select that waits, with room for their guards.
struct sources {
  static constexpr std::size_t on_stack = 16;
  alternative* few[on_stack];
  lock::held few_held[on_stack];
  std::unique_ptr<void*[]> many;
  alternative** all = few;
  lock::held* held = few_held;
  std::size_t count = 0; // of `all`, in the order of their guards
  std::size_t guard_count = 0;
  lock
      frame; // taken instead of guards if there are none: keeps this frame until it is released (W2 in wait/waiter.h)

  explicit sources(const request& r) {
    if (r.cases.size() > on_stack) {
      many = std::make_unique_for_overwrite<void*[]>(2 * r.cases.size());
      all = reinterpret_cast<alternative**>(many.get());
      held = reinterpret_cast<lock::held*>(many.get() + r.cases.size());
    }
    for (std::size_t i = 0; i < r.cases.size(); ++i) {
      select_case& c = *r.cases[i];
      if (c.what != kind::source || c.readiness == nullptr) continue;
      c.prepare(c);
      alternative& a = alternative_of(c);
      a.index = static_cast<std::uint32_t>(i);
      all[count++] = &a;
    }
    std::sort(all, all + count,
              [](const alternative* a, const alternative* b) { return a->guard < b->guard; });
  }

  void acquire(wait::thread_context& me) noexcept {
    for (std::size_t i = 0; i < count; ++i)
      if (i == 0 || all[i]->guard != all[i - 1]->guard)
        held[guard_count++] = acquire_another(*all[i]->guard, me);
    if (guard_count == 0) held[guard_count++] = frame.acquire(me);
  }

  // The frame stays valid until the last guard is released, but not longer.
  void release() noexcept {
    lock::held* next = held;
    for (std::size_t left = guard_count; left != 0; --left) lock::release(*next++);
  }

  // Takes every guard but the winner's once more, also where nothing is linked any more (W2).
  void withdraw_all_but(std::size_t winner, wait::thread_context& me) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
      alternative& a = *all[i];
      if (a.index == winner) continue;
      const lock::held guard = acquire_another(*a.guard, me);
      if (a.linked) a.ops->withdraw(a);
      lock::release(guard);
    }
    if (count == 0) lock::release(frame.acquire(me));
  }
};

void release_sources(void* argument) noexcept { static_cast<sources*>(argument)->release(); }

// Who selects, as far as stop requests go.
struct parking_agent {
  const wait::agent& self;
  bool stop_requested() const noexcept { return this_fiber::stop_requested(); }
  bool must_stop() const noexcept { return sched::must_stop(self); }
  [[noreturn]] void throw_cancelled() const {
    throw cancelled(sched::stop_reason(static_cast<const sched::fiber&>(self)));
  }
};
struct awaiting_coroutine {
  const sched::coroutine& self;
  bool stop_requested() const noexcept { return must_stop() || this_fiber::stop_requested(); }
  bool must_stop() const noexcept { return sched::must_stop(self); }
  [[noreturn]] void throw_cancelled() const { throw cancelled(sched::stop_reason(self)); }
};

// Steps 1 and 2, and all else that needs no waiting: the case that was done, or `none`. Then s.timeout and s.deadline tell which
// of the times counts.
template <class Who> [[gnu::always_inline]] inline std::size_t do_at_once(const request& r, const Who& who,
                                                                          wait::thread_context& me,
                                                                          survey& s) {
  look(r, me, s);
  if (s.stopped != none && who.stop_requested()) return s.stopped;
  if (s.timeout != none && timer_goes_first(s, r, me) && !who.must_stop()) return s.timeout;
  for (;;) {
    while (s.ready != none) {
      if (commit(*r.cases[s.ready], me)) return s.ready;
      look(r, me, s); // somebody was faster
    }
    if (s.otherwise == none) break;
    if (nothing_ready_at_one_instant(r, s)) return s.otherwise;
    look(r, me, s);
  }
  if (who.must_stop()) {
    if (s.stopped != none) return s.stopped;
    who.throw_cancelled();
  }
  if (s.timeout != none || s.delay != none) {
    const std::int64_t now = detail::steady_now();
    if (s.delay != none && (s.timeout == none || s.duration < s.deadline - now)) {
      s.timeout = s.delay;
      s.deadline = s.duration > INT64_MAX - now ? INT64_MAX : now + s.duration;
    }
    if (s.deadline <= now) return s.timeout;
  }
  return none;
}

// Once more, now that nothing can change. If a case can be done, the guards are released.
[[gnu::always_inline]] inline std::size_t do_guarded(const request& r, wait::thread_context& me,
                                                     sources& waiting) {
  for (std::size_t i; (i = choose_ready(r, me)) != none;) {
    alternative& a = alternative_of(*r.cases[i]);
    wait::claimable* woken = nullptr;
    if (!a.ops->try_commit(a, &woken)) continue; // its waiters were decided elsewhere; the hint is right now
    waiting.release();
    if (woken != nullptr) sched::ready(*woken);
    return i;
  }
  return none;
}

void enqueue_all(sources& waiting, wait::claimable& self) noexcept {
  for (std::size_t i = 0; i < waiting.count; ++i) {
    waiting.all[i]->owner = &self;
    waiting.all[i]->ops->enqueue(*waiting.all[i]);
  }
}

} // namespace

std::size_t run(const request& r) {
  wait::thread_context& me = wait::this_thread();
  wait::about_to_act(me);
  wait::agent& self = *me.current;
  const parking_agent who{self};
  survey s;
  if (const std::size_t i = do_at_once(r, who, me, s); i != none) return i;
  sources waiting(r);
  waiting.acquire(me);
  if (const std::size_t i = do_guarded(r, me, waiting); i != none) return i;
  enqueue_all(waiting, self);
  const std::uint32_t d = s.timeout == none || s.deadline == INT64_MAX
                              ? sched::park(self, &release_sources, &waiting, r.why, r.what)
                              : sched::park_until(self, nullptr, &release_sources, &waiting, s.deadline,
                                                  static_cast<std::uint32_t>(s.timeout), r.why, r.what);
  const std::size_t winner = d >= wait::decision::first ? d - wait::decision::first : none;
  waiting.withdraw_all_but(winner, wait::this_thread()); // perhaps another thread than before
  if (winner != none) return winner;
  if (s.stopped != none) return s.stopped;
  who.throw_cancelled();
}

bool begin(const request& r, sched::coroutine& self, detail::coroutine_turn& turn,
           sched::coroutine_timer* timer, std::size_t& chosen) {
  wait::thread_context& me = wait::this_thread();
  survey s;
  chosen = do_at_once(r, awaiting_coroutine{self}, me, s);
  if (chosen != none) return false;
  sources waiting(r);
  waiting.acquire(me);
  if ((chosen = do_guarded(r, me, waiting)) != none) return false;
  sched::keep(self);
  const bool has_deadline = s.timeout != none && s.deadline != INT64_MAX;
  if (waiting.count == 0 && !has_deadline) // what sources::frame is to run()
    waiting.held[waiting.guard_count++] = self.runtime.coroutines.nothing.acquire(me);
  sched::end_turn(self, turn);
  enqueue_all(waiting, self);
  bool stop_now;
  if (has_deadline) {
    sched::runtime_core& core = self.runtime;
    timer->deadline = s.deadline;
    const lock::held wheel = sched::begin_timer(self, *timer, static_cast<std::uint32_t>(s.timeout));
    stop_now = sched::publish(self, &release_sources, &waiting);
    sched::end_timer(core, wheel, s.deadline);
  } else {
    stop_now = sched::publish(self, &release_sources, &waiting);
  }
  if (stop_now) sched::ready(self);
  return true;
}

std::size_t finish(const request& r, sched::coroutine& self, sched::coroutine_timer* timer) {
  const std::uint32_t d = sched::take_decision(self);
  const std::size_t winner = d >= wait::decision::first ? d - wait::decision::first : none;
  wait::thread_context& me = wait::this_thread();
  const bool has_timer = timer != nullptr && timer->is_set;
  bool has_source = false;
  std::size_t stopped = none;
  for (std::size_t i = 0; i < r.cases.size(); ++i) {
    select_case& c = *r.cases[i];
    if (c.what == kind::stopped) stopped = i;
    if (c.what != kind::source || c.readiness == nullptr) continue;
    has_source = true;
    if (i == winner) continue;
    alternative& a = alternative_of(c);
    const lock::held guard = a.guard->acquire(me);
    if (a.linked) a.ops->withdraw(a);
    lock::release(guard);
  }
  if (has_timer && timer->index != winner) sched::cancel_timer(me, *timer);
  if (!has_source && !has_timer) lock::release(self.runtime.coroutines.nothing.acquire(me));
  if (winner != none) return winner;
  if (stopped != none) return stopped;
  awaiting_coroutine{self}.throw_cancelled();
}

} // namespace thrum::select

namespace thrum::detail {

std::size_t select_cases(select_case* const* cases, std::size_t count, bool ordered,
                         std::exception_ptr* closed) {
  const std::size_t chosen = select::run({.cases = {cases, count}, .ordered = ordered});
  select_case& c = *cases[chosen];
  if (c.when_closed == select_case::at_close::nothing) return chosen;
  if (c.when_closed == select_case::at_close::lock_is_noted) {
    note_chosen_lock(c);
  } else if (select::alternative_of(c).how == wait::outcome::closed) {
    if (closed == nullptr)
      chosen_closed(c);
    else
      *closed = why_closed(c);
  }
  return chosen;
}

} // namespace thrum::detail
