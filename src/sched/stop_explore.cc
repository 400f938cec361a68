// Stop requests to scopes and to fibers with scopes, while these are entered and left.
#include "base/explore/expect.h"
#include "sched/explore/gate.h"

#include <thrum/detail/stop_scope.h>

namespace thrum::sched {

using detail::stop_scope;

namespace {

constexpr auto limit = stop_scope::kind::limit;
constexpr auto shield_up = stop_scope::kind::shield;

// Where somebody else finds a scope, as long as it lasts; what a std::stop_callback does for stop_on().
struct known_scope {
  base::spin_lock lock;
  explore::plain<stop_scope*> scope; // guarded

  void set(stop_scope* s) {
    const base::spin_guard guard(lock);
    scope.set(s);
  }
  bool request() {
    const base::spin_guard guard(lock);
    stop_scope* s = scope.get();
    return s != nullptr && s->request(cancel_reason::user);
  }
};

// A wait in a scope: somebody gives, somebody asks the scope. Behind it, nothing is in force.
struct value_or_request {
  static constexpr int threads = 3;
  explored_core core;
  explored_fiber waits{core}, gives{core}, asks{core};
  known_scope known;
  gate g;
  frame_memory memory;
  int got = -1;

  void thread(int index) {
    if (index == 0) {
      waits.runs_here();
      {
        stop_scope s(limit);
        known.set(&s);
        got = wait_at(g, memory);
        known.set(nullptr);
      }
      explore::require(!sched::must_stop(waits), "the request ended with the scope");
    } else if (index == 1) {
      gives.runs_here();
      g.give(7);
    } else {
      asks.runs_here();
      known.request();
    }
  }
  void finish() { explore::require(got + g.left.get() == 7, "the value is got or left"); }
};

// Nobody gives, unless there was nothing to ask yet: the wait ends in any case. Also if a scope inside ends at that moment.
template <bool InnerScope> struct request_alone {
  static constexpr int threads = 2;
  explored_core core;
  explored_fiber waits{core}, asks{core};
  known_scope known;
  gate g;
  frame_memory memory;

  void thread(int index) {
    if (index == 0) {
      waits.runs_here();
      stop_scope s(limit);
      known.set(&s);
      if (InnerScope) const stop_scope inner(limit);
      wait_at(g, memory);
      known.set(nullptr);
    } else {
      asks.runs_here();
      if (!known.request()) g.give(7);
    }
  }
};

// The fiber as a whole is asked while it leaves a scope: the next wait is stopped.
template <bool AskedScope> struct asked_while_a_scope_ends {
  static constexpr int threads = AskedScope ? 3 : 2;
  explored_core core;
  explored_fiber waits{core}, asks{core}, asks_scope{core};
  known_scope known;
  gate g;
  frame_memory memory;

  void thread(int index) {
    if (index == 0) {
      waits.runs_here();
      {
        stop_scope s(limit);
        known.set(&s);
        known.set(nullptr);
      }
      explore::require(wait_at(g, memory) == 0, "stopped");
    } else if (index == 1) {
      asks.runs_here();
      sched::stop_fiber(waits);
    } else {
      asks_scope.runs_here();
      known.request();
    }
  }
};

// In a shield the wait is not stopped; behind it, the next one is.
template <bool InnerScope> struct shielded_by_the_user : waits_gives_asks {
  gate never;
  frame_memory second;

  void thread(int index) {
    if (index != 0) return others(index);
    waits.runs_here();
    {
      const stop_scope keeps_out(shield_up);
      if (InnerScope) const stop_scope inner(limit);
      explore::require(wait_at(g, memory) == 7, "given");
    }
    explore::require(wait_at(never, second) == 0, "stopped");
  }
};

// A scope in a shield is asked, and the fiber as a whole: the wait ends for the scope's sake, and behind the shield the next one.
struct request_inside_a_shield {
  static constexpr int threads = 3;
  explored_core core;
  explored_fiber waits{core}, asks_scope{core}, asks{core};
  known_scope known;
  gate g, never;
  frame_memory memory, second;
  bool asked = false;

  void thread(int index) {
    if (index == 0) {
      waits.runs_here();
      {
        const stop_scope keeps_out(shield_up);
        stop_scope s(limit);
        known.set(&s);
        wait_at(g, memory);
        known.set(nullptr);
      }
      explore::require(wait_at(never, second) == 0, "stopped");
    } else if (index == 1) {
      asks_scope.runs_here();
      if (!known.request()) g.give(7);
    } else {
      asks.runs_here();
      sched::stop_fiber(waits);
    }
  }
};

} // namespace

TEST(stop_explore, a_value_and_a_request_to_a_scope_end_a_wait_once) {
  explore::expect_correct_with_both_fences<value_or_request>();
}
TEST(stop_explore, no_request_to_a_scope_is_lost) {
  explore::expect_correct_with_both_fences<request_alone<false>>();
}
TEST(stop_explore, a_scope_that_ends_takes_no_other_request_with_it) {
  explore::expect_correct_with_both_fences<asked_while_a_scope_ends<false>>();
  explore::expect_correct_with_both_fences<request_alone<true>>();
  explore::expect_correct_with_both_fences<asked_while_a_scope_ends<true>>(
      {.strategy = explore::dfs{.preemptions = 2}});
}
TEST(stop_explore, a_shield_keeps_a_request_until_it_is_left) {
  explore::expect_correct_with_both_fences<shielded_by_the_user<false>>();
  explore::expect_correct_with_both_fences<shielded_by_the_user<true>>();
}
TEST(stop_explore, a_scope_inside_a_shield_can_be_asked) {
  explore::expect_correct_with_both_fences<request_inside_a_shield>(
      {.strategy = explore::dfs{.preemptions = 2}});
}

TEST(stop_explore, every_order_is_needed) {
  constexpr explore::options full{.fences = explore::asymmetric_fences::full};
  explore::expect_no_survivor(explore::mutation_gate(
      {explore::scenario_of<request_alone<false>>(), explore::scenario_of<value_or_request>(),
       explore::scenario_of<asked_while_a_scope_ends<false>>(), explore::scenario_of<request_alone<true>>(),
       explore::scenario_of<shielded_by_the_user<false>>(),
       explore::scenario_of<shielded_by_the_user<true>>(), explore::scenario_of<request_alone<false>>(full)},
      {.files = {"sched/stop.cc"}}));
}

} // namespace thrum::sched
