// The spin lock: exclusion, and that the next holder sees everything.
#include "base/explore/expect.h"
#include "base/spin_lock.h"

namespace thrum::base {

namespace {

template <int Threads> struct counter {
  static constexpr int threads = Threads;
  spin_lock lock;
  explore::plain<int> value;
  void thread(int) {
    const spin_guard guard(lock);
    value.set(value.get() + 1);
  }
  void finish() { explore::require(value.get() == Threads, "no section is lost"); }
};

struct one_tries {
  static constexpr int threads = 2;
  spin_lock lock;
  explore::plain<int> value;
  bool got = false;
  void thread(int index) {
    if (index == 0) {
      lock.lock();
    } else {
      got = lock.try_lock();
      if (!got) return;
    }
    value.set(value.get() + 1);
    lock.unlock();
  }
  void finish() { explore::require(value.get() == (got ? 2 : 1), "each section counts"); }
};

} // namespace

TEST(spin_lock_explore, two_and_three_threads_exclude_each_other) {
  explore::expect_correct<counter<2>>();
  explore::expect_correct<counter<3>>({.strategy = explore::dfs{.preemptions = 2}});
}
TEST(spin_lock_explore, who_tries_gets_it_or_not) { explore::expect_correct<one_tries>(); }
TEST(spin_lock_explore, every_order_is_needed) {
  explore::expect_no_survivor(
      explore::mutation_gate({explore::scenario_of<counter<2>>(), explore::scenario_of<one_tries>()},
                             {.files = {"base/spin_lock.h"}}));
}

} // namespace thrum::base
