// Taking a processor from a worker that is in a fiber's own code, against the worker coming back: exactly one of the two has it.
#include "base/explore/expect.h"
#include "sched/explore/explored.h"
#include "sched/handoff.h"
#include "sched/scheduler.h"

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

} // namespace

TEST(handoff_explore, a_processor_is_taken_or_kept) {
  explore::expect_correct_with_both_fences<one_visit>();
  explore::expect_correct_with_both_fences<two_visits>();
}
TEST(handoff_explore, an_attempt_that_fails_leaves_nothing_behind) {
  explore::expect_correct_with_both_fences<two_attempts>();
}

TEST(handoff_explore, every_order_is_needed) {
  constexpr explore::options full{.fences = explore::asymmetric_fences::full};
  explore::expect_no_survivor(explore::mutation_gate(
      {explore::scenario_of<one_visit>(), explore::scenario_of<two_visits>(),
       explore::scenario_of<two_attempts>(), explore::scenario_of<two_visits>(full)},
      // The other end of H1 is the monitor, which is not in these worlds. E2's release is given by the heavy fence already; it
      // stays for whatever may be written between the two one day. E2's acquire is for `demoted`, which only concerns the kernel.
      {.files = {"sched/handoff.cc", "sched/worker.h"},
       .left_alone = {"p.holder.store(&w", "worker::gone, std::memory",
                      "w.taken.load(std::memory_order_acquire)"}}));
}

} // namespace thrum::sched
