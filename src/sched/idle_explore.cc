// Going to sleep against everything that should prevent it: work from a plain thread, work that another worker offers, timers,
// the end. A wake-up that is lost is a deadlock here: work is left and everybody sleeps.
//
// idle.cc is explored as it is, under a small copy of the worker's loop; sleeping, polling and starting threads are the
// explorer's.
#include "base/explore/expect.h"
#include "env/explore/world.h"
#include "sched/explore/explored.h"
#include "sched/park.h"
#include "sched/scheduler.h"
#include "sched/timers.h"

#include <array>
#include <utility>

namespace thrum::sched {

namespace explore = base::explore;

namespace {

// A world with a poller and one thread to start.
struct idle_world final : env::explored::world {
  explore::parker poller;
  explore::parker spare;  // the model thread that becomes a worker
  bool has_spare = false; // constant
  base::atomic<bool> spare_is_used{false};
  start_request request{};

  int poll(env::poller*, env::readiness*, int, env::nanoseconds deadline) noexcept override {
    if (deadline == env::forever) {
      poller.park();
    } else if (deadline != 0 && !poller.try_park()) {
      deadline_passed();
    }
    return 0;
  }
  void kick(env::poller*) noexcept override { poller.unpark(); }
  int start_thread(std::uintptr_t*, const char*, std::size_t, void (*)(void*),
                   void* argument) noexcept override {
    if (!has_spare || spare_is_used.exchange(true, std::memory_order_relaxed)) return -11;
    request = *static_cast<start_request*>(argument);
    spare.unpark();
    return 0;
  }
};

// A runtime whose work is fibers that are only counted.
template <int Items> struct explored_runtime {
  idle_world world;
  explored_core made;
  runtime_core& core = made.core;
  struct item : fiber {
    explore::plain<int> runs;
  };
  std::array<item, Items> items;
  base::atomic<int> left{Items};

  explicit explored_runtime(unsigned processors, unsigned idle) : made(processors, world) {
    for (unsigned i = processors - idle; i < processors; ++i) {
      core.processors[i]->idle_link = core.idle_processors;
      core.idle_processors = core.processors[i];
    }
    core.idle_count.store(idle, std::memory_order_relaxed);
    for (item& each : items) each.runtime = &core;
  }

  // From a plain thread.
  void submit(int i) { ready_elsewhere(items[static_cast<std::size_t>(i)]); }

  void end() {
    core.stopping.store(true, std::memory_order_release);
    base::thread_fence(std::memory_order_seq_cst);
    wake_all(core);
    if (world.has_spare && !world.spare_is_used.exchange(true, std::memory_order_relaxed)) {
      world.request = {};
      world.spare.unpark();
    }
  }
  void done() {
    if (left.fetch_sub(1, std::memory_order_relaxed) == 1) end();
  }
  void run_item(detail::runnable* r) {
    auto& i = *static_cast<item*>(r);
    explore::require(i.runs.get() == 0, "an item runs once");
    i.runs.set(1);
    done();
  }

  // What scheduler_loop() and find_work() do, without turns of spinning.
  detail::runnable* find(worker& w) {
    for (;;) {
      if (core.stopping.load(std::memory_order_acquire)) return nullptr;
      if (w.proc->earliest.load(std::memory_order_relaxed) <= world.now())
        fire_timers(w, *w.proc, world.now());
      if (detail::runnable* r = core.global.pop(1)) return r;
      if (!w.searching) {
        w.searching = true;
        core.searching.fetch_add(1, std::memory_order_seq_cst);
      }
      for (unsigned i = 0, n = core.count_made(); i < n; ++i) {
        processor& victim = *core.processors[i];
        if (&victim == w.proc) continue;
        if (victim.earliest.load(std::memory_order_relaxed) <= world.now())
          fire_timers(w, victim, world.now());
        if (detail::runnable* r = w.proc->shared.steal_half(victim.shared)) return r;
      }
      if (!core.global.empty()) continue;
      if (!sleep_until_needed(w)) return nullptr;
    }
  }
  void work(worker& w) {
    thrum_self_ = &w;
    while (detail::runnable* r = find(w)) {
      stop_searching(w);
      run_item(r);
    }
  }
  void work_if_started(worker& w) {
    world.spare.park();
    if (world.request.proc == nullptr) return;
    w.proc = world.request.proc;
    w.searching = world.request.searching;
    work(w);
  }
};

// One worker, which runs out of work while a plain thread makes some.
struct plain_thread_and_worker {
  static constexpr int threads = 2;
  explored_runtime<1> all{1, 0};
  worker w{all.core};
  plain_thread_and_worker() { w.proc = all.core.processors[0]; }
  void thread(int index) {
    if (index == 0)
      all.work(w);
    else
      all.submit(0);
  }
};

// The same, and the worker is the second one: a thread can be started.
struct plain_thread_and_two_workers {
  static constexpr int threads = 3;
  explored_runtime<1> all{1, 0};
  worker w{all.core}, second{all.core};
  plain_thread_and_two_workers() {
    w.proc = all.core.processors[0];
    all.world.has_spare = true;
  }
  void thread(int index) {
    if (index == 0)
      all.work(w);
    else if (index == 1)
      all.submit(0);
    else
      all.work_if_started(second);
  }
};

// Two plain threads make work for one worker, and no thread can be started.
struct two_plain_threads {
  static constexpr int threads = 3;
  explored_runtime<2> all{1, 0};
  worker w{all.core};
  two_plain_threads() { w.proc = all.core.processors[0]; }
  void thread(int index) {
    if (index == 0)
      all.work(w);
    else
      all.submit(index - 1);
  }
};

// Two workers with a processor each run out of work while a plain thread makes some.
struct plain_thread_and_two_processors {
  static constexpr int threads = 3;
  explored_runtime<1> all{2, 0};
  std::array<worker, 2> workers{worker{all.core}, worker{all.core}};
  plain_thread_and_two_processors() {
    for (std::size_t i = 0; i < 2; ++i) workers[i].proc = all.core.processors[i];
  }
  void thread(int index) {
    if (index < 2)
      all.work(workers[static_cast<std::size_t>(index)]);
    else
      all.submit(0);
  }
};

// A worker offers work in its ring and then computes until somebody else has done it.
struct offer_and_worker {
  static constexpr int threads = 2;
  explored_runtime<1> all{2, 0};
  worker offers{all.core}, other{all.core};
  offer_and_worker() {
    offers.proc = all.core.processors[0];
    other.proc = all.core.processors[1];
  }
  void thread(int index) {
    if (index == 1) return all.work(other);
    thrum_self_ = &offers;
    explore::require(offers.proc->shared.try_push(&all.items[0]), "there is room");
    base::thread_fence(std::memory_order_seq_cst); // as share.cc
    wake_another(all.core);
  }
};

// The last one who searches finds something, and computes from then on. Who brings more meanwhile sees that somebody searches, so it is
// on the searcher to see that there is more, and to wake another.
struct the_searcher_computes {
  static constexpr int threads = 3;
  explored_runtime<2> all{2, 1};
  worker w{all.core}, second{all.core};
  the_searcher_computes() {
    w.proc = all.core.processors[0];
    all.world.has_spare = true;
  }
  void thread(int index) {
    if (index == 1) {
      all.submit(0);
      all.submit(1);
    } else if (index == 2) {
      all.work_if_started(second);
    } else {
      thrum_self_ = &w;
      detail::runnable* const first = all.find(w);
      if (first == nullptr) return;
      stop_searching(w);
      all.run_item(first); // it looks at nothing any more
    }
  }
};

// A worker sets a timer and runs out of work while another polls: somebody is awake when it is due.
struct timer_and_poller {
  static constexpr int threads = 2;
  explored_runtime<1> all{2, 0};
  struct entry : timer_entry {
    timer_and_poller* world = nullptr;
  } e;
  std::array<worker, 2> workers{worker{all.core}, worker{all.core}};
  timer_and_poller() {
    for (std::size_t i = 0; i < 2; ++i) workers[i].proc = all.core.processors[i];
    e.world = this;
    e.deadline = 10;
    e.fire = [](worker&, timer_entry& t) noexcept { static_cast<entry&>(t).world->all.end(); };
  }
  void thread(int index) {
    worker& w = workers[static_cast<std::size_t>(index)];
    if (index == 0) {
      thrum_self_ = &w;
      wait::lock::release(set_timer(w, e));
    }
    all.work(w);
  }
};

// A plain thread sets a timer.
struct timer_of_a_plain_thread {
  static constexpr int threads = 2;
  explored_runtime<1> all{1, 0};
  explored_guest sets{all.made};
  struct entry : timer_entry {
    timer_of_a_plain_thread* world = nullptr;
  } e;
  worker w{all.core};
  timer_of_a_plain_thread() {
    w.proc = all.core.processors[0];
    e.world = this;
    e.deadline = 10;
    e.fire = [](worker&, timer_entry& t) noexcept { static_cast<entry&>(t).world->all.end(); };
  }
  void thread(int index) {
    if (index == 0) return all.work(w);
    sets.runs_here();
    set_timer_elsewhere(all.core, sets, e);
  }
};

// The end comes while two workers go to sleep.
struct the_end {
  static constexpr int threads = 3;
  explored_runtime<1> all{2, 0};
  std::array<worker, 2> workers{worker{all.core}, worker{all.core}};
  the_end() {
    for (std::size_t i = 0; i < 2; ++i) workers[i].proc = all.core.processors[i];
  }
  void thread(int index) {
    if (index < 2)
      all.work(workers[static_cast<std::size_t>(index)]);
    else
      all.end();
  }
};

// Two workers go to sleep, one of their processors to rest, while a plain thread makes work.
struct fewer_processors {
  static constexpr int threads = 4;
  explored_runtime<1> all{2, 0};
  std::array<worker, 2> workers{worker{all.core}, worker{all.core}};
  fewer_processors() {
    for (std::size_t i = 0; i < 2; ++i) workers[i].proc = all.core.processors[i];
  }
  void thread(int index) {
    if (index < 2)
      all.work(workers[static_cast<std::size_t>(index)]);
    else if (index == 2)
      set_processors(all.core, 1);
    else
      all.submit(0);
  }
};

// The only processor has a fiber that computes. A second one is asked for, while a plain thread makes work.
struct more_processors {
  static constexpr int threads = 3;
  explored_runtime<1> all{1, 0};
  worker second{all.core};
  more_processors() { all.world.has_spare = true; }
  void thread(int index) {
    if (index == 0)
      set_processors(all.core, 2);
    else if (index == 1)
      all.submit(0);
    else
      all.work_if_started(second);
  }
};

// A second processor is made while the worker of the first walks through all that there are.
struct a_processor_is_made {
  static constexpr int threads = 2;
  explored_runtime<1> all{1, 0};
  worker w{all.core};
  a_processor_is_made() { w.proc = all.core.processors[0]; }
  void thread(int index) {
    if (index == 0) return all.work(w);
    set_processors(all.core, 2);
    all.submit(0);
  }
};

// The only worker finds something, and computes from then on, with more to do left in the global queue. A second processor is asked
// for: whoever does that wakes somebody for it, also if the worker has been searching a moment ago.
struct more_for_what_is_left {
  static constexpr int threads = 3;
  explored_runtime<2> all{1, 0};
  worker w{all.core}, second{all.core};
  more_for_what_is_left() {
    w.proc = all.core.processors[0];
    all.world.has_spare = true;
    for (auto& each : all.items) all.core.global.push_front_level(each);
  }
  void thread(int index) {
    if (index == 1) {
      set_processors(all.core, 2);
    } else if (index == 2) {
      all.work_if_started(second);
    } else {
      thrum_self_ = &w;
      w.searching = true;
      all.core.searching.fetch_add(1, std::memory_order_seq_cst);
      detail::runnable* const first = all.find(w);
      if (first == nullptr) return;
      stop_searching(w);
      all.run_item(first);
    }
  }
};

// One asks for fewer, one for more, and a worker goes to sleep.
struct fewer_and_more_processors {
  static constexpr int threads = 3;
  explored_runtime<1> all{2, 1};
  worker w{all.core};
  fewer_and_more_processors() { w.proc = all.core.processors[0]; }
  void thread(int index) {
    if (index == 0) return all.work(w);
    set_processors(all.core, static_cast<unsigned>(index));
    if (index == 1) all.submit(0);
  }
};

// A processor goes that has work on offer: that is in the global queue then, and the other, on its way to sleep, is not to miss it.
struct a_processor_is_laid_down {
  static constexpr int threads = 2;
  explored_runtime<1> all{2, 0};
  worker goes{all.core}, stays{all.core};
  a_processor_is_laid_down() {
    goes.proc = all.core.processors[0];
    stays.proc = all.core.processors[1];
    all.core.wanted.store(1, std::memory_order_relaxed);
  }
  void thread(int index) {
    if (index == 1) return all.work(stays);
    thrum_self_ = &goes;
    explore::require(goes.proc->shared.try_push(&all.items[0]), "there is room");
    lay_down(all.core, *std::exchange(goes.proc, nullptr));
  }
};

template <int Preemptions, std::uint64_t Budget = 300'000> inline constexpr explore::options bounded{
    .strategy = explore::dfs{.preemptions = Preemptions}, .max_executions = Budget};

} // namespace

TEST(idle_explore, a_second_worker_is_started_if_the_first_is_on_its_way_to_sleep) {
  explore::expect_correct<plain_thread_and_two_workers>(bounded<2>);
}
TEST(idle_explore, two_plain_threads_are_served_by_one_worker) {
  explore::expect_correct<two_plain_threads>(bounded<2>);
}
TEST(idle_explore, two_workers_do_not_leave_work_to_each_other) {
  explore::expect_correct<plain_thread_and_two_processors>(bounded<2, 500'000>);
}
TEST(idle_explore, an_offer_is_taken) { explore::expect_correct<offer_and_worker>(bounded<3>); }
TEST(idle_explore, a_searcher_that_computes_leaves_nothing_behind) {
  explore::expect_correct<the_searcher_computes>(bounded<2>);
}
TEST(idle_explore, a_timer_is_seen_by_the_poller) { explore::expect_correct<timer_and_poller>(bounded<2>); }
TEST(idle_explore, a_timer_of_a_plain_thread_is_seen) {
  explore::expect_correct<timer_of_a_plain_thread>(bounded<2>);
}
TEST(idle_explore, the_end_reaches_everybody) { explore::expect_correct<the_end>(bounded<2>); }

TEST(idle_explore, a_processor_that_rests_takes_no_work_along) {
  explore::expect_correct<fewer_processors>(bounded<2, 50'000>, explore::extent::bounded);
}
TEST(idle_explore, a_processor_that_comes_takes_work) {
  explore::expect_correct<more_processors>(bounded<2>);
  explore::expect_correct<more_for_what_is_left>(bounded<2>);
}
TEST(idle_explore, a_processor_is_seen_complete_or_not_at_all) {
  explore::expect_correct<a_processor_is_made>(bounded<2>);
}
TEST(idle_explore, who_asks_for_fewer_and_who_asks_for_more_leave_enough) {
  explore::expect_correct<fewer_and_more_processors>(bounded<1>);
  explore::expect_correct<fewer_and_more_processors>(bounded<2, 50'000>, explore::extent::bounded);
}
TEST(idle_explore, what_a_processor_leaves_behind_is_found) {
  explore::expect_correct<a_processor_is_laid_down>(bounded<2>);
}

TEST(idle_explore, work_from_a_plain_thread_is_not_missed) {
  explore::expect_correct<plain_thread_and_worker>(bounded<3>);
}

// The read-modify-writes of the counters are kept sequentially consistent whatever the gate would say: they are on slow paths, and
// I1 is told in terms of one order of all of them. `kicked` and the lowering of `polling` keep acquire and release: only a third
// kick, by a third thread, for a second poller could miss them, which is beyond these worlds. `visitors` (N4) keeps the core
// from being destroyed, which no world does.
TEST(idle_explore, every_order_is_needed) {
  explore::expect_no_survivor(explore::mutation_gate(
      {explore::scenario_of<plain_thread_and_worker>(bounded<2>),
       explore::scenario_of<two_plain_threads>(bounded<2>),
       explore::scenario_of<timer_of_a_plain_thread>(bounded<1>),
       explore::scenario_of<timer_and_poller>(bounded<1>),
       explore::scenario_of<plain_thread_and_two_processors>(bounded<1>),
       explore::scenario_of<offer_and_worker>(bounded<2>), explore::scenario_of<the_end>(bounded<1>),
       explore::scenario_of<the_searcher_computes>(bounded<1>)},
      {.files = {"sched/idle.cc", "sched/park.cc", "sched/timers.cc"},
       .left_alone = {"idle_count.fetch_", "searching.fetch_", "searching.compare_exchange",
                      "polling.compare_exchange", "polling.store(0", "kicked.exchange", "core.stopping.load",
                      "core.visitors"}}));
}

TEST(idle_explore, every_order_of_resizing_is_needed) {
  explore::expect_no_survivor(
      explore::mutation_gate({explore::scenario_of<a_processor_is_made>(bounded<2>),
                              explore::scenario_of<a_processor_is_laid_down>(bounded<2>),
                              explore::scenario_of<more_for_what_is_left>(bounded<2>),
                              explore::scenario_of<fewer_and_more_processors>(bounded<1>)},
                             {.files = {"sched/resize.cc", "sched/runtime_core.h"}}));
}

} // namespace thrum::sched
