// The end of a runtime: the drainer's two sums against fibers that spawn and end on other processors. It never says "all ended"
// too early, and never sleeps for ever.
#include "base/explore/expect.h"
#include "base/explore/futex.h"
#include "env/explore/world.h"
#include "sched/drain.h"
#include "sched/explore/explored.h"
#include "sched/scheduler.h"

namespace thrum::sched {

namespace explore = base::explore;

namespace {

struct draining_world final : env::explored::world {
  void kick(env::poller*) noexcept override {}
  // The drainer looks again after a while in any case: here, when nothing else happens any more.
  void wait_word(const void* word, std::uint32_t expected, env::nanoseconds) noexcept override {
    static_cast<void>(explore::wait_word_long(word, expected));
  }
};

// Counts as fiber_main and launch do: a spawn before the task can run, an end after it ran.
void count_spawn(processor& p) {
  p.spawned.store(p.spawned.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}
void count_end(runtime_core& core, processor& p) {
  p.finished.store(p.finished.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  if (core.draining.load(std::memory_order_relaxed)) note_end(core);
}

// A fiber on processor 0 is alive when the drain begins; it spawns one that runs on processor 1, and ends.
struct spawn_and_end {
  static constexpr int threads = 3;
  draining_world world;
  explored_core made{2, world};
  runtime_core& core = made.core;
  explore::parker queue;             // the way of the new task from one processor to the other
  explore::plain<int> first, second; // what the fibers did
  spawn_and_end() {
    core.drain_limit = env::forever;
    count_spawn(*core.processors[0]);
  }
  void thread(int index) {
    if (index == 0) {
      count_spawn(*core.processors[0]);
      queue.unpark();
      first.set(1);
      count_end(core, *core.processors[0]);
    } else if (index == 1) {
      queue.park();
      second.set(1);
      count_end(core, *core.processors[1]);
    } else {
      explore::require(drain(core), "all stop in time");
      explore::require(first.get() == 1 && second.get() == 1, "all have ended");
    }
  }
};

// A timer launches a task while no fiber is alive and the drain begins: that is waited for, or there is nothing to wait for.
struct timer_fires {
  static constexpr int threads = 2;
  draining_world world;
  explored_core made{1, world};
  runtime_core& core = made.core;
  worker w{core};
  explore::plain<int> ran;
  timer_fires() {
    core.drain_limit = env::forever;
    w.proc = core.processors[0];
  }
  void thread(int index) {
    if (index == 1) {
      explore::require(drain(core), "all stop in time");
      explore::require(ran.get() >= 0, "nobody runs any more"); // or it is a data race
      return;
    }
    thrum_self_ = &w;
    if (!announce_launch(w)) return;
    ran.set(1);
    count_end(core, *core.processors[0]);
  }
};

} // namespace

TEST(drain_explore, a_drain_waits_for_what_a_timer_launches) {
  explore::expect_correct<timer_fires>({.strategy = explore::dfs{.preemptions = 3}});
}
TEST(drain_explore, a_drain_waits_for_the_last_fiber_and_no_longer) {
  explore::expect_correct<spawn_and_end>({.strategy = explore::dfs{.preemptions = 2}});
}

TEST(drain_explore, every_order_is_needed) {
  explore::expect_no_survivor(explore::mutation_gate(
      {explore::scenario_of<spawn_and_end>({.strategy = explore::dfs{.preemptions = 2}}),
       explore::scenario_of<timer_fires>({.strategy = explore::dfs{.preemptions = 2}})},
      // What a lost note_end() would cost is one round of the drainer, which is no failure; the end of
      // the workers is explored in idle_explore.cc, stop requests in park_explore.cc; nothing ends
      // elsewhere here; the core, which N4 keeps, is not destroyed in this world; coroutines are in coroutine_explore.cc.
      {.files = {"sched/drain.cc", "sched/timers.cc"},
       .left_alone = {"all_ended", "core.stopping", "// I1 (idle.cc)", "heavy_fence",
                      "p.finished.store(finished", "_elsewhere", "core.visitors", "core.coroutines"}}));
}

} // namespace thrum::sched
