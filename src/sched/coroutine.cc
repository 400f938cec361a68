#include "sched/coroutine.h"

#include "base/check.h"
#include "base/sanitizer.h"
#include "sched/drain.h"
#include "sched/handoff.h"
#include "sched/park.h"
#include "sched/scheduler.h"

#include <thrum/detail/self.h>
#include <thrum/executor.h>
#include <utility>

namespace thrum::sched {

namespace decision = wait::decision;

namespace {

constexpr std::uint8_t word_of(cancel_reason why) noexcept { return 1 + static_cast<std::uint8_t>(why); }
constexpr cancel_reason reason_of(std::uint8_t word) noexcept {
  return static_cast<cancel_reason>((word & ~coroutine::asking) - 1);
}

// Whatever happens to the coroutine meanwhile, it does not end before `asking` is cleared. False: it was asked before.
bool begin_asking(coroutine& c, cancel_reason why) noexcept {
  std::uint8_t none = 0;
  return c.stop.compare_exchange_strong(none, word_of(why) | coroutine::asking,
                                        std::memory_order_relaxed,  // relaxed: the fence, or the decision
                                        std::memory_order_relaxed); // relaxed: it is asked
}

void end_asking(coroutine& c) noexcept {
  c.stop.fetch_and(static_cast<std::uint8_t>(~coroutine::asking), std::memory_order_release); // C2
}

// It waits where nobody has decided yet, and that was decided now: the caller makes it ready.
bool stop_wait(coroutine& c) noexcept {
  std::uint32_t pending = decision::open;
  return c.decided.compare_exchange_strong(
      pending, decision::stopped, std::memory_order_acquire, // P1 (stop.cc)
      std::memory_order_relaxed);                            // relaxed: it runs, or is decided otherwise
}

// Behind the fence: the coroutine has seen the request, or its runner or its wait is found here.
void stop_where_it_is(coroutine& c, cancel_reason why) noexcept {
  if (fiber* runner = c.running.load(std::memory_order_acquire); runner != nullptr) // C1
    stop_fiber(*runner, why);
  else if (stop_wait(c))
    ready(c);
  end_asking(c);
}

void wait_for_who_asks(const coroutine& c) noexcept {
  for (unsigned turn = 0; (c.stop.load(std::memory_order_acquire) & coroutine::asking) != 0; ++turn) // C2
    base::back_off(turn);
}

void count_spawned_here(processor& p) noexcept {
  p.spawned.store(p.spawned.load(std::memory_order_relaxed) + 1,
                  std::memory_order_relaxed); // relaxed: N1 (drain.cc)
}

void list(coroutine& c) noexcept {
  coroutine_register& all = c.runtime.coroutines;
  const base::spin_guard guard(all.lock);
  all.waiting.push_back(c);
  all.begun.store(all.begun.load(std::memory_order_relaxed) + 1,
                  std::memory_order_relaxed); // relaxed: guarded; N1 (drain.cc)
  c.is_listed = true;
}

void unlist(coroutine& c) noexcept {
  coroutine_register& all = c.runtime.coroutines;
  const base::spin_guard guard(all.lock);
  (c.asked_by_drain ? all.asked : all.waiting).erase(c);
  all.ended.store(all.ended.load(std::memory_order_relaxed) + 1, // relaxed: guarded
                  std::memory_order_release);                    // N1 (drain.cc)
}

void fire_timer(worker& w, timer_entry& e) noexcept {
  auto& t = static_cast<coroutine_timer&>(e);
  coroutine& owner = *t.owner;
  if (wait::claim(owner, t.index)) ready_inside(w, owner);
}

} // namespace

coroutine::coroutine(detail::task& r, runtime_core& core, bool kept) noexcept
    : claimable(wait::agent_kind::coroutine),
      is_kept(kept),
      resumption_at(static_cast<std::int32_t>(reinterpret_cast<char*>(&r) - reinterpret_cast<char*>(this))),
      runtime(core) {
  THRUM_DCHECK(&resumption() == &r);
}

// ---- the two ends of a wake-up

executor* turns_here() noexcept {
  const wait::thread_head* const me = detail::self();
  if (me == nullptr || me->current == nullptr) return nullptr;
  executor* const home = me->current->own.home;
  return home != nullptr && home->has_turns() ? home : nullptr;
}

bool is_among_its_turns(const coroutine& c) noexcept { return c.home != nullptr && turns_here() == c.home; }

void go_on_in_a_turn(coroutine& c) noexcept {
  detail::task& t = c.resumption();
  t.bound = nullptr; // the coroutine has its own
  c.is_home = true;
  c.home->post_reaction(t);
}

void ready_coroutine(coroutine& c) noexcept {
  if (c.wants_turn && is_among_its_turns(c)) return go_on_in_a_turn(c);
  detail::task& t = c.resumption();
  runtime_core& core = c.runtime;
  t.bound = nullptr; // the coroutine has its own
  base::tsan_release(&t);
  worker* here = try_this_worker();
  if (here == nullptr || &here->runtime != &core) return launch_elsewhere(core, t);
  worker& w = enter();
  count_spawned_here(*w.proc);
  push_fresh(w, t);
  leave();
}

void ready_coroutine_inside(worker& w, coroutine& c) noexcept {
  detail::task& t = c.resumption();
  t.bound = nullptr;
  if (&c.runtime != &w.runtime || w.proc == nullptr) {
    base::tsan_release(&t);
    return launch_elsewhere(c.runtime, t);
  }
  count_spawned_here(*w.proc);
  launch_announced(w, t);
}

// ---- the coroutine

void begin_turn(coroutine& c, detail::coroutine_turn& turn, bool owns_runner) noexcept {
  wait::thread_context& me = wait::this_thread();
  turn.bound_outside = std::exchange(me.current->own.bound, c.bound);
  if (!owns_runner) return;
  auto& runner = static_cast<fiber&>(*me.current);
  c.running.store(&runner, std::memory_order_release);              // C1
  base::light_fence();                                              // C1
  const std::uint8_t word = c.stop.load(std::memory_order_relaxed); // relaxed: C1
  if (__builtin_expect(word != 0, false)) note_stop(runner, reason_of(word));
}

void end_turn(coroutine& c, detail::coroutine_turn& turn) noexcept {
  c.bound = std::exchange(wait::this_thread().current->own.bound, turn.bound_outside);
  c.running.store(nullptr, std::memory_order_relaxed); // relaxed: the fence
  base::light_fence();                                 // C1
  wait_for_who_asks(c);
}

bool publish(coroutine& c, void (*release)(void*) noexcept, void* argument) noexcept {
  c.decided.store(decision::open, std::memory_order_release); // P1 (stop.cc)
  base::light_fence();                                        // P2 (stop.cc)
  bool stop_now = false;
  if (__builtin_expect(c.stop.load(std::memory_order_relaxed) != 0, false)) { // relaxed: P2
    std::uint32_t pending = decision::open;
    stop_now = c.decided.compare_exchange_strong(pending, decision::stopped,
                                                 std::memory_order_relaxed,  // relaxed: we wrote the frame
                                                 std::memory_order_relaxed); // relaxed: lost
  }
  release(argument);
  return stop_now;
}

void keep(coroutine& c) noexcept {
  if (c.is_kept && !c.is_listed) list(c);
}

void retire(coroutine& c) noexcept {
  if (!c.is_listed) return;
  runtime_core& core = c.runtime;
  const worker* here = try_this_worker();
  const bool is_visitor = here == nullptr || &here->runtime != &core; // else its runner keeps the runtime
  if (is_visitor)
    core.visitors.fetch_add(1, std::memory_order_relaxed); // relaxed: the lock orders it before the end
  unlist(c);
  wait_for_who_asks(c);                                                  // who has found it in the list
  if (core.draining.load(std::memory_order_relaxed)) note_end(core);     // relaxed: as in fiber_main
  if (is_visitor) core.visitors.fetch_sub(1, std::memory_order_release); // N4 (drain.cc)
}

bool must_stop(const coroutine& c) noexcept {
  return c.stop.load(std::memory_order_relaxed) != 0 ||
         must_stop(this_agent()); // relaxed: publish() looks again
}

cancel_reason stop_reason(const coroutine& c) noexcept {
  if (const std::uint8_t word = c.stop.load(std::memory_order_relaxed);
      word != 0) // relaxed: a request is in force
    return reason_of(word);
  const fiber* f = this_fiber();
  return f != nullptr ? stop_reason(*f) : cancel_reason::user;
}

// ---- stop requests

bool stop_coroutine(coroutine& c, cancel_reason why) noexcept {
  if (!begin_asking(c, why)) return false;
  if (stop_wait(c)) {
    ready(c);
    end_asking(c);
    return true;
  }
  base::heavy_fence(); // C1, P2 (stop.cc)
  stop_where_it_is(c, why);
  return true;
}

// Those that have come since are asked in the next round of the drain.
void stop_all_coroutines(runtime_core& core) noexcept {
  constexpr unsigned batch = 64; // with one fence
  coroutine_register& all = core.coroutines;
  for (bool more = true; more;) {
    coroutine* asked[batch];
    unsigned count = 0;
    {
      const base::spin_guard guard(all.lock);
      while (count < batch) {
        coroutine* c = all.waiting.pop_front();
        more = c != nullptr;
        if (!more) break;
        all.asked.push_back(*c);
        c->asked_by_drain = true;
        if (begin_asking(*c, cancel_reason::shutdown)) asked[count++] = c;
      }
    }
    if (count == 0) continue;
    base::heavy_fence(); // C1, P2 (stop.cc)
    for (unsigned i = 0; i < count; ++i) stop_where_it_is(*asked[i], cancel_reason::shutdown);
  }
}

// ---- deadlines

wait::lock::held begin_timer(coroutine& c, coroutine_timer& t, std::uint32_t index) noexcept {
  t.owner = &c;
  t.index = index;
  t.fire = &fire_timer;
  t.touches = &c;
  t.is_set = true;
  if (this_fiber() != nullptr) return set_timer(enter(), t);
  return hold_timer_elsewhere(c.runtime, wait::this_thread(), t);
}

void end_timer(runtime_core& core, wait::lock::held wheel, env::nanoseconds deadline) noexcept {
  wait::lock::release(wheel);
  if (this_fiber() != nullptr) return leave();
  announce_deadline(core, deadline);
}

} // namespace thrum::sched
