// Sleeping: never too short, in any number, woken in time by whoever is awake. Nothing here bounds how late a wake-up is.
#include "support/child.h"
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/thrum.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <signal.h>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using test::times;
using thrum::chan;
using thrum::fiber;
using thrum::spawn;
using thrum::this_fiber::sleep_for;
using thrum::this_fiber::sleep_until;

class time_passes : public test::on_processors {};
class sleep_order : public test::on_one_processor {};

} // namespace

TEST_P(time_passes, a_sleep_is_never_too_short) {
  const auto check = [] {
    for (const auto duration : {1ns, 999ns, 1'000ns, 1'025ns, 65'537ns, 777'777ns, 3'000'001ns}) {
      const auto begin = steady_clock::now();
      sleep_for(duration);
      EXPECT_GE(steady_clock::now() - begin, duration);
      const auto point = steady_clock::now() + duration;
      sleep_until(point);
      EXPECT_GE(steady_clock::now(), point);
    }
    const auto point = std::chrono::system_clock::now() + 500us;
    sleep_until(point);
    EXPECT_GE(std::chrono::system_clock::now() + 1us, point); // the clocks do not tick together
  };
  run(check);
  std::thread(check).join();
}

TEST_P(time_passes, a_sleep_of_nothing_returns_at_once) {
  run([] {
    using test::ends;
    for (const bool parked : {false, true}) {
      EXPECT_EQ(test::how_it_ends([] { sleep_for(0s); }, parked), ends::at_once);
      EXPECT_EQ(test::how_it_ends([] { sleep_for(-1h); }, parked), ends::at_once);
      EXPECT_EQ(test::how_it_ends([] { sleep_for(std::chrono::nanoseconds::min()); }, parked), ends::at_once);
      EXPECT_EQ(test::how_it_ends([] { sleep_until(steady_clock::time_point()); }, parked), ends::at_once);
      EXPECT_EQ(test::how_it_ends([] { sleep_until(steady_clock::time_point::min()); }, parked),
                ends::at_once);
    }
  });
}

TEST_P(time_passes, very_many_sleepers_all_wake) {
  run([] {
    const std::size_t n = times(5000);
    std::vector<fiber<void>> all;
    for (std::size_t i = 0; i < n; ++i)
      all.push_back(spawn([i] {
        for (int k = 0; k < 5; ++k)
          sleep_for(std::chrono::microseconds((i * 37 + static_cast<std::size_t>(k) * 101) % 1500));
      }));
    for (auto& f : all) f.join();
  });
}

// The same time for all, so that one slot of the wheel holds them.
TEST_P(time_passes, very_many_sleepers_with_one_deadline_all_wake) {
  run([] {
    const auto deadline = steady_clock::now() + 20ms;
    std::vector<fiber<void>> all;
    for (std::size_t i = 0; i < times(3000); ++i)
      all.push_back(spawn([=] {
        sleep_until(deadline);
        EXPECT_GE(steady_clock::now(), deadline);
      }));
    for (auto& f : all) f.join();
  });
}

// A sleeper that is set while everybody sleeps longer must shorten their sleep.
TEST_P(time_passes, an_earlier_time_that_is_set_later_is_not_missed) {
  thrum::runtime r(options());
  std::vector<fiber<void>> long_ones;
  for (int i = 0; i < 4; ++i) long_ones.push_back(r.spawn([] { sleep_for(1h); }));
  for (std::size_t i = 0; i < times(100); ++i) {
    auto short_one = r.spawn([] { sleep_for(100us); });
    short_one.join();
    if (i % 10 == 0) std::this_thread::yield();
  }
  for (auto& f : long_ones) f.request_stop();
  for (auto& f : long_ones) EXPECT_THROW(f.join(), thrum::cancelled);
}

TEST_F(sleep_order, those_with_earlier_deadlines_wake_first) {
  const auto taken = [] { // how often the one processor went to another thread
    const thrum::runtime_report r = thrum::runtime::current().report();
    return r.taken_from_computing + r.taken_from_blocked;
  };
  run([&] {
    for (auto margin = 1ms;;
         margin *= 2) { // until all have gone to sleep in time, and nobody was interrupted
      const std::uint64_t before = taken();
      thrum::mutex lock;
      std::vector<int> order; // guarded by lock
      std::atomic<bool> late{false};
      const auto begin = steady_clock::now() + margin;
      std::vector<fiber<void>> all;
      for (int i = 0; i < 20; ++i)
        all.push_back(spawn([&, i] {
          const auto mine = begin + std::chrono::microseconds(100 * ((i * 7) % 20));
          if (steady_clock::now() >= begin) late = true;
          sleep_until(mine);
          const std::lock_guard hold(lock);
          order.push_back((i * 7) % 20);
        }));
      for (auto& f : all) f.join();
      if (late || taken() != before) continue;
      EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
      return;
    }
  });
}

TEST_P(time_passes, a_sleeping_fiber_does_not_keep_a_thread) {
  run([] {
    // Many more sleepers than processors: if each kept a thread, they would wake one after the other.
    std::atomic<int> sleeping{0};
    std::vector<fiber<void>> all;
    const auto deadline = steady_clock::now() + 10ms;
    for (int i = 0; i < 200; ++i)
      all.push_back(spawn([&] {
        ++sleeping;
        sleep_until(deadline);
      }));
    test::until([&] { return sleeping == 200; });
    for (auto& f : all) f.join();
  });
}

// Many set and cancelled, on all processors, while others fire.
TEST_P(time_passes, timers_that_are_cancelled_and_timers_that_fire_do_not_disturb_each_other) {
  run([] {
    std::vector<fiber<void>> all;
    for (int lane = 0; lane < 8; ++lane) {
      const chan<int> c;
      all.push_back(spawn([=] {
        for (std::size_t i = 0; i < times(500); ++i) {
          const auto got = c.recv_for(std::chrono::microseconds(1 + (i * 17) % 60));
          if (!got && got.error() == thrum::chan_status::closed) return;
        }
      }));
      all.push_back(spawn([=] {
        for (std::size_t i = 0; i < times(300); ++i) {
          int v = 1;
          static_cast<void>(c.send_for(v, std::chrono::microseconds(1 + (i * 13) % 60)));
          if (i % 7 == 0) sleep_for(5us);
        }
        c.close();
      }));
    }
    for (auto& f : all) f.join();
  });
}

THRUM_ON_PROCESSORS(time_passes);

TEST(a_process_that_was_stopped, goes_on_with_every_wait_that_came_due_meanwhile) {
  test::live_child paused({test::own_folder() + "/paused"});
  const bool ready = paused.says("ready\n");
  paused.send(SIGSTOP);
  std::this_thread::sleep_for(700ms);
  paused.send(SIGCONT);
  const test::child c = paused.end();
  EXPECT_TRUE(ready) << c.summary();
  EXPECT_EQ(c.exit_code, 0) << c.summary();
  EXPECT_EQ(c.out, "ready\n1000 woken, 0 too early\ndeadline 1, value 1, ticks 1\n") << c.summary();
}
