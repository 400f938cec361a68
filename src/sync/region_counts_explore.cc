// region_counts as it is: no object is deleted that a reader may still see, nobody waits for ever, and a reader who need not be waited for
// sees what was done before; with readers that close on another thread, with slots of one's own and shared ones, and several periods.
// Then the waiting above it (rcu.cc): who synchronizes is told, a stop request loses nothing.
#include "sched/explore/agents.h"
#include "sched/park.h"
#include "sync/region_counts.h"

#include <thrum/error.h>
#include <thrum/rcu.h>

#include <array>

namespace thrum {

namespace explore = base::explore;

namespace {

using sched::bounded;
using sched::expect_correct_beyond;
using sched::explored_agents;
using sched::mortal;
using sync::region_counts;
using fiber_agent = sched::explored_fiber;
using guest = sched::explored_guest;

constexpr std::uint32_t shared = wait::own_slots;

// Orderings of the harness
//   H1  published: release store -> acquire load, as users do it.
//   H2  handed: release store -> acquire load: the fiber moves to another thread.

// What readers see, and who replaces it. Which of the objects is the present one is published.
template <int Objects> struct replaced {
  region_counts counts;
  base::atomic<int> published{0};
  std::array<explore::plain<int>, Objects> objects;
  explore::parker told;

  void leave(std::uint32_t slot, std::uint32_t phase) {
    if (counts.leave(slot, phase)) told.unpark();
  }
  void read() {
    const int now = published.load(std::memory_order_acquire); // H1
    explore::require(objects[static_cast<std::size_t>(now)].get() == 0, "it is not deleted");
  }
  void read_in_region(std::uint32_t slot) {
    const std::uint32_t phase = counts.enter(slot);
    read();
    leave(slot, phase);
  }
  void replace(int by) {
    published.store(by, std::memory_order_release); // H1
    counts.begin();
    while (!counts.go_on()) told.park();
    objects[static_cast<std::size_t>(by - 1)].set(1); // deleted
  }
};

// Each reader reads so many times.
template <std::uint32_t First, std::uint32_t Second, int Regions, int Periods> struct readers {
  static constexpr int threads = 3;
  replaced<Periods + 1> r;
  void thread(int index) {
    if (index == 2) {
      for (int i = 1; i <= Periods; ++i) r.replace(i);
      return;
    }
    for (int i = 0; i < Regions; ++i) r.read_in_region(index == 0 ? First : Second);
  }
};
template <std::uint32_t Slot, int Regions, int Periods> struct one_reader {
  static constexpr int threads = 2;
  replaced<Periods + 1> r;
  void thread(int index) {
    if (index == 1)
      for (int i = 1; i <= Periods; ++i) r.replace(i);
    else
      for (int i = 0; i < Regions; ++i) r.read_in_region(Slot);
  }
};

// Opened on one thread, closed on another, where somebody reads, too.
template <std::uint32_t From, std::uint32_t To> struct reader_that_moves {
  static constexpr int threads = 3;
  replaced<2> r;
  base::atomic<std::uint32_t> handed{0}; // 1 + phase
  void thread(int index) {
    if (index == 0) {
      const std::uint32_t phase = r.counts.enter(From);
      r.read();
      handed.store(1 + phase, std::memory_order_release); // H2
    } else if (index == 1) {
      std::uint32_t phase;
      while ((phase = handed.load(std::memory_order_acquire)) == 0) base::relax(); // H2
      r.read();
      r.leave(To, phase - 1);
    } else {
      r.replace(1);
    }
  }
};

// One region after the other is open, and each closes on the thread of the next: no sum may be mistaken for empty.
struct chain_of_regions {
  static constexpr int threads = 3;
  replaced<2> r;
  base::atomic<std::uint32_t> handed{0};
  void thread(int index) {
    if (index == 0) {
      const std::uint32_t phase = r.counts.enter(0);
      r.read();
      handed.store(1 + phase, std::memory_order_release); // H2
    } else if (index == 1) {
      const std::uint32_t mine = r.counts.enter(1);
      const std::uint32_t phase = handed.load(std::memory_order_acquire); // H2
      if (phase != 0) r.leave(1, phase - 1);
      r.read();
      r.leave(1, mine);
      if (phase != 0) return;
      std::uint32_t late;
      while ((late = handed.load(std::memory_order_acquire)) == 0) base::relax(); // H2
      r.leave(1, late - 1);
    } else {
      r.replace(1);
    }
  }
};

// What was done before a period is seen, as plain data, by a region that is found to be later: by a flag that says nothing itself.
template <std::uint32_t Slot> struct later_region {
  static constexpr int threads = 2;
  replaced<2> r;
  explore::plain<int> done_before;
  base::atomic<int> flag{0};
  void thread(int index) {
    if (index == 1) {
      done_before.set(7);
      r.replace(1);
      flag.store(1, std::memory_order_relaxed); // relaxed: the period orders it
      return;
    }
    const std::uint32_t phase = r.counts.enter(Slot);
    if (flag.load(std::memory_order_relaxed) == 1) // relaxed: as above
      explore::require(done_before.get() == 7, "what was done before is seen");
    r.leave(Slot, phase);
  }
};

// The same, if somebody else goes on with the period than who began it, as the last reader of a phase does.
struct later_region_of_a_period_of_two {
  static constexpr int threads = 3;
  replaced<2> r;
  explore::plain<int> done_before;
  base::atomic<int> begun{0}, flag{0};
  void thread(int index) {
    if (index == 1) {
      done_before.set(7);
      r.counts.begin();
      begun.store(1, std::memory_order_release); // H2: in rcu.cc the guard
    } else if (index == 2) {
      while (begun.load(std::memory_order_acquire) == 0) base::relax(); // H2
      while (!r.counts.go_on()) r.told.park();
      flag.store(1, std::memory_order_relaxed); // relaxed: the period orders it
    } else {
      const std::uint32_t phase = r.counts.enter(0);
      if (flag.load(std::memory_order_relaxed) == 1) // relaxed: as above
        explore::require(done_before.get() == 7, "what was done before is seen");
      r.leave(0, phase);
    }
  }
};

// ---- rcu.cc

// Readers, and some who replace something at the same time. Who is the last ends the domain.
template <class Agent, int Readers, int Writers> struct all_synchronize {
  static constexpr int threads = Readers + Writers;
  explored_agents<Agent, threads> all;
  mortal<rcu_domain> d;
  std::array<base::atomic<int>, Writers> there; // 0: it may be found
  std::array<explore::plain<int>, Writers> objects;
  sched::last_user users{threads};
  void thread(int index) {
    all.runs_here(index);
    if (index < Readers) {
      rcu_region region(*d);
      for (std::size_t i = 0; i < Writers; ++i)
        if (there[i].load(std::memory_order_acquire) == 0) // H1
          explore::require(objects[i].get() == 0, "it is not deleted");
      region.close();
    } else {
      const auto mine = static_cast<std::size_t>(index - Readers);
      there[mine].store(1, std::memory_order_release); // H1
      rcu_synchronize(*d);
      objects[mine].set(1);
    }
    if (users.leaves()) d.end();
  }
};

// One who waits is asked to stop; the other is told all the same.
struct stop_or_end {
  static constexpr int threads = 4;
  explored_agents<fiber_agent, 4> all;
  mortal<rcu_domain> d;
  base::atomic<int> gone{0};
  explore::plain<int> object;
  sched::last_user users{3};
  void thread(int index) {
    all.runs_here(index);
    if (index == 3) return sched::stop_fiber(all[0]);
    if (index == 2) {
      rcu_region region(*d);
      if (gone.load(std::memory_order_acquire) == 0) // H1
        explore::require(object.get() == 0, "it is not deleted");
      region.close();
    } else {
      if (index == 1) gone.store(1, std::memory_order_release); // H1
      try {
        rcu_synchronize(*d);
        if (index == 1) object.set(1);
      } catch (const cancelled&) { explore::require(index == 0, "only who was asked"); }
    }
    if (users.leaves()) d.end();
  }
};

} // namespace

TEST(region_counts_explore, nothing_is_deleted_that_a_reader_sees) {
  explore::expect_correct_with_both_fences<one_reader<0, 1, 1>>();
  explore::expect_correct_with_both_fences<one_reader<shared, 1, 1>>();
  explore::expect_correct_with_both_fences<one_reader<0, 2, 1>>(bounded<2>);
  explore::expect_correct_with_both_fences<one_reader<0, 2, 2>>(bounded<2>);
  explore::expect_correct_with_both_fences<readers<0, 1, 1, 1>>(bounded<1>);
  explore::expect_correct_with_both_fences<readers<shared, shared, 1, 1>>(bounded<1>);
  expect_correct_beyond<readers<0, 1, 2, 2>>();
  expect_correct_beyond<readers<1, shared, 3, 3>>();
}
TEST(region_counts_explore, a_region_may_be_closed_on_another_thread) {
  explore::expect_correct_with_both_fences<reader_that_moves<0, 1>>(bounded<2>);
  explore::expect_correct_with_both_fences<reader_that_moves<shared, 1>>(bounded<2>);
  explore::expect_correct_with_both_fences<chain_of_regions>(bounded<1>);
  expect_correct_beyond<reader_that_moves<1, shared>>();
  expect_correct_beyond<chain_of_regions>();
}
TEST(region_counts_explore, a_later_region_sees_what_was_done_before) {
  explore::expect_correct_with_both_fences<later_region<0>>();
  explore::expect_correct_with_both_fences<later_region<shared>>();
  explore::expect_correct_with_both_fences<later_region_of_a_period_of_two>();
}

TEST(region_counts_explore, every_order_is_needed) {
  explore::expect_no_survivor(explore::mutation_gate(
      {explore::scenario_of<one_reader<0, 1, 1>>(), explore::scenario_of<one_reader<shared, 1, 1>>(),
       explore::scenario_of<later_region<0>>(), explore::scenario_of<later_region<shared>>(),
       explore::scenario_of<later_region_of_a_period_of_two>(),
       explore::scenario_of<one_reader<0, 2, 1>>(bounded<2>),
       explore::scenario_of<one_reader<0, 1, 2>>(bounded<2>),
       explore::scenario_of<reader_that_moves<0, 1>>(bounded<1>)},
      {.files = {"sync/region_counts.h"}}));
}

TEST(rcu_explore, who_synchronizes_is_told) {
  explore::expect_correct_with_both_fences<all_synchronize<guest, 1, 1>>(bounded<2>);
  explore::expect_correct_with_both_fences<all_synchronize<fiber_agent, 1, 2>>(bounded<1>);
  expect_correct_beyond<all_synchronize<guest, 2, 2>>();
  expect_correct_beyond<all_synchronize<fiber_agent, 3, 2>>();
}
TEST(rcu_explore, a_stop_request_disturbs_nobody) {
  explore::expect_correct_with_both_fences<stop_or_end>(bounded<0>);
  expect_correct_beyond<stop_or_end>();
}

} // namespace thrum
