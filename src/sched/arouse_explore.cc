// The sleep of the monitor against everybody who may have to wake it, and a bell that is rung while its runtime ends.
#include "sched/arouse.h"

#include "base/explore/expect.h"
#include "base/explore/lifetime.h"
#include "env/explore/world.h"
#include "sched/explore/explored.h"
#include "sched/scheduler.h"

#include <memory>
#include <new>

namespace thrum::sched {

namespace explore = base::explore;

namespace {

// What a bell hangs for: enough of a runtime.
struct owner {
  base::atomic<std::uint32_t> asleep{0};
  explore::plain<int> made;

  owner() { made.set(1); }
};
using two_bells = bells<owner, 2>;

void ring(owner& each) noexcept {
  explore::require(each.made.get() == 1, "a bell leads to what is complete");
  arouse(each.asleep, env::linux_world());
}

// A monitor comes and goes with its runtime, while somebody rings.
struct rung_while_it_comes_and_goes {
  static constexpr int threads = 2;
  two_bells all;
  alignas(owner) unsigned char memory[sizeof(owner)];
  void thread(int index) {
    if (index == 1) {
      all.ask_for_a_dump(ring);
      return;
    }
    auto* mine = ::new (static_cast<void*>(memory)) owner;
    all.hang(*mine);
    all.take_away(*mine);
    std::destroy_at(mine);
    explore::object_ends(memory, sizeof memory);
  }
};

// It goes, while two ring: who is done does not speak for the other.
struct rung_twice_while_it_goes {
  static constexpr int threads = 3;
  two_bells all;
  alignas(owner) unsigned char memory[sizeof(owner)];
  owner* const mine = ::new (static_cast<void*>(memory)) owner;
  rung_twice_while_it_goes() { all.hang(*mine); }
  void thread(int index) {
    if (index != 0) {
      all.ask_for_a_dump(ring);
      return;
    }
    all.take_away(*mine);
    std::destroy_at(mine);
    explore::object_ends(memory, sizeof memory);
  }
};

// A dump that is asked for is written, by a monitor that goes to sleep meanwhile.
struct a_dump_is_written {
  static constexpr int threads = 2;
  two_bells all;
  owner mine;
  explore::plain<int> before; // what was done before it was asked for
  a_dump_is_written() { all.hang(mine); }
  void thread(int index) {
    if (index == 1) {
      before.set(1);
      explore::require(all.ask_for_a_dump(ring), "there is a bell");
      return;
    }
    for (;;) { // rest() in monitor.cc
      lie_down(mine.asleep);
      if (all.take_request()) break;
      while (mine.asleep.load(std::memory_order_relaxed) != 0 && !all.is_dump_wanted())
        env::linux_world().wait_word(&mine.asleep, 1, env::forever);
    }
    explore::require(before.get() == 1, "the dump shows what was done before");
  }
};

// A worker becomes busy, and a monitor that goes to sleep meanwhile wakes up.
struct somebody_is_busy {
  static constexpr int threads = 2;
  explored_core made;
  runtime_core& core = made.core;
  somebody_is_busy() {
    core.idle_processors = core.processors[0];
    core.idle_count.store(1, std::memory_order_relaxed);
  }
  bool all_idle() const { return core.idle_count.load(std::memory_order_relaxed) == 1; }
  void thread(int index) {
    if (index == 1) { // as hold()
      explore::require(try_take_processor(core) != nullptr, "it is idle");
      arouse(core.monitor_asleep, core.world);
      return;
    }
    do {
      lie_down(core.monitor_asleep);
      while (core.monitor_asleep.load(std::memory_order_relaxed) != 0 && all_idle())
        core.world.wait_word(&core.monitor_asleep, 1, env::forever);
    } while (all_idle());
  }
};

// A thread that has nothing to do ends, and is joined by a monitor that goes to sleep meanwhile.
struct a_thread_ends {
  static constexpr int threads = 2;
  owner mine;
  base::atomic<bool> retired{false};
  void thread(int index) {
    if (index == 1) { // as sleep_until_needed()
      retired.store(true, std::memory_order_relaxed);
      base::thread_fence(std::memory_order_seq_cst);
      arouse(mine.asleep, env::linux_world());
      return;
    }
    for (;;) {
      lie_down(mine.asleep);
      if (retired.load(std::memory_order_relaxed)) return; // reap()
      while (mine.asleep.load(std::memory_order_relaxed) != 0)
        env::linux_world().wait_word(&mine.asleep, 1, env::forever);
    }
  }
};

} // namespace

TEST(arouse_explore, a_bell_leads_to_no_runtime_that_is_gone) {
  explore::expect_correct<rung_while_it_comes_and_goes>();
  explore::expect_correct<rung_twice_while_it_goes>({.strategy = explore::dfs{.preemptions = 3}});
}
TEST(arouse_explore, a_monitor_that_goes_to_sleep_misses_nothing) {
  explore::expect_correct<a_dump_is_written>();
  explore::expect_correct<somebody_is_busy>();
  explore::expect_correct<a_thread_ends>();
}

// This file is among them for the copy of the fence of a thread that ends (idle.cc).
TEST(arouse_explore, every_order_is_needed) {
  explore::expect_no_survivor(explore::mutation_gate(
      {explore::scenario_of<rung_while_it_comes_and_goes>(),
       explore::scenario_of<rung_twice_while_it_goes>({.strategy = explore::dfs{.preemptions = 2}}),
       explore::scenario_of<a_dump_is_written>(), explore::scenario_of<somebody_is_busy>(),
       explore::scenario_of<a_thread_ends>()},
      {.files = {"sched/arouse.h", "sched/arouse_explore.cc"}}));
}

} // namespace thrum::sched
