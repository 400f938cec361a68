// The wait of an agent, from all sides at once: who fulfils it, who fulfils another alternative of it, who asks it to stop. The
// frame of the wait is an object that ends when the wait returns, so whoever touches it later is found.
#include "base/explore/expect.h"
#include "sched/explore/gate.h"
#include "sched/park.h"

#include <array>

namespace thrum::sched {

namespace explore = base::explore;
using wait::lock;
using wait::decision::first;
using wait::decision::stopped;

namespace {

// Waits at two gates at once, as a select does; returns the number, or 0 for a stop.
int wait_at_both(std::array<gate, 2>& gates, frame_memory& memory) {
  wait::agent& self = sched::this_agent();
  frame& f = memory.begin();
  for (std::size_t i = 0; i < 2; ++i) f.held[i] = gates[i].guard.acquire(wait::this_thread());
  for (gate& g : gates)
    if (const int left = g.take_left(); left != 0) {
      frame::release(&f);
      memory.end(f);
      return left;
    }
  for (std::uint32_t i = 0; i < 2; ++i) {
    f.waiters[i].owner = &self;
    f.waiters[i].slot = &f.value;
    f.waiters[i].index = i;
    gates[i].waiters.push_back(f.waiters[i]);
  }
  const std::uint32_t d = sched::park(self, &frame::release, &f, sched::wait_reason::select, nullptr);
  const std::size_t winner = d == stopped ? 2 : d - first;
  for (std::size_t i = 0; i < 2; ++i) {
    if (i == winner) continue;
    const lock::held held = gates[i].guard.acquire(wait::this_thread());
    if (f.waiters[i].linked) gates[i].waiters.erase(f.waiters[i]);
    lock::release(held);
  }
  const int got = winner < 2 ? f.value.get() : 0;
  explore::require(winner == 2 || got == static_cast<int>(winner) + 1, "the winner's value");
  memory.end(f);
  return got;
}

// A fiber waits; one gives, another asks it to stop. Exactly one of the two ends the wait.
struct value_or_stop : waits_gives_asks {
  int got = -1;

  void thread(int index) {
    if (index != 0) return others(index);
    waits.runs_here();
    got = wait_at(g, memory);
  }
  void finish() {
    explore::require(got + g.left.get() == 7, "the value is got or left");
    explore::require(waits.stop_requested.load(std::memory_order_relaxed), "the request stays");
    explore::require(waits.decided.load(std::memory_order_relaxed) == wait::decision::closed, "closed again");
  }
};

// Nobody gives: the request alone ends the wait, whenever it comes.
struct stop_alone {
  static constexpr int threads = 2;
  explored_core core;
  explored_fiber waits{core}, asks{core};
  gate g;
  frame_memory memory;

  void thread(int index) {
    if (index == 0) {
      waits.runs_here();
      explore::require(wait_at(g, memory) == 0, "stopped");
    } else {
      asks.runs_here();
      sched::stop_fiber(waits);
    }
  }
};

// Two who ask.
struct two_requests {
  static constexpr int threads = 3;
  explored_core core;
  explored_fiber waits{core}, asks{core}, asks_too{core};
  gate g;
  frame_memory memory;

  void thread(int index) {
    if (index == 0) {
      waits.runs_here();
      explore::require(wait_at(g, memory) == 0, "stopped");
    } else {
      (index == 1 ? asks : asks_too).runs_here();
      sched::stop_fiber(waits);
    }
  }
};

// A shielded wait is not ended by a request, which is not lost either.
struct shielded_wait : waits_gives_asks {
  void thread(int index) {
    if (index != 0) return others(index);
    waits.runs_here();
    const sched::shield no_stop(waits);
    explore::require(wait_at(g, memory) == 7, "given");
  }
  void finish() {
    explore::require(waits.stop_requested.load(std::memory_order_relaxed), "the next wait sees the request");
  }
};

// A wait at two gates: two who give, each under a guard of its own.
template <class Agent> struct two_gates {
  static constexpr int threads = 3;
  explored_core core;
  explored_fiber gives{core}, gives_too{core};
  Agent waits{core};
  std::array<gate, 2> gates;
  frame_memory memory;
  int got = -1;

  void thread(int index) {
    if (index == 0) {
      waits.runs_here();
      got = wait_at_both(gates, memory);
    } else {
      (index == 1 ? gives : gives_too).runs_here();
      gates[static_cast<std::size_t>(index - 1)].give(index);
    }
  }
  void finish() {
    explore::require(got > 0 && got + gates[0].left.get() + gates[1].left.get() == 3,
                     "one is got, one is left");
  }
};

// The same with one who gives and one who asks to stop.
struct two_gates_and_stop {
  static constexpr int threads = 3;
  explored_core core;
  explored_fiber waits{core}, gives{core}, asks{core};
  std::array<gate, 2> gates;
  frame_memory memory;
  int got = -1;

  void thread(int index) {
    if (index == 0) {
      waits.runs_here();
      got = wait_at_both(gates, memory);
    } else if (index == 1) {
      gives.runs_here();
      gates[1].give(2);
    } else {
      asks.runs_here();
      sched::stop_fiber(waits);
    }
  }
  void finish() { explore::require(got + gates[1].left.get() == 2, "the value is got or left"); }
};

// Under two guards, too, no request is lost.
struct two_gates_stop_alone {
  static constexpr int threads = 2;
  explored_core core;
  explored_fiber waits{core}, asks{core};
  std::array<gate, 2> gates;
  frame_memory memory;

  void thread(int index) {
    if (index == 0) {
      waits.runs_here();
      explore::require(wait_at_both(gates, memory) == 0, "stopped");
    } else {
      asks.runs_here();
      sched::stop_fiber(waits);
    }
  }
};

// The fiber goes on on another worker while the one that it left still finishes its departure, under two guards: the frame stays
// until the last of them is released, and not longer. Nothing else orders the two.
template <bool Stops> struct goes_on_elsewhere {
  static constexpr int threads = 4;
  explored_core core;
  explored_mover waits{core};
  explored_fiber other{core}, gives{core};
  std::array<gate, 2> gates;
  frame_memory memory;
  int got = -1;

  void thread(int index) {
    if (index == 0) {
      waits.runs_here();
      got = wait_at_both(gates, memory);
      waits.ends();
    } else if (index == 1) {
      waits.stays_behind();
    } else if (index == 2) {
      gives.runs_here();
      gates[1].give(2);
    } else {
      other.runs_here();
      if (Stops)
        sched::stop_fiber(waits);
      else
        gates[0].give(1);
    }
  }
  void finish() {
    explore::require(got + gates[0].left.get() + gates[1].left.get() == (Stops ? 2 : 3), "got or left");
  }
};

// The same under one guard, twice.
struct goes_on_elsewhere_twice {
  static constexpr int threads = 4;
  explored_core core;
  explored_mover waits{core};
  explored_fiber gives{core}, asks{core};
  std::array<gate, 2> gates;
  std::array<frame_memory, 2> memory;
  int got = 0;

  void thread(int index) {
    if (index == 0) {
      waits.runs_here();
      for (std::size_t i = 0; i < 2; ++i) got += wait_at(gates[i], memory[i]);
      waits.ends();
    } else if (index == 1) {
      waits.stays_behind();
    } else if (index == 2) {
      gives.runs_here();
      gates[0].give(7);
    } else {
      asks.runs_here();
      sched::stop_fiber(waits);
    }
  }
  void finish() { explore::require(got + gates[0].left.get() == 7, "the value is got or left"); }
};

// A plain thread waits twice, so a late wake-up of the first wait would disturb the second.
struct thread_waits_twice {
  static constexpr int threads = 3;
  explored_core core;
  explored_guest waits{core};
  explored_fiber gives{core}, gives_too{core};
  std::array<gate, 2> gates;
  std::array<frame_memory, 2> memory;

  void thread(int index) {
    if (index == 0) {
      waits.runs_here();
      explore::require(wait_at(gates[0], memory[0]) == 1, "the first");
      explore::require(wait_at(gates[1], memory[1]) == 2, "the second");
    } else {
      (index == 1 ? gives : gives_too).runs_here();
      gates[static_cast<std::size_t>(index - 1)].give(index);
    }
  }
};

} // namespace

TEST(park_explore, a_value_and_a_stop_request_end_a_wait_once) {
  explore::expect_correct_with_both_fences<value_or_stop>();
}
TEST(park_explore, no_stop_request_is_lost) { explore::expect_correct_with_both_fences<stop_alone>(); }
TEST(park_explore, two_stop_requests_are_as_good_as_one) {
  explore::expect_correct_with_both_fences<two_requests>();
}
TEST(park_explore, a_shielded_wait_is_not_stopped) {
  explore::expect_correct_with_both_fences<shielded_wait>();
}
TEST(park_explore, a_wait_under_two_guards_is_claimed_once) {
  explore::expect_correct<two_gates<explored_fiber>>();
  explore::expect_correct<two_gates<explored_guest>>();
}
TEST(park_explore, a_wait_under_two_guards_may_be_stopped) {
  explore::expect_correct_with_both_fences<two_gates_and_stop>();
  explore::expect_correct_with_both_fences<two_gates_stop_alone>();
}
TEST(park_explore, a_fiber_may_go_on_before_the_worker_that_it_left) {
  explore::expect_correct<goes_on_elsewhere<false>>({.strategy = explore::dfs{.preemptions = 2}});
  explore::expect_correct_with_both_fences<goes_on_elsewhere<true>>(
      {.strategy = explore::dfs{.preemptions = 2}});
  explore::expect_correct_with_both_fences<goes_on_elsewhere_twice>(
      {.strategy = explore::dfs{.preemptions = 2}});
}
TEST(park_explore, a_thread_may_wait_again_at_once) { explore::expect_correct<thread_waits_twice>(); }

TEST(park_explore, every_order_is_needed) {
  constexpr explore::options full{.fences = explore::asymmetric_fences::full};
  explore::expect_no_survivor(explore::mutation_gate(
      {explore::scenario_of<stop_alone>(), explore::scenario_of<value_or_stop>(),
       explore::scenario_of<two_gates<explored_fiber>>(), explore::scenario_of<thread_waits_twice>(),
       explore::scenario_of<two_gates<explored_guest>>(), explore::scenario_of<two_gates_and_stop>(),
       explore::scenario_of<two_gates_stop_alone>(),
       explore::scenario_of<goes_on_elsewhere<true>>({.strategy = explore::dfs{.preemptions = 1}}),
       explore::scenario_of<stop_alone>(full)},
      {.files = {"sched/park.cc", "sched/park.h", "sched/scheduler.h", "wait/waiter.h"}}));
}

} // namespace thrum::sched
