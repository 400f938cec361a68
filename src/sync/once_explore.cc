// once as it is: the function is called by one at a time and returns once, everybody else sees what it did, a call that throws
// lets the next one try, and who has seen the end of the call may destroy the flag.
#include "sched/explore/agents.h"
#include "sched/park.h"

#include <thrum/error.h>
#include <thrum/once.h>

namespace thrum {

namespace explore = base::explore;

namespace {

using sched::bounded;
using sched::expect_correct_beyond;
using sched::explored_agents;
using sched::mortal;
using fiber_agent = sched::explored_fiber;
using guest = sched::explored_guest;

// Nothing else in the world orders the callers.
template <class Agent, int Threads, int Rounds> struct called_once {
  static constexpr int threads = Threads;
  explored_agents<Agent, Threads> all;
  once_flag flag;
  explore::plain<int> made;
  void thread(int index) {
    all.runs_here(index);
    for (int i = 0; i < Rounds; ++i) {
      call_once(flag, [this] { made.set(made.get() + 1); });
      explore::require(made.get() == 1, "it was called once, and that is seen");
    }
  }
};

// Who did not call destroys the flag, when it is the last of those.
template <int Threads> struct seen_and_destroyed {
  static constexpr int threads = Threads;
  explored_agents<guest, Threads> all;
  mortal<once_flag> flag;
  explore::plain<int> made;
  sched::last_user others{Threads - 1};
  void thread(int index) {
    all.runs_here(index);
    bool mine = false;
    call_once(*flag, [this, &mine] {
      made.set(made.get() + 1);
      mine = true;
    });
    explore::require(made.get() == 1, "it was called once");
    if (!mine && others.leaves()) flag.end();
  }
};

// The first call throws.
template <int Threads> struct first_call_throws {
  static constexpr int threads = Threads;
  explored_agents<guest, Threads> all;
  once_flag flag;
  explore::plain<int> calls;
  int failed = 0;
  void thread(int index) {
    all.runs_here(index);
    try {
      call_once(flag, [this] {
        calls.set(calls.get() + 1);
        if (calls.get() == 1) throw 1;
      });
    } catch (int) {
      ++failed;
      return;
    }
    explore::require(calls.get() == 2, "the second call returned");
  }
  void finish() { explore::require(failed == 1 && calls.get() == 2, "one failed, the next did it"); }
};

// One who waits is asked to stop; the other waits on.
struct stopped_waiter {
  static constexpr int threads = 4;
  explored_agents<fiber_agent, 4> all;
  once_flag flag;
  explore::plain<int> made;
  void thread(int index) {
    all.runs_here(index);
    if (index == 3) return sched::stop_fiber(all[0]);
    try {
      call_once(flag, [this] { made.set(made.get() + 1); });
    } catch (const cancelled&) {
      explore::require(index == 0, "only who was asked");
      return;
    }
    explore::require(made.get() == 1, "it was called once, and that is seen");
  }
};

} // namespace

TEST(once_explore, a_function_is_called_once_and_seen_by_all) {
  explore::expect_correct<called_once<guest, 2, 2>>();
  explore::expect_correct<called_once<guest, 3, 1>>(bounded<1>);
  expect_correct_beyond<called_once<guest, 3, 2>>();
  explore::expect_correct<called_once<fiber_agent, 2, 1>>();
}
TEST(once_explore, who_has_seen_the_end_of_the_call_may_destroy_the_flag) {
  explore::expect_correct<seen_and_destroyed<2>>();
  explore::expect_correct<seen_and_destroyed<3>>(bounded<1>);
  expect_correct_beyond<seen_and_destroyed<3>>();
}
TEST(once_explore, after_a_call_that_throws_another_is_made) {
  explore::expect_correct<first_call_throws<2>>();
  expect_correct_beyond<first_call_throws<3>>();
}
TEST(once_explore, a_stopped_waiter_disturbs_nobody) {
  explore::expect_correct_with_both_fences<stopped_waiter>(bounded<0>);
  expect_correct_beyond<stopped_waiter>();
}

TEST(once_explore, every_order_is_needed) {
  explore::expect_no_survivor(explore::mutation_gate({explore::scenario_of<called_once<guest, 2, 1>>(),
                                                      explore::scenario_of<seen_and_destroyed<2>>(),
                                                      explore::scenario_of<seen_and_destroyed<3>>(bounded<1>),
                                                      explore::scenario_of<first_call_throws<2>>(bounded<2>)},
                                                     {.files = {"sync/once.cc", "thrum/once.h"}}));
}

} // namespace thrum
