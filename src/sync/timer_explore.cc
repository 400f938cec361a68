// A timer as it is: that it comes due against who stops, resets and destroys it, and against the fiber that makes the calls. A setting
// is either prevented or called, once; calls never overlap; and the core is freed once, by whoever is last.
#include "env/explore/world.h"
#include "sched/explore/agents.h"
#include "sched/scheduler.h"
#include "sched/timers.h"

#include <thrum/detail/timer_core.h>

#include <functional>

namespace thrum {

namespace explore = base::explore;

namespace {

using sched::bounded_without_spurious;
using sched::expect_correct_beyond;
using fiber_agent = sched::explored_fiber;

// One timer that is set, and agents that use it, fire it, or run what was launched.
template <int Agents, bool Periodic = false> struct timer_in_use {
  struct counts : detail::periodic_timer {
    timer_in_use* mine;
    void operator()() const { mine->called(); }
  };
  struct counts_once {
    timer_in_use* mine;
    void operator()() const { mine->called(); }
  };
  sched::explored_agents<fiber_agent, Agents> all;
  sched::explored_task_memory memory;
  explore::plain<int> calls; // two at once are a race
  explore::plain<int> data;  // for the calls, written while none can come
  detail::timer_core* t = make();

  detail::timer_core* make() {
    const std::source_location here = std::source_location::current();
    if constexpr (Periodic)
      return detail::make_timer(counts{{10}, this}, attrs{}, here);
    else
      return detail::make_timer(counts_once{this}, attrs{}, here);
  }
  timer_in_use() {
    all.runs_here(0);
    detail::set_timer(t, 10);
  }

  void called() {
    calls.set(calls.get() + 1);
    static_cast<void>(data.get());
  }
  void fire() {
    sched::worker& w = sched::enter();
    sched::fire_timers(w, *w.proc, env::explored::later);
    sched::leave();
  }
  void run_launched() {
    while (detail::runnable* r = all.core.core.global.pop(1)) {
      auto& each = static_cast<detail::task&>(*r);
      each.run(each);
    }
  }
  // After the threads: what is still to come, then the end.
  void come_to_rest(bool dropped) {
    all.runs_here(0);
    run_launched();
    if (!dropped) {
      fire();
      run_launched();
      detail::drop_timer(t);
      run_launched();
    }
    fire();
    explore::require(memory.freed == 1, "it is freed once");
  }
};

// One stops it.
struct stop_or_call {
  static constexpr int threads = 3;
  timer_in_use<3> in;
  bool prevented = false;
  void thread(int index) {
    in.all.runs_here(index);
    if (index == 0) prevented = detail::stop_timer(in.t);
    if (index == 1) in.fire();
    in.run_launched();
  }
  void finish() {
    in.come_to_rest(false);
    explore::require(in.calls.get() == (prevented ? 0 : 1), "prevented or called");
  }
};

// Two stop it: it is prevented by one of them at most.
struct two_stops {
  static constexpr int threads = 3;
  timer_in_use<3> in;
  int prevented = 0;
  void thread(int index) {
    in.all.runs_here(index);
    if (index == 2) {
      in.fire();
      return in.run_launched();
    }
    if (detail::stop_timer(in.t)) ++prevented;
  }
  void finish() {
    in.come_to_rest(false);
    explore::require(in.calls.get() + prevented == 1, "prevented or called, once");
  }
};

// One or two set it anew, while it comes due again and again.
template <int Resets, int Fires> struct reset_or_call {
  static constexpr int threads = Resets + 2;
  timer_in_use<threads> in;
  int prevented = 0;
  void thread(int index) {
    in.all.runs_here(index);
    if (index < Resets) {
      if (detail::reset_timer(in.t, 10, 0)) ++prevented;
      return;
    }
    if (index == Resets)
      for (int i = 0; i < Fires; ++i) in.fire();
    in.run_launched();
  }
  void finish() {
    in.come_to_rest(false);
    explore::require(in.calls.get() + prevented == 1 + Resets, "each setting is prevented or called");
  }
};

// Who has prevented a call may write what the next one reads. The fiber of the first may be about to end meanwhile.
struct data_for_the_next {
  static constexpr int threads = 3;
  timer_in_use<3> in;
  bool prevented = false;
  void thread(int index) {
    in.all.runs_here(index);
    if (index == 0) {
      prevented = detail::stop_timer(in.t);
      if (!prevented) return;
      in.data.set(1);
      static_cast<void>(detail::reset_timer(in.t, 10, 0));
      return;
    }
    if (index == 1) in.fire(), in.fire();
    in.run_launched();
  }
  void finish() {
    in.come_to_rest(false);
    explore::require(in.calls.get() == 1, "one of the settings is called");
  }
};

// It is destroyed while it comes due and is called.
template <bool Periodic> struct drop_or_call {
  static constexpr int threads = 3;
  timer_in_use<3, Periodic> in;
  void thread(int index) {
    in.all.runs_here(index);
    if (index == 0) return detail::drop_timer(in.t);
    if (index == 1)
      for (int i = 0; i <= (Periodic ? 1 : 0); ++i) in.fire();
    in.run_launched();
  }
  void finish() {
    in.come_to_rest(true);
    explore::require(in.calls.get() <= (Periodic ? 2 : 1), "no setting is called twice");
  }
};

// The same after it was stopped, by who then knows whether it was called.
struct stop_and_drop {
  static constexpr int threads = 3;
  timer_in_use<3> in;
  bool prevented = false;
  void thread(int index) {
    in.all.runs_here(index);
    if (index == 0) {
      prevented = detail::stop_timer(in.t);
      return detail::drop_timer(in.t);
    }
    if (index == 1) in.fire();
    in.run_launched();
  }
  void finish() {
    in.come_to_rest(true);
    explore::require(in.calls.get() == (prevented ? 0 : 1), "prevented or called");
  }
};

// A ticker is set anew with another period, and stopped.
struct ticker_is_reset {
  static constexpr int threads = 3;
  timer_in_use<3, true> in;
  void thread(int index) {
    in.all.runs_here(index);
    if (index == 0) {
      static_cast<void>(detail::reset_timer(in.t, 10, 20));
      static_cast<void>(detail::stop_timer(in.t));
      return;
    }
    if (index == 1) in.fire(), in.fire();
    in.run_launched();
  }
  void finish() {
    in.all.runs_here(0);
    in.run_launched();
    const int calls = in.calls.get();
    in.fire();
    in.come_to_rest(false);
    explore::require(in.calls.get() == calls, "it was stopped");
  }
};

// The runtime ends: what comes due launches nothing, and tells so.
struct drop_at_the_end {
  static constexpr int threads = 2;
  timer_in_use<2> in;
  drop_at_the_end() {
    in.all.core.core.draining.store(true, std::memory_order_relaxed);
  } // relaxed: before the threads
  void thread(int index) {
    in.all.runs_here(index);
    if (index == 0) return detail::drop_timer(in.t);
    in.fire();
    in.run_launched();
  }
  void finish() {
    in.come_to_rest(true);
    explore::require(in.calls.get() == 0, "nothing is launched any more");
  }
};

} // namespace

TEST(timer_explore, a_setting_is_prevented_or_called) {
  explore::expect_correct<stop_or_call>(bounded_without_spurious<1>);
  explore::expect_correct<two_stops>(bounded_without_spurious<1>);
  explore::expect_correct<reset_or_call<1, 2>>(bounded_without_spurious<1>);
  expect_correct_beyond<reset_or_call<2, 2>>();
  explore::expect_correct<data_for_the_next>(bounded_without_spurious<1>);
  expect_correct_beyond<data_for_the_next>();
}
TEST(timer_explore, it_is_freed_once_by_whoever_is_last) {
  explore::expect_correct<drop_or_call<false>>(bounded_without_spurious<1>);
  explore::expect_correct<drop_or_call<true>>(bounded_without_spurious<1>);
  explore::expect_correct<stop_and_drop>(bounded_without_spurious<1>);
  explore::expect_correct<drop_at_the_end>();
}
TEST(timer_explore, a_ticker_that_was_stopped_is_not_called_any_more) {
  explore::expect_correct<ticker_is_reset>(bounded_without_spurious<1>);
  expect_correct_beyond<ticker_is_reset>();
}

TEST(timer_explore, every_order_is_needed) {
  constexpr explore::options sample{.strategy = explore::pct{5}, .max_executions = 10'000};
  explore::expect_no_survivor(explore::mutation_gate(
      {explore::scenario_of<stop_or_call>(bounded_without_spurious<1>),
       explore::scenario_of<data_for_the_next>(bounded_without_spurious<1>),
       explore::scenario_of<data_for_the_next>(sample), explore::scenario_of<drop_or_call<true>>(sample),
       explore::scenario_of<two_stops>(bounded_without_spurious<1>),
       explore::scenario_of<reset_or_call<1, 2>>(bounded_without_spurious<1>),
       explore::scenario_of<reset_or_call<2, 1>>(sample),
       explore::scenario_of<drop_or_call<false>>(bounded_without_spurious<1>),
       explore::scenario_of<drop_or_call<true>>(bounded_without_spurious<1>),
       explore::scenario_of<stop_and_drop>(bounded_without_spurious<1>),
       explore::scenario_of<drop_at_the_end>()},
      {.files = {"sync/timer.cc"}}));
}

} // namespace thrum
