// Parking by address as it is: no wake-up is lost between a value and the number of sleepers, also when a deadline or a stop request
// meets it; and the place of an address survives whoever leaves the queue first.
#include "sync/parking.h"

#include "base/explore/lifetime.h"
#include "sched/explore/agents.h"

#include <thrum/error.h>

namespace thrum::sync {

namespace explore = base::explore;

namespace {

using sched::bounded_without_spurious;
using sched::expect_correct_beyond;
using sched::explored_agents;
using sched::mortal;
using sched::some_time;
using fiber_agent = sched::explored_fiber;
using guest = sched::explored_guest;

// An atomic, as the public one is made.
struct value {
  base::atomic<int> now{0};

  static bool differs(const detail::awaited& what, std::memory_order order) noexcept {
    return static_cast<const value*>(what.address)->now.load(order) != *static_cast<const int*>(what.old);
  }
  bool wait(parking_lot& lot, parking_key key, detail::deadline_t deadline = detail::no_deadline) const {
    const int old = 0;
    return lot.wait(key, {this, &old, std::memory_order_acquire, differs}, deadline);
  }
};
constexpr auto release = std::memory_order_release;
constexpr auto relaxed = std::memory_order_relaxed;

// A change and its notification, and as many who wait for it. What was written before the change is seen after the wait.
template <class Agent, int Waiters, bool All> struct change_is_noticed {
  static constexpr int threads = Waiters + 1;
  explored_agents<Agent, threads> all;
  parking_lot lot;
  value v;
  explore::plain<int> data;
  void thread(int index) {
    all.runs_here(index);
    if (index != Waiters) {
      explore::require(v.wait(lot, 5), "there is no deadline");
      explore::require(data.get() == 7, "who waits sees what came before the change");
      return;
    }
    data.set(7);
    v.now.store(1, release);
    if (All) return lot.wake(5, true);
    for (int i = 0; i < Waiters; ++i) lot.wake(5, false);
  }
};

// Nothing but the value and the number: the smallest world in which a fence counts.
template <class Agent> struct only_the_fences {
  static constexpr int threads = 2;
  explored_agents<Agent, 2> all;
  parking_lot lot;
  value v;
  void thread(int index) {
    all.runs_here(index);
    if (index == 0) {
      const int old = 0;
      lot.wait(5, {&v, &old, relaxed, value::differs}, detail::no_deadline);
    } else {
      v.now.store(1, relaxed);
      lot.wake(5, false);
    }
  }
};

// Each of two waits for what the other changes, as in a ring.
struct two_turns {
  static constexpr int threads = 2;
  explored_agents<guest, 2> all;
  parking_lot lot;
  value turn[2];
  void thread(int index) {
    all.runs_here(index);
    value& mine = turn[index];
    value& others = turn[1 - index];
    if (index == 1) mine.wait(lot, 6);
    others.now.store(1, release);
    lot.wake(index == 1 ? 5 : 6, false);
    if (index == 0) mine.wait(lot, 5);
  }
};

// Three addresses in one lot, whose places hang below each other; each is waited for by one.
struct strangers {
  static constexpr int threads = 4;
  static constexpr parking_key keys[3] = {0, 1, 3};
  explored_agents<guest, threads> all;
  parking_lot lot{1};
  value v[3];
  void thread(int index) {
    all.runs_here(index);
    if (index != 3) {
      v[index].wait(lot, keys[index]);
      return;
    }
    for (int i = 0; i < 3; ++i) {
      v[i].now.store(1, release);
      lot.wake(keys[i], false);
    }
  }
};

// One of two may give up. A single notification reaches whoever goes on to wait; who got it without need passes it on.
template <class Agent> struct one_gives_up {
  static constexpr int threads = 3;
  explored_agents<Agent, 3> all;
  parking_lot lot;
  value v;
  void thread(int index) {
    all.runs_here(index);
    if (index == 0) {
      if (v.wait(lot, 5, some_time.time_since_epoch().count())) lot.wake(5, false);
    } else if (index == 1) {
      v.wait(lot, 5);
    } else {
      v.now.store(1, release);
      lot.wake(5, false);
    }
  }
};

// Two who give up at any time, in whose frames the place may be, and one who does not.
struct places_move {
  static constexpr int threads = 4;
  explored_agents<guest, 4> all;
  parking_lot lot;
  value v;
  void thread(int index) {
    all.runs_here(index);
    if (index == 3) {
      v.now.store(1, release);
      lot.wake(5, true);
    } else if (index == 2) {
      v.wait(lot, 5);
    } else {
      static_cast<void>(v.wait(lot, 5, some_time.time_since_epoch().count()));
    }
  }
};

// A stop request for one of two: the notification goes to the other.
struct one_is_stopped {
  static constexpr int threads = 4;
  explored_agents<fiber_agent, 4> all;
  parking_lot lot;
  value v;
  void thread(int index) {
    all.runs_here(index);
    if (index == 2) {
      v.now.store(1, release);
      return lot.wake(5, false);
    }
    if (index == 3) return sched::stop_fiber(all[0]);
    try {
      v.wait(lot, 5);
      if (index == 0) lot.wake(5, false);
    } catch (const cancelled&) { explore::require(index == 0, "only who was asked"); }
  }
};

// Nobody notifies: the request alone ends the wait.
struct stop_alone {
  static constexpr int threads = 2;
  explored_agents<fiber_agent, 2> all;
  parking_lot lot;
  value v;
  void thread(int index) {
    all.runs_here(index);
    if (index == 1) return sched::stop_fiber(all[0]);
    bool stopped = false;
    try {
      v.wait(lot, 5);
    } catch (const cancelled&) { stopped = true; }
    explore::require(stopped, "it is told why");
  }
};

// Who was let go destroys the atomic, while the notification is still returning.
struct waiter_destroys {
  static constexpr int threads = 2;
  explored_agents<guest, 2> all;
  parking_lot lot;
  mortal<value> v;
  void thread(int index) {
    all.runs_here(index);
    if (index == 0) {
      v->wait(lot, 5);
      v.end();
    } else {
      v->now.store(1, release);
      lot.wake(5, true);
    }
  }
};

} // namespace

TEST(parking_explore, no_change_goes_unnoticed) {
  explore::expect_correct<only_the_fences<guest>>();
  explore::expect_correct<only_the_fences<fiber_agent>>();
  explore::expect_correct<change_is_noticed<guest, 1, false>>();
  explore::expect_correct<change_is_noticed<fiber_agent, 1, true>>();
  explore::expect_correct<change_is_noticed<guest, 2, false>>(bounded_without_spurious<2>);
  explore::expect_correct<change_is_noticed<guest, 2, true>>(bounded_without_spurious<2>);
  expect_correct_beyond<change_is_noticed<fiber_agent, 3, false>>();
  explore::expect_correct<two_turns>(bounded_without_spurious<3>);
}
TEST(parking_explore, addresses_in_one_lot_do_not_get_in_each_others_way) {
  explore::expect_correct<strangers>(bounded_without_spurious<1>);
  expect_correct_beyond<strangers>();
}
TEST(parking_explore, a_deadline_takes_no_notification_with_it) {
  explore::expect_correct<one_gives_up<guest>>(bounded_without_spurious<2>);
  expect_correct_beyond<one_gives_up<guest>>();
  explore::expect_correct<places_move>(bounded_without_spurious<1>);
  expect_correct_beyond<places_move>();
}
TEST(parking_explore, a_stop_request_takes_no_notification_with_it) {
  explore::expect_correct_with_both_fences<stop_alone>();
  explore::expect_correct_with_both_fences<one_is_stopped>(bounded_without_spurious<1>);
  expect_correct_beyond<one_is_stopped>();
}
TEST(parking_explore, who_was_let_go_may_destroy_what_he_waited_for) {
  explore::expect_correct<waiter_destroys>();
}

TEST(parking_explore, every_order_is_needed) {
  explore::expect_no_survivor(
      explore::mutation_gate({explore::scenario_of<only_the_fences<guest>>(),
                              explore::scenario_of<change_is_noticed<guest, 1, false>>()},
                             {.files = {"sync/parking.cc", "sync/parking.h"}}));
}

} // namespace thrum::sync
