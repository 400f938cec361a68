// The sleep of a plain thread on its token: woken before, while and after it goes to sleep, and giving up at the deadline.
#include "base/explore/expect.h"
#include "wait/guest.h"

namespace thrum::wait {

namespace explore = base::explore;

namespace {

// Two waits in a row: nothing of the first is left for the second.
struct two_sleeps {
  static constexpr int threads = 2;
  guest sleeper;
  explore::plain<int> first, second;
  base::atomic<bool> awake{false};
  void thread(int index) {
    if (index == 0) {
      sleeper.sleep();
      explore::require(first.get() == 1, "who wakes up sees what was before the wake-up");
      awake.store(true, std::memory_order_release);
      sleeper.sleep();
      explore::require(second.get() == 1, "the same again");
    } else {
      first.set(1);
      sleeper.wake();
      while (!awake.load(std::memory_order_acquire)) base::relax(); // who wakes has decided this very wait
      second.set(1);
      sleeper.wake();
    }
  }
};

// A sleep that gives up, and then has to wait for the same wake-up after all, as park_until does.
struct gives_up {
  static constexpr int threads = 2;
  guest sleeper;
  explore::plain<int> data;
  void thread(int index) {
    if (index == 0) {
      if (!sleeper.sleep_until(10)) sleeper.sleep();
      explore::require(data.get() == 1, "who wakes up sees what was before the wake-up");
    } else {
      data.set(1);
      sleeper.wake();
    }
  }
  void finish() { explore::require(sleeper.token.load(std::memory_order_relaxed) == 0, "nothing is left"); }
};

// A sleep that nobody ends but the deadline.
struct only_the_deadline {
  static constexpr int threads = 1;
  guest sleeper;
  void thread(int) { explore::require(!sleeper.sleep_until(10), "not woken"); }
};

} // namespace

TEST(guest_explore, a_wake_up_reaches_the_sleep_that_it_is_for) { explore::expect_correct<two_sleeps>(); }
TEST(guest_explore, a_sleep_that_gave_up_may_be_woken_still) { explore::expect_correct<gives_up>(); }
TEST(guest_explore, a_deadline_ends_a_sleep_alone) { explore::expect_correct<only_the_deadline>(); }

TEST(guest_explore, every_order_is_needed) {
  explore::expect_no_survivor(explore::mutation_gate(
      {explore::scenario_of<two_sleeps>(), explore::scenario_of<gives_up>()}, {.files = {"wait/guest.cc"}}));
}

} // namespace thrum::wait
