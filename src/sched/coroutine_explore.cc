// A coroutine that waits on one runner and goes on on another, while it is given what it waits for, asked to stop, and while its runtime
// ends. It ends as soon as it may, and a runner is another's as soon as it was left: whoever touches them later is found.
#include "base/explore/expect.h"
#include "sched/coroutine.h"
#include "sched/explore/agents.h"
#include "sched/explore/gate.h"
#include "sched/scheduler.h"

#include <optional>

namespace thrum::sched {

namespace {

// The coroutine, its frame and what is known of it. Turn 1 runs on runners[0], turn 2, if there is one, on runners[1].
template <bool Kept> struct flow_world {
  explored_core core;
  std::optional<explored_fiber> first, second; // made by who runs them
  explored_resumption resumption;
  mortal<coroutine> c{resumption, core.core, Kept};
  gate g;
  wait::waiter waiter;
  explore::plain<int> value;
  explore::plain<int> frame;  // stands for all that turn 1 leaves to turn 2
  explore::plain<int> result; // stands for all that the coroutine does before it ends
  detail::coroutine_turn turns[2];
  base::spin_lock lock; // what a handle has: nobody asks who has ended
  explore::plain<bool> has_ended;
  int got = -1;

  void leave(explored_fiber& runner) {
    // As adopt() in run.cc: the runner is somebody else's fiber now.
    runner.asked.store(0, std::memory_order_relaxed);              // relaxed: as there
    runner.stop_requested.store(false, std::memory_order_relaxed); // relaxed: as there
  }
  void end(int number) {
    got = number;
    result.set(number);
    {
      const base::spin_guard guard(lock);
      has_ended.set(true);
    }
    if (Kept) retire(*c);
    c.end();
  }

  void turn_1() {
    first.emplace(core).runs_here();
    begin_turn(*c, turns[0], true);
    const wait::lock::held held = g.guard.acquire(wait::this_thread());
    const int left = g.take_left();
    if (left != 0 || must_stop(*c)) {
      wait::lock::release(held);
      end_turn(*c, turns[0]);
      end(left);
      leave(*first);
      resumption.bed.unpark(); // there is no turn 2
      return;
    }
    if (Kept) keep(*c);
    end_turn(*c, turns[0]);
    waiter.owner = &*c;
    waiter.slot = &value;
    g.waiters.push_back(waiter);
    frame.set(1);
    wait::lock::held to_release = held;
    if (publish(
            *c, [](void* raw) noexcept { wait::lock::release(*static_cast<wait::lock::held*>(raw)); },
            &to_release))
      ready(*c);
    leave(*first);
  }
  void turn_2() {
    second.emplace(core).runs_here();
    resumption.bed.park();
    if (got != -1) return;
    explore::require(frame.get() == 1, "turn 2 sees turn 1");
    begin_turn(*c, turns[1], true);
    const std::uint32_t d = take_decision(*c);
    int number = 0;
    if (d == wait::decision::stopped) {
      const wait::lock::held held = g.guard.acquire(wait::this_thread());
      if (waiter.linked) g.waiters.erase(waiter);
      wait::lock::release(held);
      explore::require(must_stop(*c), "every later wait is stopped, too");
    } else {
      explore::require(d == wait::decision::first, "the decision is the claim's");
      number = value.get();
    }
    end_turn(*c, turns[1]);
    end(number);
    leave(*second);
  }
  void ask() {
    const base::spin_guard guard(lock);
    if (!has_ended.get()) stop_coroutine(*c, cancel_reason::user);
  }
  void finish() {
    for (auto* f : {&first, &second})
      explore::require(!f->has_value() ||
                           (!(*f)->stop_requested.load(std::memory_order_relaxed) && // relaxed: at the end
                            (*f)->decided.load(std::memory_order_relaxed) == wait::decision::closed),
                       "no request reaches whoever has the runner next");
  }
};

// One gives, another asks.
template <bool Gives> struct value_or_request : flow_world<false> {
  static constexpr int threads = Gives ? 4 : 3;
  explored_fiber asks{this->core}, gives{this->core};

  void thread(int index) {
    if (index == 0) {
      turn_1();
    } else if (index == 1) {
      turn_2();
    } else if (index == 2) {
      asks.runs_here();
      ask();
    } else {
      gives.runs_here();
      g.give(7);
    }
  }
  void finish() {
    flow_world::finish();
    explore::require(Gives ? got + g.left.get() == 7 : got == 0,
                     "the value is got or left; or it is stopped");
  }
};

// The runner itself waits, in a call that blocks: the request finds it there.
struct blocks_on_its_runner : flow_world<false> {
  static constexpr int threads = 2;
  explored_fiber asks{core};
  frame_memory memory;

  void thread(int index) {
    if (index == 0) {
      first.emplace(core).runs_here();
      begin_turn(*c, turns[0], true);
      explore::require(wait_at(g, memory) == 0, "stopped");
      end_turn(*c, turns[0]);
      end(0);
      leave(*first);
    } else {
      asks.runs_here();
      ask();
    }
  }
};

// The runtime ends: a coroutine that it knows is asked, one that it does not know yet is asked in the next round.
struct runtime_ends : flow_world<true> {
  static constexpr int threads = 4;
  explored_guest drains{core};
  explored_fiber gives{core};

  void thread(int index) {
    if (index == 0) {
      turn_1();
    } else if (index == 1) {
      turn_2();
    } else if (index == 2) {
      drains.runs_here();
      stop_all_coroutines(core.core);
      if (count_finished(core.core) == 1) static_cast<void>(result.get()); // N1 (drain.cc)
    } else {
      gives.runs_here();
      g.give(7);
    }
  }
  void finish() {
    flow_world::finish();
    explore::require(got + g.left.get() == 7, "the value is got or left");
    const coroutine_register& all = core.core.coroutines;
    explore::require(all.begun.load(std::memory_order_relaxed) ==
                         all.ended.load(std::memory_order_relaxed), // relaxed: at the end
                     "whoever was listed has ended");
  }
};

} // namespace

TEST(coroutine_explore, a_value_and_a_request_end_a_wait_once) {
  explore::expect_correct_with_both_fences<value_or_request<true>>(
      {.strategy = explore::dfs{.preemptions = 2}});
  expect_correct_beyond<value_or_request<true>>();
}
TEST(coroutine_explore, no_request_is_lost) {
  explore::expect_correct_with_both_fences<value_or_request<false>>(
      {.strategy = explore::dfs{.preemptions = 3}});
}
TEST(coroutine_explore, a_request_finds_the_runner_that_blocks) {
  explore::expect_correct_with_both_fences<blocks_on_its_runner>();
}
TEST(coroutine_explore, the_end_of_a_runtime_touches_nobody_who_has_ended) {
  explore::expect_correct_with_both_fences<runtime_ends>({.strategy = explore::dfs{.preemptions = 2}});
  expect_correct_beyond<runtime_ends>();
}

TEST(coroutine_explore, every_order_is_needed) {
  constexpr explore::options two{.strategy = explore::dfs{.preemptions = 2}};
  constexpr explore::options full{.strategy = explore::dfs{.preemptions = 2},
                                  .fences = explore::asymmetric_fences::full};
  explore::expect_no_survivor(explore::mutation_gate(
      {explore::scenario_of<value_or_request<false>>(two), explore::scenario_of<value_or_request<true>>(two),
       explore::scenario_of<blocks_on_its_runner>(), explore::scenario_of<runtime_ends>(two),
       explore::scenario_of<value_or_request<false>>(full)},
      // Waking a worker for what was queued is explored in idle_explore.cc; and the core, which N4 keeps, is not
      // destroyed in these worlds.
      {.files = {"sched/coroutine.cc"}, .left_alone = {"thread_fence", "visitors"}}));
}

} // namespace thrum::sched
