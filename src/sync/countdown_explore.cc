// The countdown behind latch and wait_group as it is: nobody passes before zero, nobody sleeps after it, waits that give up or are
// stopped disturb nobody, and whoever learns of the zero, by any of the three ways, may destroy the object.
#include "sched/explore/agents.h"
#include "sched/park.h"

#include <thrum/error.h>
#include <thrum/latch.h>
#include <thrum/wait_group.h>

#include <array>

namespace thrum {

namespace explore = base::explore;

namespace {

using sched::bounded_without_spurious;
using sched::expect_correct_beyond;
using sched::explored_agents;
using sched::mortal;
using sched::some_time;
using fiber_agent = sched::explored_fiber;
using guest = sched::explored_guest;

// How to learn that the count is zero.
struct waits {
  static void until_zero(latch& l) { l.wait(); }
};
struct looks {
  static void until_zero(latch& l) {
    while (!l.try_wait()) base::relax();
  }
};

// Some count down, the others wait; the last of those destroys the latch.
template <class Way, class Agent, int Waiters, int Counters> struct last_waiter_destroys {
  static constexpr int threads = Waiters + Counters;
  explored_agents<Agent, threads> all;
  mortal<latch> l{Counters};
  std::array<explore::plain<int>, Counters> done;
  sched::last_user users{Waiters};
  void thread(int index) {
    all.runs_here(index);
    if (index >= Waiters) {
      done[static_cast<std::size_t>(index - Waiters)].set(1);
      l->count_down();
      return;
    }
    Way::until_zero(*l);
    for (const auto& each : done) explore::require(each.get() == 1, "all have counted down");
    if (users.leaves()) l.end();
  }
};

template <int Threads> struct all_arrive {
  static constexpr int threads = Threads;
  explored_agents<guest, Threads> all;
  mortal<latch> l{Threads};
  std::array<explore::plain<int>, Threads> done;
  sched::last_user users{Threads};
  void thread(int index) {
    all.runs_here(index);
    done[static_cast<std::size_t>(index)].set(1);
    l->arrive_and_wait();
    for (const auto& each : done) explore::require(each.get() == 1, "all have arrived");
    if (users.leaves()) l.end();
  }
};

// A wait that may give up, beside one that does not: who is told of the zero sees everything and may destroy.
template <class Agent, int Members> struct deadline_or_zero {
  static constexpr int threads = 1 + Members;
  explored_agents<Agent, threads> all;
  mortal<wait_group> g;
  std::array<explore::plain<int>, Members> done;
  deadline_or_zero() { g->add(Members); }
  void thread(int index) {
    all.runs_here(index);
    if (index != 0) {
      done[static_cast<std::size_t>(index - 1)].set(1);
      return g->done();
    }
    if (!g->wait_until(some_time)) g->wait();
    for (const auto& each : done) explore::require(each.get() == 1, "all are done");
    g.end();
  }
};

// One gives up, one waits on, one counts down.
struct one_gives_up {
  static constexpr int threads = 3;
  explored_agents<guest, 3> all;
  mortal<wait_group> g;
  explore::plain<int> done;
  sched::last_user users{2};
  one_gives_up() { g->add(1); }
  void thread(int index) {
    all.runs_here(index);
    if (index == 2) {
      done.set(1);
      return g->done();
    }
    const bool is_zero = index == 1 ? (g->wait(), true) : g->wait_until(some_time);
    if (is_zero) explore::require(done.get() == 1, "it is done");
    if (users.leaves()) g.end();
  }
};

// A stop request: the wait throws only if the count was not zero yet; the group is destroyed when it is.
struct stop_or_zero {
  static constexpr int threads = 3;
  explored_agents<fiber_agent, 3> all;
  mortal<wait_group> g;
  explore::plain<int> done;
  stop_or_zero() { g->add(1); }
  void thread(int index) {
    all.runs_here(index);
    if (index == 1) {
      done.set(1);
      return g->done();
    }
    if (index == 2) return sched::stop_fiber(all[0]);
    bool is_zero = true;
    try {
      g->wait();
    } catch (const cancelled&) { is_zero = false; }
    if (is_zero) explore::require(done.get() == 1, "it is done");
    g.end(); // the destructor waits, shielded
    explore::require(done.get() == 1, "it is done by now");
  }
};

// A member adds another one before it is done.
struct members_add_members {
  static constexpr int threads = 3;
  explored_agents<guest, 3> all;
  mortal<wait_group> g;
  explore::parker begun;
  explore::plain<int> first, second;
  members_add_members() { g->add(1); }
  void thread(int index) {
    all.runs_here(index);
    if (index == 0) {
      g->wait();
      explore::require(first.get() == 1 && second.get() == 1, "all are done");
      g.end();
    } else if (index == 1) {
      g->add(1);
      begun.unpark();
      first.set(1);
      g->done();
    } else {
      begun.park();
      second.set(1);
      g->done();
    }
  }
};

} // namespace

TEST(countdown_explore, who_waited_for_zero_may_destroy_it) {
  explore::expect_correct<last_waiter_destroys<waits, guest, 1, 1>>();
  explore::expect_correct<last_waiter_destroys<waits, guest, 1, 2>>();
  explore::expect_correct<last_waiter_destroys<waits, guest, 2, 1>>(bounded_without_spurious<2>);
  explore::expect_correct<last_waiter_destroys<waits, fiber_agent, 1, 2>>();
}
TEST(countdown_explore, who_has_seen_zero_may_destroy_it) {
  explore::expect_correct<last_waiter_destroys<looks, guest, 1, 1>>();
  explore::expect_correct<last_waiter_destroys<looks, guest, 1, 2>>();
  explore::expect_correct<last_waiter_destroys<looks, guest, 2, 1>>();
}
TEST(countdown_explore, all_who_arrive_pass_together) {
  explore::expect_correct<all_arrive<2>>();
  explore::expect_correct<all_arrive<3>>(bounded_without_spurious<0>);
  expect_correct_beyond<all_arrive<3>>();
}
TEST(countdown_explore, a_wait_that_gives_up_disturbs_nobody) {
  explore::expect_correct<deadline_or_zero<guest, 1>>();
  explore::expect_correct<deadline_or_zero<guest, 2>>(bounded_without_spurious<1>);
  expect_correct_beyond<deadline_or_zero<guest, 2>>();
  explore::expect_correct<one_gives_up>(bounded_without_spurious<1>);
}
TEST(countdown_explore, a_stop_request_ends_a_wait_or_comes_too_late) {
  explore::expect_correct_with_both_fences<stop_or_zero>(bounded_without_spurious<1>);
}
TEST(countdown_explore, a_member_may_add_a_member) { explore::expect_correct<members_add_members>(); }

TEST(countdown_explore, every_order_is_needed) {
  explore::expect_no_survivor(explore::mutation_gate(
      {explore::scenario_of<last_waiter_destroys<waits, guest, 1, 2>>(bounded_without_spurious<1>),
       explore::scenario_of<last_waiter_destroys<waits, guest, 2, 1>>(bounded_without_spurious<1>),
       explore::scenario_of<last_waiter_destroys<looks, guest, 1, 2>>(bounded_without_spurious<1>),
       explore::scenario_of<last_waiter_destroys<looks, guest, 2, 1>>(bounded_without_spurious<1>),
       explore::scenario_of<deadline_or_zero<guest, 2>>(bounded_without_spurious<1>),
       explore::scenario_of<one_gives_up>(bounded_without_spurious<1>),
       explore::scenario_of<stop_or_zero>(bounded_without_spurious<1>)},
      {.files = {"sync/countdown.cc", "detail/countdown.h", "sync/sleep_on.h"}}));
}

} // namespace thrum
