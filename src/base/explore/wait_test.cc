// Parks, spins, and being stuck. Each with a model that has the fault and one, as close as possible, that has
// not.
#include "base/explore/expect.h"

#include <gtest/gtest.h>

namespace explore = thrum::base::explore;
using explore::expect_clean;
using explore::expect_fault;
using thrum::base::atomic;
using thrum::base::relax;

namespace {

using enum std::memory_order;

template <bool Wakes> struct sleeper {
  static constexpr int threads = 2;
  atomic<bool> asleep{false}, work{false};
  explore::parker bed;
  explore::plain<int> data;
  void thread(int index) {
    if (index == 0) {
      asleep.store(true, seq_cst);
      if (!work.load(seq_cst)) bed.park();
    } else {
      data.set(1);
      work.store(true, seq_cst);
      if (asleep.load(Wakes ? seq_cst : acquire)) bed.unpark();
    }
  }
};

struct hand_over_by_unpark {
  static constexpr int threads = 2;
  explore::parker bed;
  explore::plain<int> data;
  void thread(int index) {
    if (index == 0) {
      bed.park();
      explore::require(data.get() == 3, "what was written before the unpark");
    } else {
      data.set(3);
      bed.unpark();
    }
  }
};

struct two_tokens_are_one {
  static constexpr int threads = 2;
  explore::parker bed;
  void thread(int index) {
    if (index == 0) {
      bed.park();
      bed.park();
    } else {
      bed.unpark();
      bed.unpark();
    }
  }
};

struct timeout_at_any_time {
  static constexpr int threads = 2;
  explore::parker bed;
  static inline bool woken = false, timed_out = false;
  void thread(int index) {
    if (index == 0)
      (bed.try_park() ? woken : timed_out) = true;
    else
      bed.unpark();
  }
};

struct spinner {
  static constexpr int threads = 2;
  atomic<bool> flag{false};
  explore::plain<int> data;
  void thread(int index) {
    if (index == 0) {
      data.set(1);
      flag.store(true, release);
    } else {
      while (!flag.load(acquire)) relax();
      (void)data.get();
    }
  }
};

// What the spinner does next while the thread it waited for is still going.
struct spinner_and_what_follows {
  static constexpr int threads = 2;
  static inline bool went_on_at_once = false, went_on_late = false;
  atomic<int> flag{0}, later{0};
  void thread(int index) {
    if (index == 0) {
      flag.store(1, relaxed);
      later.store(1, relaxed);
    } else {
      bool waited = false;
      for (; flag.load(relaxed) == 0; relax()) waited = true;
      const bool done = later.load(relaxed) == 1;
      if (waited) (done ? went_on_late : went_on_at_once) = true;
    }
  }
};

struct spinner_nobody_helps {
  static constexpr int threads = 2;
  atomic<bool> flag{false}, other{false};
  void thread(int index) {
    if (index == 0)
      other.store(true, relaxed);
    else
      while (!flag.load(relaxed)) relax();
  }
};

struct two_spinners_wait_for_each_other {
  static constexpr int threads = 2;
  atomic<bool> flag[2] = {};
  void thread(int index) {
    while (!flag[1 - index].load(acquire)) relax();
    flag[index].store(true, release);
  }
};

struct spinner_without_relax {
  static constexpr int threads = 2;
  atomic<bool> flag{false};
  void thread(int index) {
    if (index == 0)
      flag.store(true, relaxed);
    else
      while (!flag.load(relaxed)) {}
  }
};

// Tries twice, then parks; the other wakes it only if it has announced that it parks.
template <bool Announces> struct spin_then_park {
  static constexpr int threads = 2;
  atomic<bool> locked{true}, waiting{false};
  explore::parker bed;
  static inline bool parked = false;
  void thread(int index) {
    if (index == 0) {
      locked.store(false, seq_cst);
      if (waiting.load(seq_cst)) bed.unpark();
      return;
    }
    for (int turn = 0; turn < 2; ++turn) {
      if (!locked.load(acquire)) return;
      relax();
    }
    if (Announces) waiting.store(true, seq_cst);
    if (!locked.load(seq_cst)) return;
    parked = true;
    bed.park();
  }
};

struct spin_lock_world {
  static constexpr int threads = 3;
  atomic<int> word{0};
  explore::plain<int> count;
  void thread(int) {
    while (word.exchange(1, acquire) != 0)
      while (word.load(relaxed) != 0) relax();
    count.set(count.get() + 1);
    word.store(0, release);
  }
  void finish() { explore::require(count.get() == 3, "every thread has counted"); }
};

} // namespace

TEST(waiting, a_lost_wake_up_is_a_deadlock) {
  expect_clean<sleeper<true>>();
  expect_fault<sleeper<false>>("deadlock");
}

TEST(waiting, an_unpark_hands_over_and_two_tokens_are_one) {
  expect_clean<hand_over_by_unpark>();
  expect_fault<two_tokens_are_one>("deadlock");
}

TEST(waiting, a_timeout_may_come_before_and_after_the_wake_up) {
  timeout_at_any_time::woken = timeout_at_any_time::timed_out = false;
  expect_clean<timeout_at_any_time>();
  EXPECT_TRUE(timeout_at_any_time::woken && timeout_at_any_time::timed_out);
}

TEST(waiting, a_loop_that_relaxes_ends_when_its_flag_is_set) {
  expect_clean<spinner>();
  expect_clean<spinner>({.strategy = explore::dfs{.preemptions = 2}});
  expect_clean<spin_lock_world>();
}

TEST(waiting, a_store_lets_the_loop_go_on_while_its_thread_is_still_running) {
  for (const explore::dfs& how :
       {explore::dfs{}, explore::dfs{.reduce = false}, explore::dfs{.preemptions = 2}}) {
    spinner_and_what_follows::went_on_at_once = spinner_and_what_follows::went_on_late = false;
    expect_clean<spinner_and_what_follows>({.strategy = how});
    EXPECT_TRUE(spinner_and_what_follows::went_on_at_once && spinner_and_what_follows::went_on_late);
  }
}

TEST(waiting, a_loop_that_waits_for_nothing_is_a_livelock) {
  expect_fault<spinner_nobody_helps>("livelock");
  expect_fault<two_spinners_wait_for_each_other>("livelock");
}

TEST(waiting, a_loop_without_relax_runs_into_the_step_limit) {
  expect_fault<spinner_without_relax>("livelock");
}

TEST(waiting, a_loop_that_gives_up_is_seen_giving_up_when_idle_turns_allow_it) {
  spin_then_park<true>::parked = false;
  expect_clean<spin_then_park<true>>({.idle_turns = 2});
  EXPECT_TRUE(spin_then_park<true>::parked);
  expect_fault<spin_then_park<false>>("deadlock", {.idle_turns = 2});
}
