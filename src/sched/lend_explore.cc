// A stack is lent while its fiber waits, against the fiber waking up: one of the two has it.
#include "base/explore/expect.h"
#include "sched/lend.h"
#include "wait/waiter.h"

namespace thrum::sched {

namespace explore = base::explore;

namespace {

namespace decision = wait::decision;

// A fiber that waits.
struct sleeper {
  base::atomic<runnable_kind> what{runnable_kind::fiber};
  wait::claimable wait{wait::agent_kind::fiber};
  explore::plain<int> stack;

  sleeper() { wait.decided.store(decision::open, std::memory_order_relaxed); }

  void is_lent() {
    if (!lend(what, wait.decided)) return;
    stack.set(stack.get() + 1);
    give_back(what);
  }
  // Who has picked it runs it.
  void goes_on() {
    if (kind_of(what) == runnable_kind::lent_fiber) wait_until_given_back(what);
    wait.decided.store(decision::closed, std::memory_order_relaxed);
    stack.set(stack.get() + 1);
  }
  // As finish_departure().
  void waits_again() { wait.decided.store(decision::open, std::memory_order_release); }
};

// It is woken, waits again, and is woken.
struct lent_while_it_wakes_up {
  static constexpr int threads = 2;
  sleeper f;
  void thread(int index) {
    if (index == 0) return f.is_lent();
    for (int i = 0; i < 2; ++i) {
      explore::require(wait::claim(f.wait, 0), "nobody else decides");
      f.goes_on();
      f.waits_again();
    }
  }
};

// Who decides passes it on to another, who goes on with it.
struct lent_while_it_is_passed_on {
  static constexpr int threads = 3;
  sleeper f;
  base::atomic<int> queue{0};
  void thread(int index) {
    if (index == 0) return f.is_lent();
    if (index == 1) {
      explore::require(wait::claim(f.wait, 0), "nobody else decides");
      base::light_fence(); // enter(), or what else lies between a claim and a queue
      queue.store(1, std::memory_order_release);
      return;
    }
    if (queue.load(std::memory_order_acquire) == 0) return;
    f.goes_on();
    f.waits_again();
  }
};

// Again and again.
struct lent_twice {
  static constexpr int threads = 2;
  sleeper f;
  void thread(int index) {
    if (index == 0) {
      f.is_lent();
      f.is_lent();
      return;
    }
    explore::require(wait::claim(f.wait, 0), "nobody else decides");
    f.goes_on();
    f.waits_again();
  }
};

// It becomes special while it runs, and is no longer when it waits.
struct lent_while_it_is_pinned {
  static constexpr int threads = 2;
  sleeper f;
  void thread(int index) {
    if (index == 0) return f.is_lent();
    explore::require(wait::claim(f.wait, 0), "nobody else decides");
    f.goes_on();
    f.what.store(runnable_kind::special_fiber, std::memory_order_relaxed);
    f.stack.set(f.stack.get() + 1);
    f.waits_again();
    explore::require(wait::claim(f.wait, 0), "nobody else decides");
    explore::require(kind_of(f.what) == runnable_kind::special_fiber, "it is special still");
    f.wait.decided.store(decision::closed, std::memory_order_relaxed);
    f.stack.set(f.stack.get() + 1);
    f.what.store(runnable_kind::fiber, std::memory_order_relaxed);
    f.stack.set(f.stack.get() + 1);
    f.waits_again();
  }
};

constexpr explore::options all{.strategy = explore::dfs{}, .max_executions = 300'000};

} // namespace

TEST(lend_explore, the_lender_or_the_fiber_has_the_stack) {
  explore::expect_correct<lent_while_it_wakes_up>(all);
  explore::expect_correct<lent_while_it_is_passed_on>(all);
  explore::expect_correct<lent_twice>(all);
}
TEST(lend_explore, what_the_fiber_is_stays_its_own) { explore::expect_correct<lent_while_it_is_pinned>(all); }

TEST(lend_explore, every_order_is_needed) {
  explore::expect_no_survivor(explore::mutation_gate({explore::scenario_of<lent_while_it_wakes_up>(all),
                                                      explore::scenario_of<lent_while_it_is_passed_on>(all),
                                                      explore::scenario_of<lent_twice>(all),
                                                      explore::scenario_of<lent_while_it_is_pinned>(all)},
                                                     {.files = {"sched/lend.h"}}));
}

} // namespace thrum::sched
