// How a flow of coroutines runs, waits and ends; include/thrum/detail/coroutine.h says what a flow is, sched/coroutine.h how it waits
// and is stopped.
//
// A turn goes from the moment when a flow is resumed until it waits or ends. During a turn all is plain: one thread has the flow.
// Between turns nobody has it but who has decided its wait, and then its resumption. Each turn has the bindings of the flow
// in force, so that those of its frames follow it from runner to runner.
//
// A flow that belongs to an executor (it was started there) is made ready like any other, on its runtime; its resumption finds that it
// is not at home and posts itself there. So nobody posts with a guard held. (But if it waits for a future, its executor has turns and
// what runs there makes it ready, then it takes one: that queue is the executor's own, and may be reached under any guard.) If the
// executor refuses it, it goes on in its runtime until its next wait; if it is dropped there later, it is asked to stop and goes on
// in its runtime for good.
#include "env/panic.h"
#include "sched/coroutine.h"
#include "sched/park.h"
#include "sched/runtime_core.h"
#include "select/engine.h"
#include "wait/local.h"

#include <new>
#include <thrum/detail/binding.h>
#include <thrum/detail/coroutine.h>
#include <thrum/detail/joinable.h>
#include <thrum/executor.h>

namespace thrum::detail {

namespace {

sched::coroutine& agent_of(coroutine_flow& f) noexcept {
  return *std::launder(reinterpret_cast<sched::coroutine*>(f.state));
}

sched::coroutine_timer* timer_of(coroutine_timer* t) noexcept {
  return t == nullptr ? nullptr : std::launder(reinterpret_cast<sched::coroutine_timer*>(t->state));
}

std::coroutine_handle<> run_turn(coroutine_flow& f, bool owns_runner) noexcept {
  coroutine_turn turn;
  turn.next = f.at;
  f.turn = &turn;
  sched::begin_turn(agent_of(f), turn, owns_runner);
  do std::exchange(turn.next, nullptr).resume();
  while (turn.next);
  if (turn.ended) sched::end_turn(agent_of(f), turn);
  return turn.ended;
}

} // namespace

coroutine_flow::coroutine_flow(task& resumption, runtime* where, bool is_kept) noexcept {
  static_assert(sizeof(sched::coroutine) <= sizeof state);
  sched::runtime_core& core = where != nullptr ? sched::core_of(*where) : sched::current_runtime();
  auto& c = *::new (static_cast<void*>(state)) sched::coroutine(resumption, core, is_kept);
  const wait::belongings& here = wait::this_thread().current->own;
  if (where == nullptr) c.home = here.home;
  c.bound = wait::kept(here.bound);
}

coroutine_flow::~coroutine_flow() { wait::release(agent_of(*this).bound); }

std::coroutine_handle<> run_flow(coroutine_flow& f) noexcept {
  return run_turn(f, agent_of(f).home == nullptr && sched::this_fiber() != nullptr);
}

std::coroutine_handle<> run_flow_inline(coroutine_flow& f) noexcept { return run_turn(f, false); }

bool sent_home(coroutine_flow& f, task& resumption) noexcept {
  sched::coroutine& c = agent_of(f);
  if (__builtin_expect(c.home == nullptr, true)) return false;
  if (resumption.dropped) {
    // Its executor does not want it any more. A coroutine that waits cannot be forgotten: its frame is linked where it waits. So it is
    // asked to stop, and does that on its runtime.
    resumption.dropped = false;
    c.home = nullptr;
    c.is_home = false;
    sched::stop_coroutine(c, cancel_reason::scope_exit);
    sched::ready_coroutine(c);
    return true;
  }
  c.is_home = !c.is_home;
  if (!c.is_home) return false; // it has arrived, and its turn begins
  try {
    c.home->post(resumption);
    return true;
  } catch (...) { // refused, or no memory: its runtime will do
    c.is_home = false;
    return false;
  }
}

void belong_to(coroutine_flow& f, executor& home) noexcept {
  sched::coroutine& c = agent_of(f);
  c.home = &home;
  c.is_home = true; // posted there by the caller
}

void end_flow(coroutine_flow& f) noexcept { sched::retire(agent_of(f)); }

bool begin_wait(coroutine_flow& f, std::coroutine_handle<> at, select_case* const* cases, std::size_t count,
                bool ordered, coroutine_timer* timer, std::size_t& chosen, bool in_a_turn) {
  coroutine_turn& turn = *f.turn;
  agent_of(f).wants_turn = in_a_turn;
  if (timer != nullptr) ::new (static_cast<void*>(timer->state)) sched::coroutine_timer;
  f.at = at;
  try {
    if (select::begin({.cases = {cases, count}, .ordered = ordered}, agent_of(f), turn, timer_of(timer),
                      chosen))
      return true;
  } catch (...) {
    f.turn = &turn;
    throw;
  }
  f.turn = &turn;
  return false;
}

std::size_t finish_wait(coroutine_flow& f, select_case* const* cases, std::size_t count,
                        coroutine_timer* timer) {
  return select::finish({.cases = {cases, count}}, agent_of(f), timer_of(timer));
}

void throw_if_closed(select_case& chosen) {
  if (chosen.when_closed != select_case::at_close::nothing &&
      select::alternative_of(chosen).how == wait::outcome::closed)
    chosen_closed(chosen);
}

bool take_turn(coroutine_flow& f, std::coroutine_handle<> at) {
  sched::coroutine& c = agent_of(f);
  if (!sched::is_among_its_turns(c)) return false;
  if (sched::must_stop(c)) throw cancelled(sched::stop_reason(c));
  coroutine_turn& turn = *f.turn;
  f.at = at;
  sched::keep(c);
  sched::end_turn(c, turn);
  sched::go_on_in_a_turn(c);
  return true;
}

bool begin_sleep(coroutine_flow& f, std::coroutine_handle<> at, deadline_t deadline, coroutine_timer& timer) {
  static_assert(sizeof(sched::coroutine_timer) <= sizeof timer.state);
  sched::coroutine& c = agent_of(f);
  if (sched::must_stop(c)) throw cancelled(sched::stop_reason(c));
  coroutine_turn& turn = *f.turn;
  sched::runtime_core& core = c.runtime;
  auto& t = *::new (static_cast<void*>(timer.state)) sched::coroutine_timer;
  t.deadline = deadline;
  f.at = at;
  c.wants_turn = false;
  sched::keep(c);
  sched::end_turn(c, turn);
  const wait::lock::held wheel = sched::begin_timer(c, t, 0);
  const bool stop_now = sched::publish(c, [](void*) noexcept {}, nullptr);
  sched::end_timer(core, wheel, deadline);
  if (stop_now) sched::ready(c);
  return true;
}

void finish_sleep(coroutine_flow& f, coroutine_timer& timer) {
  sched::coroutine& c = agent_of(f);
  if (sched::take_decision(c) != wait::decision::stopped) return;
  sched::cancel_timer(wait::this_thread(), *timer_of(&timer));
  throw cancelled(sched::stop_reason(c));
}

// ---- a fiber waits for a flow

namespace {

struct end_gate {
  wait::lock guard;
  wait::waiter_list waiters;         // guarded
  base::guarded<bool> ended = false; // guarded
};

end_gate& gate_of(unsigned char* bytes) noexcept { return *std::launder(reinterpret_cast<end_gate*>(bytes)); }

} // namespace

awaited_flow::awaited_flow(std::source_location s) noexcept
    : task(&go_on, attrs{.name = "coroutine"}, s), flow(*this, nullptr, false) {
  static_assert(sizeof(end_gate) <= sizeof state_);
  ::new (static_cast<void*>(state_)) end_gate;
}

awaited_flow::~awaited_flow() = default;

void awaited_flow::go_on(task& t) {
  auto& self = static_cast<awaited_flow&>(t);
  if (sent_home(self.flow, t) || !run_flow(self.flow)) return;
  end_gate& gate = gate_of(self.state_);
  const wait::lock::held guard = gate.guard.acquire(wait::this_thread());
  gate.ended = true;
  const wait::waiter* w = wait::pop_claimed(gate.waiters);
  wait::claimable* woken = w != nullptr ? static_cast<wait::claimable*>(w->owner) : nullptr;
  wait::lock::release(guard); // gone from here on, unless somebody is to be woken
  if (woken != nullptr) sched::ready(*woken);
}

void awaited_flow::run_to_end(std::coroutine_handle<> first) noexcept {
  flow.at = first;
  if (run_flow_inline(flow)) return;
  end_gate& gate = gate_of(state_);
  wait::agent& self = sched::this_agent();
  const auto wait_once = [&] {
    const wait::lock::held guard = gate.guard.acquire(wait::this_thread());
    if (gate.ended) {
      wait::lock::release(guard);
      return true;
    }
    wait::waiter w;
    w.owner = &self;
    gate.waiters.push_back(w);
    if (sched::park(self, guard, sched::wait_reason::coroutine, this) != wait::decision::stopped) return true;
    const wait::lock::held again = gate.guard.acquire(wait::this_thread());
    if (w.linked) gate.waiters.erase(w);
    wait::lock::release(again);
    return false;
  };
  if (wait_once()) return;
  sched::stop_coroutine(agent_of(flow), sched::stop_reason(static_cast<const sched::fiber&>(self)));
  const sched::shield until_it_has_stopped(self);
  wait_once();
}

void panic_empty_coroutine() noexcept {
  env::panic("a task or async_generator that is empty was awaited",
             "each task is awaited once; afterwards, and after a move, it is empty");
}

} // namespace thrum::detail
