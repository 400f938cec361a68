// The barrier as it is: nobody passes before all have arrived, the completion function runs once, alone, before anybody passes; a
// stop request and a phase that ends meet; and who has passed last may destroy it.
#include "sched/explore/agents.h"
#include "sched/park.h"

#include <thrum/barrier.h>
#include <thrum/error.h>

#include <array>

namespace thrum {

namespace explore = base::explore;

namespace {

using sched::bounded;
using sched::expect_correct_beyond;
using sched::explored_agents;
using sched::mortal;
using fiber_agent = sched::explored_fiber;
using guest = sched::explored_guest;

// What the completion function does: it sees what all did before they arrived.
template <int Threads> struct sums {
  std::array<explore::plain<int>, Threads> done;
  explore::plain<int> phases;

  void check_and_count() {
    for (const auto& each : done) explore::require(each.get() == phases.get() + 1, "all have arrived");
    phases.set(phases.get() + 1);
  }
};
template <int Threads> struct counting {
  sums<Threads>* s;
  void operator()() noexcept { s->check_and_count(); }
};

// How to arrive and to wait.
struct at_once {
  template <class Barrier> static void arrive_and_wait(Barrier& b) { b.arrive_and_wait(); }
};
struct by_token {
  template <class Barrier> static void arrive_and_wait(Barrier& b) { b.wait(b.arrive()); }
};

template <class Way, class Agent, int Threads, int Phases> struct all_meet {
  static constexpr int threads = Threads;
  explored_agents<Agent, Threads> all;
  sums<Threads> s;
  mortal<barrier<counting<Threads>>> b{Threads, counting<Threads>{&s}};
  sched::last_user users{Threads};
  void thread(int index) {
    all.runs_here(index);
    for (int phase = 1; phase <= Phases; ++phase) {
      s.done[static_cast<std::size_t>(index)].set(phase);
      Way::arrive_and_wait(*b);
      explore::require(s.phases.get() == phase, "the phase is complete");
    }
    if (users.leaves()) b.end();
  }
};

// One arrives and is not expected any more; it may be the last, and does not wait. Who waits destroys the barrier.
struct one_drops {
  static constexpr int threads = 2;
  explored_agents<guest, 2> all;
  mortal<barrier<>> b{2};
  explore::plain<int> done;
  void thread(int index) {
    all.runs_here(index);
    if (index == 0) {
      done.set(1);
      return b->arrive_and_drop();
    }
    b->arrive_and_wait();
    explore::require(done.get() == 1, "both have arrived");
    b->arrive_and_wait(); // alone now
    b.end();
  }
};

// One arrives without waiting: the others see what it did. Who waits destroys the barrier.
template <class Way> struct one_only_arrives {
  static constexpr int threads = 2;
  explored_agents<guest, 2> all;
  mortal<barrier<>> b{2};
  explore::plain<int> done;
  void thread(int index) {
    all.runs_here(index);
    if (index == 0) {
      done.set(1);
      return static_cast<void>(b->arrive());
    }
    Way::arrive_and_wait(*b);
    explore::require(done.get() == 1, "both have arrived");
    b.end();
  }
};

// A stop request against the end of the phase: a wait that throws left before it; the arrival counts in any case.
struct stop_or_end {
  static constexpr int threads = 3;
  explored_agents<fiber_agent, 3> all;
  barrier<> b{2};
  std::array<explore::plain<int>, 2> done;
  void thread(int index) {
    all.runs_here(index);
    if (index == 2) return sched::stop_fiber(all[0]);
    done[static_cast<std::size_t>(index)].set(1);
    bool passed = true;
    try {
      b.arrive_and_wait();
    } catch (const cancelled&) { passed = false; }
    explore::require(passed || index == 0, "only who was asked");
    if (passed) explore::require(done[0].get() + done[1].get() == 2, "both have arrived");
  }
};

} // namespace

TEST(barrier_explore, nobody_passes_before_all_have_arrived) {
  explore::expect_correct<all_meet<at_once, guest, 2, 1>>();
  explore::expect_correct<all_meet<by_token, guest, 2, 1>>();
  explore::expect_correct<all_meet<at_once, fiber_agent, 2, 2>>();
  explore::expect_correct<all_meet<by_token, guest, 2, 2>>(bounded<2>);
  explore::expect_correct<all_meet<at_once, guest, 3, 1>>();
  explore::expect_correct<all_meet<by_token, guest, 3, 1>>(bounded<1>);
  expect_correct_beyond<all_meet<at_once, guest, 3, 2>>();
}
TEST(barrier_explore, who_drops_is_not_expected_again) { explore::expect_correct<one_drops>(); }
TEST(barrier_explore, who_waits_may_destroy_it) {
  explore::expect_correct<one_only_arrives<at_once>>();
  explore::expect_correct<one_only_arrives<by_token>>();
}
TEST(barrier_explore, a_stop_request_ends_a_wait_or_comes_too_late) {
  explore::expect_correct_with_both_fences<stop_or_end>();
}

TEST(barrier_explore, every_order_is_needed) {
  explore::expect_no_survivor(explore::mutation_gate({explore::scenario_of<all_meet<by_token, guest, 2, 1>>(),
                                                      explore::scenario_of<one_only_arrives<by_token>>(),
                                                      explore::scenario_of<one_only_arrives<at_once>>(),
                                                      explore::scenario_of<one_drops>()},
                                                     {.files = {"sync/barrier.cc", "thrum/barrier.h"}}));
}

} // namespace thrum
