// The semaphore as it is: permits through the word and through the queue, waits that give up or are stopped, and that a releaser
// touches nothing after the step that lets an acquirer know, who may destroy it.
#include "base/explore/lifetime.h"
#include "sched/explore/agents.h"
#include "sched/park.h"

#include <thrum/detail/select_case.h>
#include <thrum/error.h>
#include <thrum/semaphore.h>

#include <array>
#include <initializer_list>
#include <thrum/select.h>

namespace thrum {

namespace explore = base::explore;

namespace {

using sched::bounded;
using sched::bounded_without_spurious;
using sched::expect_correct_beyond;
using sched::explored_agents;
using sched::mortal;
using sched::some_time;
using sched::without_spurious;
using fiber_agent = sched::explored_fiber;
using guest = sched::explored_guest;

// What is left when all have ended.
template <std::ptrdiff_t Max> int permits_left(counting_semaphore<Max>& s) {
  int left = 0;
  while (s.try_acquire()) ++left;
  return left;
}

// As a lock.
template <class Agent, int Threads, int Rounds> struct excludes {
  static constexpr int threads = Threads;
  explored_agents<Agent, Threads> all;
  binary_semaphore s{1};
  explore::plain<int> value;
  void thread(int index) {
    all.runs_here(index);
    for (int i = 0; i < Rounds; ++i) {
      s.acquire();
      value.set(value.get() + 1);
      s.release();
    }
  }
  void finish() {
    explore::require(value.get() == Threads * Rounds, "no section is lost");
    explore::require(permits_left(s) == 1, "one permit is left");
  }
};

// As a lock, with one who may not wait for ever.
struct one_gives_up {
  static constexpr int threads = 3;
  explored_agents<guest, 3> all;
  binary_semaphore s{1};
  explore::plain<int> value;
  void thread(int index) {
    all.runs_here(index);
    if (index != 2)
      s.acquire();
    else if (!s.try_acquire_until(some_time))
      return;
    value.set(value.get() + 1);
    s.release();
  }
  void finish() {
    explore::require(value.get() >= 2, "who waits without a deadline gets it");
    explore::require(permits_left(s) == 1, "one permit is left");
  }
};

// What was done before a release is seen after the acquire, through however many other releases and acquires the permit came.
template <bool AtOnce> struct two_permits {
  static constexpr int threads = 3;
  explored_agents<guest, 3> all;
  counting_semaphore<2> s{0};
  explore::plain<int> data;
  void thread(int index) {
    all.runs_here(index);
    if (index != 0) {
      s.acquire();
      explore::require(data.get() == 7, "who acquires sees what the releaser did");
      return;
    }
    data.set(7);
    if (AtOnce) return s.release(2);
    s.release();
    s.release();
  }
  void finish() { explore::require(permits_left(s) == 0, "both are taken"); }
};

// Two who release, one who needs both permits and then has all to itself.
struct needs_both {
  static constexpr int threads = 3;
  explored_agents<guest, 3> all;
  counting_semaphore<2> s{0};
  explore::plain<int> data, data_too;
  void thread(int index) {
    all.runs_here(index);
    if (index != 0) {
      (index == 1 ? data : data_too).set(index);
      return s.release();
    }
    s.acquire();
    s.acquire();
    explore::require(data.get() + data_too.get() == 3, "both were released");
  }
};

// A deadline against a release: the permit is got, or left.
template <class Agent> struct deadline_or_permit {
  static constexpr int threads = 2;
  explored_agents<Agent, 2> all;
  binary_semaphore s{0};
  bool got = false;
  void thread(int index) {
    all.runs_here(index);
    if (index == 0)
      got = s.try_acquire_until(some_time);
    else
      s.release();
  }
  void finish() { explore::require(permits_left(s) == (got ? 0 : 1), "got or left"); }
};

// The same with a stop request.
struct stop_or_permit {
  static constexpr int threads = 3;
  explored_agents<fiber_agent, 3> all;
  binary_semaphore s{0};
  bool got = false;
  void thread(int index) {
    all.runs_here(index);
    if (index == 1) return s.release();
    if (index == 2) return sched::stop_fiber(all[0]);
    try {
      s.acquire();
      got = true;
    } catch (const cancelled&) {}
  }
  void finish() { explore::require(permits_left(s) == (got ? 0 : 1), "got or left"); }
};

// A permit that a stopped or late waiter does not take goes to the next.
struct passed_over {
  static constexpr int threads = 3;
  explored_agents<guest, 3> all;
  binary_semaphore s{0};
  void thread(int index) {
    all.runs_here(index);
    if (index == 0) {
      if (s.try_acquire_until(some_time)) s.release();
    } else if (index == 1) {
      s.acquire();
    } else {
      s.release();
    }
  }
  void finish() { explore::require(permits_left(s) == 0, "it is taken"); }
};

// Who acquires destroys.
template <std::ptrdiff_t Permits> struct acquirer_destroys {
  static constexpr int threads = 2;
  explored_agents<guest, 2> all;
  mortal<counting_semaphore<2>> s{0};
  void thread(int index) {
    all.runs_here(index);
    if (index != 0) return s->release(Permits);
    for (int i = 0; i < Permits; ++i) s->acquire();
    s.end();
  }
};

// Two acquirers, and one release for both: the last of them destroys.
struct last_acquirer_destroys {
  static constexpr int threads = 3;
  explored_agents<guest, 3> all;
  mortal<counting_semaphore<2>> s{0};
  sched::last_user users{2};
  void thread(int index) {
    all.runs_here(index);
    if (index == 2) return s->release(2);
    s->acquire();
    if (users.leaves()) s.end();
  }
};

// A waiter that may have given up already destroys when it has got its permit after all.
struct late_acquirer_destroys {
  static constexpr int threads = 2;
  explored_agents<guest, 2> all;
  mortal<binary_semaphore> s{0};
  void thread(int index) {
    all.runs_here(index);
    if (index != 0) return s->release();
    if (!s->try_acquire_until(some_time)) s->acquire();
    s.end();
  }
};

// ---- in a select

// A select of as many semaphores. The index of `otherwise`, if there is one: Count. `frame_ends`: the last of its thread, whose
// frame nobody may touch afterwards.
template <std::size_t Count> std::size_t select_of(std::array<detail::semaphore_core*, Count> from,
                                                   bool may_wait, bool frame_ends = false) {
  std::array<detail::select_case, Count + 1> cases{};
  std::array<detail::select_case*, Count + 1> all{};
  for (std::size_t i = 0; i < Count; ++i) detail::fill_acquire(cases[i], *from[i]);
  for (std::size_t i = 0; i <= Count; ++i) all[i] = &cases[i];
  const std::size_t chosen = detail::select_cases(all.data(), Count + (may_wait ? 0 : 1), true);
  if (frame_ends) explore::object_ends(cases.data(), sizeof cases);
  return chosen;
}
template <std::ptrdiff_t Max> detail::semaphore_core* core_of(counting_semaphore<Max>& s) {
  return &detail::semaphore_access::core(s);
}

// One who selects among two, which both get a permit: one is taken.
template <class Agent> struct one_of_two {
  static constexpr int threads = 3;
  explored_agents<Agent, 3> all;
  binary_semaphore a{0};
  binary_semaphore b{0};
  explore::plain<int> data_a, data_b;
  std::size_t chosen = 2;
  void thread(int index) {
    all.runs_here(index);
    if (index == 1) {
      data_a.set(1);
      a.release();
    } else if (index == 2) {
      data_b.set(2);
      b.release();
    } else {
      chosen = select_of<2>({core_of(a), core_of(b)}, true, true);
      explore::require((chosen == 0 ? data_a : data_b).get() == static_cast<int>(chosen) + 1,
                       "who takes a permit sees what the releaser did");
    }
  }
  void finish() {
    explore::require(permits_left(a) == (chosen == 0 ? 0 : 1) && permits_left(b) == (chosen == 1 ? 0 : 1),
                     "one is taken");
  }
};

// One who selects and one who acquires, one release for each; and one who only looks.
struct beside_others {
  static constexpr int threads = 3;
  explored_agents<guest, 3> all;
  counting_semaphore<2> s{0};
  bool looked_and_took = false;
  void thread(int index) {
    all.runs_here(index);
    if (index == 0) {
      static_cast<void>(select_of<1>({core_of(s)}, true, true));
    } else if (index == 1) {
      looked_and_took = select_of<1>({core_of(s)}, false) == 0;
      if (!looked_and_took) s.acquire();
    } else {
      s.release();
      s.release();
    }
  }
  void finish() { explore::require(permits_left(s) == 0, "both are taken"); }
};

// There is always a permit in one of them: `otherwise` is never right.
struct never_nothing {
  static constexpr int threads = 2;
  explored_agents<guest, 2> all;
  binary_semaphore a{1};
  binary_semaphore b{0};
  void thread(int index) {
    all.runs_here(index);
    if (index == 0) {
      b.release();
      static_cast<void>(a.try_acquire());
      return;
    }
    // Before, so that there is something to be put right.
    const bool took_b = select_of<1>({core_of(b)}, false) == 0;
    if (took_b) b.release();
    explore::require(select_of<2>({core_of(a), core_of(b)}, false) != 2, "there was one all the time");
  }
};

// A stop request against a release, with a select.
struct stopped_select {
  static constexpr int threads = 3;
  explored_agents<fiber_agent, 3> all;
  binary_semaphore s{0};
  bool got = false;
  void thread(int index) {
    all.runs_here(index);
    if (index == 1) return s.release();
    if (index == 2) return sched::stop_fiber(all[0]);
    try {
      static_cast<void>(select_of<1>({core_of(s)}, true));
      got = true;
    } catch (const cancelled&) {}
  }
  void finish() { explore::require(permits_left(s) == (got ? 0 : 1), "got or left"); }
};

// Who selects destroys.
struct selector_destroys {
  static constexpr int threads = 2;
  explored_agents<guest, 2> all;
  mortal<binary_semaphore> s{0};
  void thread(int index) {
    all.runs_here(index);
    if (index != 0) return s->release();
    if (select_of<1>({core_of(*s)}, false) != 0) static_cast<void>(select_of<1>({core_of(*s)}, true));
    s.end();
  }
};

} // namespace

TEST(semaphore_explore, a_permit_is_held_by_one_at_a_time) {
  explore::expect_correct<excludes<guest, 2, 1>>();
  explore::expect_correct<excludes<fiber_agent, 2, 2>>(without_spurious);
  explore::expect_correct<excludes<guest, 3, 1>>(bounded_without_spurious<1>);
  expect_correct_beyond<excludes<guest, 3, 2>>();
}
TEST(semaphore_explore, each_permit_reaches_somebody) {
  explore::expect_correct<two_permits<false>>(without_spurious);
  explore::expect_correct<two_permits<true>>(without_spurious);
  explore::expect_correct<needs_both>(without_spurious);
}
TEST(semaphore_explore, a_wait_that_gives_up_takes_no_permit_with_it) {
  explore::expect_correct<deadline_or_permit<guest>>();
  explore::expect_correct<one_gives_up>(bounded_without_spurious<1>);
  expect_correct_beyond<one_gives_up>();
  explore::expect_correct<passed_over>(bounded_without_spurious<2>);
  expect_correct_beyond<passed_over>();
}
TEST(semaphore_explore, a_stop_request_takes_no_permit_with_it) {
  explore::expect_correct_with_both_fences<stop_or_permit>();
}
TEST(semaphore_explore, who_has_got_a_permit_may_destroy_it) {
  explore::expect_correct<acquirer_destroys<1>>();
  explore::expect_correct<acquirer_destroys<2>>();
  explore::expect_correct<last_acquirer_destroys>(without_spurious);
  explore::expect_correct<late_acquirer_destroys>();
}

TEST(semaphore_explore, a_select_takes_one_permit_and_no_more) {
  explore::expect_correct<one_of_two<guest>>(bounded_without_spurious<2>);
  explore::expect_correct<one_of_two<fiber_agent>>(bounded_without_spurious<1>);
  expect_correct_beyond<one_of_two<guest>>();
  explore::expect_correct<beside_others>(bounded_without_spurious<1>);
  expect_correct_beyond<beside_others>();
}
TEST(semaphore_explore, a_select_finds_nothing_only_if_there_was_nothing_at_one_instant) {
  explore::expect_correct<never_nothing>(without_spurious);
}
TEST(semaphore_explore, a_select_that_is_stopped_or_destroys_takes_what_it_says) {
  explore::expect_correct_with_both_fences<stopped_select>(bounded_without_spurious<2>);
  explore::expect_correct<selector_destroys>(without_spurious);
}

TEST(semaphore_explore, every_order_is_needed) {
  explore::expect_no_survivor(explore::mutation_gate(
      {explore::scenario_of<excludes<guest, 2, 1>>(), explore::scenario_of<two_permits<true>>(bounded<1>),
       explore::scenario_of<needs_both>(bounded<1>), explore::scenario_of<acquirer_destroys<1>>(),
       explore::scenario_of<last_acquirer_destroys>(bounded<1>),
       explore::scenario_of<late_acquirer_destroys>(), explore::scenario_of<never_nothing>(without_spurious),
       explore::scenario_of<selector_destroys>(without_spurious)},
      {.files = {"sync/semaphore.cc", "thrum/semaphore.h", "sync/sleep_on.h"}}));
}

} // namespace thrum
