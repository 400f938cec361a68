// The end of a fiber as it is (join.cc): the fiber that begins and ends, its handle that joins, gives up, asks it to stop. The
// task and the fiber's control block are objects that end; who touches one later is found.
#include "base/explore/expect.h"
#include "base/explore/lifetime.h"
#include "sched/explore/explored.h"
#include "sched/park.h"

#include <thrum/detail/joinable.h>
#include <thrum/error.h>

#include <memory>
#include <new>
#include <optional>

namespace thrum {

namespace explore = base::explore;

namespace {

using detail::joinable_task;
using detail::no_deadline;
using fiber_agent = sched::explored_fiber;
using guest = sched::explored_guest;

// A task in memory of the world, freed as a real one is: by whoever leaves last.
struct explored_task : joinable_task {
  explore::plain<int> result;

  explored_task() : joinable_task(nullptr, &free, attrs{}, std::source_location::current()) {}
  static void free(joinable_task& t) noexcept {
    auto& mine = static_cast<explored_task&>(t);
    void* memory = &mine;
    std::destroy_at(&mine);
    explore::object_ends(memory, sizeof mine);
  }
};

template <class Joiner> struct fiber_and_handle {
  sched::explored_core core;
  std::optional<fiber_agent> begun; // its control block is made by the worker that begins it
  Joiner joiner{core};
  alignas(explored_task) unsigned char memory[sizeof(explored_task)];
  explored_task* task = ::new (static_cast<void*>(memory)) explored_task;
  wait::lock bed_guard;

  // The fiber, from its first act to its last; its control block does not outlive that.
  void live(bool until_stopped) {
    fiber_agent& f = begun.emplace(core);
    f.runs_here();
    detail::begin_joinable(*task, f);
    if (until_stopped) {
      const wait::lock::held held = bed_guard.acquire(wait::this_thread());
      if (sched::must_stop(f))
        wait::lock::release(held);
      else
        explore::require(sched::park(f, held, sched::wait_reason::select, nullptr) == wait::decision::stopped,
                         "only a request ends this wait");
    }
    task->result.set(7);
    detail::publish_end(*task);
    explore::object_ends(static_cast<sched::fiber*>(&f), sizeof(sched::fiber));
  }
  void expect_result() { explore::require(task->result.get() == 7, "who joins sees what the fiber wrote"); }
};

template <class Joiner> struct join {
  static constexpr int threads = 2;
  fiber_and_handle<Joiner> all;
  void thread(int index) {
    if (index == 0) return all.live(false);
    all.joiner.runs_here();
    explore::require(detail::wait_ended_until(all.task, no_deadline), "it ends");
    all.expect_result();
    detail::free_joined(all.task);
  }
};

struct join_with_deadline {
  static constexpr int threads = 2;
  fiber_and_handle<guest> all;
  void thread(int index) {
    if (index == 0) return all.live(false);
    all.joiner.runs_here();
    if (!detail::wait_ended_until(all.task, 10)) return detail::give_up(all.task);
    all.expect_result();
    detail::free_joined(all.task);
  }
};

struct detach {
  static constexpr int threads = 2;
  fiber_and_handle<guest> all;
  void thread(int index) {
    if (index == 0) return all.live(false);
    all.joiner.runs_here();
    detail::give_up(all.task);
  }
};

// The request reaches a fiber that begins, runs, or parks.
template <bool Waits> struct stop_and_join {
  static constexpr int threads = 2;
  fiber_and_handle<guest> all;
  void thread(int index) {
    if (index == 0) return all.live(Waits);
    all.joiner.runs_here();
    detail::stop_and_join(all.task);
  }
};

// Another thread asks while the handle's owner joins.
struct request_beside_a_join {
  static constexpr int threads = 3;
  fiber_and_handle<guest> all;
  guest other{all.core};
  base::atomic<bool> asked{false};
  void thread(int index) {
    if (index == 0) return all.live(true);
    if (index == 2) {
      other.runs_here();
      detail::request_stop(all.task);
      asked.store(true, std::memory_order_release);
      return;
    }
    all.joiner.runs_here();
    explore::require(detail::wait_ended_until(all.task, no_deadline), "it ends");
    all.expect_result();
    while (!asked.load(std::memory_order_acquire)) base::relax(); // the handle outlives its uses
    detail::free_joined(all.task);
  }
};

// A joiner that is a fiber may be asked to stop itself; then it gives the handle up.
struct stopped_joiner {
  static constexpr int threads = 3;
  fiber_and_handle<fiber_agent> all;
  fiber_agent asks{all.core};
  void thread(int index) {
    if (index == 0) return all.live(false);
    if (index == 2) {
      asks.runs_here();
      return sched::stop_fiber(all.joiner);
    }
    all.joiner.runs_here();
    bool joined = false;
    try {
      joined = detail::wait_ended_until(all.task, no_deadline);
    } catch (const cancelled&) {}
    if (!joined) return detail::give_up(all.task);
    all.expect_result();
    detail::free_joined(all.task);
  }
};

// Two tasks of a group, which stands on a word of its own, and who stops them all. One may begin, park or end meanwhile; the other
// has parked, or not begun.
template <bool OtherBegins> struct stop_of_two {
  static constexpr int threads = OtherBegins ? 3 : 2;
  fiber_and_handle<guest> one, other;
  base::atomic<std::uint8_t> word{0};
  base::atomic<int> ended{0};
  detail::listed_task first{*one.task}, second{*other.task};

  stop_of_two() { first.next = &second; }

  void live(fiber_and_handle<guest>& task) {
    fiber_agent& f = task.begun.emplace(task.core);
    f.runs_here();
    detail::begin_joinable(*task.task, f); // with the light fence of J1
    if (word.load(std::memory_order_relaxed) == 0) {
      const wait::lock::held held = task.bed_guard.acquire(wait::this_thread());
      if (sched::must_stop(f))
        wait::lock::release(held);
      else
        explore::require(sched::park(f, held, sched::wait_reason::select, nullptr) == wait::decision::stopped,
                         "only the request ends this wait");
    }
    ended.fetch_add(1, std::memory_order_release); // stands for the unlinking under the group's mutex
  }
  void thread(int index) {
    if (index == 0) return live(one);
    if (index == 2) return live(other);
    one.joiner.runs_here();
    word.store(1, std::memory_order_relaxed);
    detail::wake_asked(detail::ask_all(&first, cancel_reason::sibling_failed));
  }
};

template <int Preemptions, std::uint64_t Budget = 300'000> inline constexpr explore::options bounded{
    .strategy = explore::dfs{.preemptions = Preemptions}, .max_executions = Budget};

} // namespace

TEST(join_explore, a_join_sees_the_result_and_frees_the_task) {
  explore::expect_correct<join<guest>>();
  explore::expect_correct<join<fiber_agent>>();
}
TEST(join_explore, a_join_with_a_deadline_may_give_up) {
  explore::expect_correct<join_with_deadline>(bounded<3>);
}
TEST(join_explore, a_detached_task_is_freed_once) { explore::expect_correct<detach>(); }
TEST(join_explore, a_request_reaches_a_fiber_that_begins_or_parks) {
  explore::expect_correct_with_both_fences<stop_and_join<true>>(bounded<3>);
  explore::expect_correct_with_both_fences<stop_and_join<false>>(bounded<3>);
}
TEST(join_explore, a_request_beside_a_join_touches_nothing_that_has_ended) {
  explore::expect_correct_with_both_fences<request_beside_a_join>(
      bounded<1>); // two: beyond 300,000 executions
  explore::expect_correct<request_beside_a_join>({.strategy = explore::pct{}, .max_executions = 100'000});
}
TEST(join_explore, a_joiner_that_is_stopped_gives_the_handle_up) {
  explore::expect_correct_with_both_fences<stopped_joiner>(bounded<2>);
}

TEST(join_explore, a_stopped_group_reaches_those_who_begin_and_those_who_sleep) {
  explore::expect_correct_with_both_fences<stop_of_two<false>>(bounded<3>);
  explore::expect_correct_with_both_fences<stop_of_two<true>>(bounded<2>);
}

TEST(join_explore, every_order_is_needed) {
  explore::expect_no_survivor(explore::mutation_gate(
      {explore::scenario_of<join<guest>>(), explore::scenario_of<stop_and_join<true>>(bounded<2>),
       explore::scenario_of<stop_and_join<false>>(bounded<2>),
       explore::scenario_of<request_beside_a_join>(bounded<1>)},
      {.files = {"sync/join.cc"}}));
}

} // namespace thrum
