// Taking a processor from a worker that is in a fiber's own code, against the worker coming back: exactly one of the two has it.
#include "base/explore/expect.h"
#include "sched/explore/explored.h"
#include "sched/handoff.h"
#include "sched/scheduler.h"

#include <new>
#include <utility>

namespace thrum::sched {

namespace explore = base::explore;

namespace {

// What only the holder of the processor may touch.
struct taken_or_kept {
  explored_core core;
  worker w{core.core};
  processor& p = *core.core.processors[0];
  explore::plain<int> work;       // stands for the private parts of p
  explore::plain<int> limbo_work; // of the limbo

  taken_or_kept() {
    w.limbo = new processor(processor::limbo_index, 0);
    hold(w, p);
    w.place.store(worker::outside, std::memory_order_relaxed); // in a fiber's own code
  }
  ~taken_or_kept() { delete w.limbo; }

  // The monitor.
  bool take() { return try_take(w, p); }
  void come_and_go() {
    worker& here = enter();
    explore::plain<int>& parts = here.proc == &p ? work : limbo_work;
    parts.set(parts.get() + 1);
    leave();
  }
};

struct one_visit {
  static constexpr int threads = 2;
  taken_or_kept all;
  bool took = false;
  void thread(int index) {
    if (index == 0) {
      thrum_self_ = &all.w;
      all.come_and_go();
    } else if (all.take()) {
      took = true;
      all.work.set(all.work.get() + 10);
    }
  }
  void finish() {
    const int sum = all.work.get() + all.limbo_work.get();
    explore::require(sum == (took ? 11 : 1), "both did their work, never at once");
  }
};

struct two_visits {
  static constexpr int threads = 2;
  taken_or_kept all;
  bool took = false;
  void thread(int index) {
    if (index == 0) {
      thrum_self_ = &all.w;
      all.come_and_go();
      all.come_and_go();
    } else if (all.take()) {
      took = true;
      all.work.set(all.work.get() + 10);
    }
  }
  void finish() {
    const int sum = all.work.get() + all.limbo_work.get();
    explore::require(sum == (took ? 12 : 2), "both did their work, never at once");
  }
};

// An attempt that fails leaves nothing behind: the next one may succeed, and the worker keeps going meanwhile.
struct two_attempts {
  static constexpr int threads = 2;
  taken_or_kept all;
  int took = 0;
  void thread(int index) {
    if (index == 0) {
      thrum_self_ = &all.w;
      all.come_and_go();
    } else {
      for (int i = 0; i < 2; ++i)
        if (all.take()) {
          ++took;
          all.work.set(all.work.get() + 10);
        }
    }
  }
  void finish() {
    explore::require(took <= 1, "it is taken once");
    explore::require(all.work.get() + all.limbo_work.get() == took * 10 + 1,
                     "both did their work, never at once");
  }
};

// Who comes in while it is asked, for the last time that it may, gives the processor up itself. A worker that sleeps gets it.
struct last_promise {
  static constexpr int threads = 3;
  taken_or_kept all;
  worker sleeper{all.core.core};
  bool took = false;
  bool given = false;

  last_promise() {
    all.w.promises = worker::last_promise - 1;
    all.w.progress_of_promise = all.p.progress();
    all.core.core.idle_workers = &sleeper;
  }
  void thread(int index) {
    runtime_core& core = all.core.core;
    if (index == 0) {
      thrum_self_ = &all.w;
      all.come_and_go();
      all.come_and_go();
      nobody_else_wakes_it();
    } else if (index == 1) {
      if (all.take()) {
        took = true;
        all.work.set(all.work.get() + 10);
      }
    } else {
      while (sleeper.token.load(std::memory_order_acquire) == 0) // I2 (idle.cc)
        core.world.wait_word(&sleeper.token, 0, env::forever);
      if (sleeper.proc == &all.p) {
        given = true;
        all.work.set(all.work.get() + 100);
      }
    }
  }
  void nobody_else_wakes_it() {
    {
      const base::spin_guard guard(all.core.core.idle_lock);
      if (std::exchange(all.core.core.idle_workers, nullptr) == nullptr) return;
    }
    sleeper.token.store(1, std::memory_order_release); // I2 (idle.cc)
    all.core.core.world.wake_word(&sleeper.token, 1);
  }
  void finish() {
    explore::require(!(took && given), "one gets it");
    const int sum = all.work.get() + all.limbo_work.get();
    explore::require(sum == 2 + (took ? 10 : 0) + (given ? 100 : 0), "all did their work, never at once");
  }
};

// A thread that begins holds the processor that it was started for. The monitor, which looks at the processor, sees a worker that is
// complete, or none.
struct a_worker_begins {
  static constexpr int threads = 2;
  explored_core core;
  alignas(worker) unsigned char memory[sizeof(worker)];
  explore::plain<int> number; // stands for what is constant once the worker runs
  processor& p = *core.core.processors[0];
  void thread(int index) {
    if (index == 0) {
      auto& w = *::new (static_cast<void*>(memory)) worker(core.core);
      number.set(7);
      hold(w, p);
    } else if (worker* w = p.holder.load(std::memory_order_acquire)) { // H1, as monitor.cc
      explore::require(w->place.load(std::memory_order_relaxed) == worker::inside && number.get() == 7,
                       "what is seen of a worker is complete");
    }
  }
};

} // namespace

TEST(handoff_explore, who_looks_at_a_processor_sees_a_complete_worker) {
  explore::expect_correct<a_worker_begins>();
}

TEST(handoff_explore, a_processor_is_taken_or_kept) {
  explore::expect_correct_with_both_fences<one_visit>();
  explore::expect_correct_with_both_fences<two_visits>();
}
TEST(handoff_explore, an_attempt_that_fails_leaves_nothing_behind) {
  explore::expect_correct_with_both_fences<two_attempts>();
}

TEST(handoff_explore, who_is_asked_while_it_comes_in_gives_the_processor_up) {
  explore::expect_correct_with_both_fences<last_promise>();
}

TEST(handoff_explore, every_order_is_needed) {
  constexpr explore::options full{.fences = explore::asymmetric_fences::full};
  explore::expect_no_survivor(explore::mutation_gate(
      {explore::scenario_of<one_visit>(), explore::scenario_of<two_visits>(),
       explore::scenario_of<two_attempts>(), explore::scenario_of<last_promise>(),
       explore::scenario_of<a_worker_begins>(), explore::scenario_of<two_visits>(full)},
      // E2's release is given by the heavy fence already; it stays for whatever may be written between the two one day. E2's
      // acquire is for `demoted`, which only concerns the kernel.
      {.files = {"sched/handoff.cc", "sched/worker.h"},
       .left_alone = {"worker::gone, std::memory", "w.taken.load(std::memory_order_acquire)"}}));
}

} // namespace thrum::sched
