#include "sync/testing.h"

#include <thrum/atomic.h>

#include <array>
#include <memory>

namespace thrum {
namespace {

using namespace testing;

class atomics : public on_processors {};
INSTANTIATE_TEST_SUITE_P(on, atomics, processor_counts());

constinit atomic<int> made_before_main{3};

static_assert(sizeof(atomic<char>) == 1 && sizeof(atomic<long>) == sizeof(long));
enum class colour : std::uint8_t { red, green };
struct pair_of_numbers {
  std::int32_t a, b;
};

TEST(atomic, is_the_standards_in_everything_but_waiting) {
  EXPECT_EQ(made_before_main.load(), 3);
  atomic<int> a{1};
  a = 2;
  EXPECT_EQ(a.fetch_add(3), 2);
  EXPECT_EQ(++a, 6);
  int expected = 6;
  EXPECT_TRUE(a.compare_exchange_strong(expected, 7, std::memory_order_acq_rel, std::memory_order_relaxed));
  EXPECT_EQ(a, 7);
  const std::atomic<int>& base = a;
  EXPECT_EQ(base.load(), 7);
}

TEST(atomic, a_wait_for_the_end_of_what_is_not_there_returns_at_once) {
  atomic<int> a{1};
  a.wait(0);
  a.wait(2, std::memory_order_acquire);
  EXPECT_TRUE(a.wait_for(0, 0s));
  EXPECT_TRUE(a.wait_until(0, steady_clock::now() - 1s));
  atomic<colour> c{colour::red};
  c.wait(colour::green);
  int here = 0;
  atomic<int*> p{&here};
  p.wait(nullptr);
  atomic<double> d{0.0};
  d.wait(-0.0); // equal, but other bytes
  atomic<pair_of_numbers> two{{1, 2}};
  two.wait({1, 3});
}

TEST_P(atomics, a_wait_ends_when_the_value_has_changed_and_somebody_says_so) {
  run([] {
    atomic<int> a{0};
    int data = 0;
    onlooker seen;
    auto f = spawn([&] {
      seen.here();
      a.wait(0, std::memory_order_acquire);
      return data;
    });
    seen.wait_until_parked();
    data = 5;
    a.store(1, std::memory_order_release);
    a.notify_one();
    EXPECT_EQ(f.join(), 5);
  });
}

TEST(atomic, a_notification_without_a_change_ends_no_wait) {
  on_one_processor([] {
    atomic<int> a{0};
    onlooker seen;
    bool over = false;
    auto f = spawn([&] {
      seen.here();
      a.wait(0);
      over = true;
    });
    for (int i = 0; i < 3; ++i) {
      seen.wait_until_parked();
      a.notify_all();
      this_fiber::yield(); // it runs and looks
      this_fiber::yield();
      EXPECT_FALSE(over);
    }
    a.store(1);
    a.notify_all();
    f.join();
  });
}

TEST(atomic, one_is_let_go_at_a_time_and_who_waits_longest_is_first) {
  on_one_processor([] {
    atomic<int> a{0};
    std::array<onlooker, 4> seen;
    std::vector<int> order;
    std::vector<fiber<>> all;
    for (int i = 0; i < 4; ++i) {
      all.push_back(spawn([&, i] {
        seen[static_cast<std::size_t>(i)].here();
        a.wait(0);
        order.push_back(i);
      }));
      seen[static_cast<std::size_t>(i)].wait_until_parked();
    }
    a.store(1);
    for (int i = 0; i < 4; ++i) {
      a.notify_one();
      all[static_cast<std::size_t>(i)].join();
      EXPECT_EQ(order.size(), static_cast<std::size_t>(i) + 1);
    }
    EXPECT_EQ(order, (std::vector{0, 1, 2, 3}));
  });
}

TEST(atomic, all_are_let_go_and_those_of_other_atomics_are_not) {
  on_one_processor([] {
    std::array<atomic<std::uint8_t>, 2> next_to_each_other{};
    std::array<onlooker, 10> seen;
    int over = 0;
    std::vector<fiber<>> all;
    for (std::size_t i = 0; i < seen.size(); ++i) {
      all.push_back(spawn([&, i] {
        seen[i].here();
        next_to_each_other[i % 2].wait(0);
        ++over;
      }));
      seen[i].wait_until_parked();
    }
    next_to_each_other[0].store(1);
    next_to_each_other[0].notify_all();
    for (std::size_t i = 0; i < seen.size(); i += 2) all[i].join();
    EXPECT_EQ(over, 5);
    next_to_each_other[1].store(1);
    next_to_each_other[1].notify_all();
    for (std::size_t i = 1; i < seen.size(); i += 2) all[i].join();
    EXPECT_EQ(over, 10);
  });
}

TEST_P(atomics, a_wait_with_a_deadline_says_whether_the_value_has_changed) {
  run([] {
    atomic<int> a{0};
    EXPECT_FALSE(a.wait_for(0, 1us));
    EXPECT_FALSE(a.wait_until(0, steady_clock::now() + 1us));
    EXPECT_FALSE(a.wait_for(0, -1s));
    onlooker seen;
    auto f = spawn([&] {
      seen.here();
      return a.wait_for(0, 1h);
    });
    seen.wait_until_parked();
    a.store(1);
    a.notify_one();
    EXPECT_TRUE(f.join());
  });
}

TEST(atomic, a_notification_that_meets_one_who_gave_up_goes_to_the_next) {
  on_one_processor([] {
    atomic<int> a{0};
    onlooker impatient, stopped, patient;
    auto one = spawn([&] {
      impatient.here();
      return a.wait_for(0, 1ms);
    });
    impatient.wait_until_parked();
    auto two = spawn([&] {
      stopped.here();
      a.wait(0);
    });
    stopped.wait_until_parked();
    auto three = spawn([&] {
      patient.here();
      a.wait(0);
    });
    patient.wait_until_parked();
    EXPECT_FALSE(one.join());
    two.request_stop();
    a.store(1);
    a.notify_one(); // `two` is decided, and has not run
    EXPECT_THROW(two.join(), cancelled);
    three.join();
  });
}

TEST_P(atomics, a_stop_request_ends_a_wait) {
  run([] {
    atomic<int> a{0};
    onlooker seen;
    auto f = spawn([&] {
      seen.here();
      a.wait(0);
    });
    seen.wait_until_parked();
    f.request_stop();
    EXPECT_THROW(f.join(), cancelled);
  });
}

TEST_P(atomics, who_was_asked_to_stop_before_waits_for_nothing_but_may_see_that_it_need_not) {
  run([] {
    atomic<int> a{0};
    bool passed = false;
    auto f = spawn([&] {
      while (!this_fiber::stop_requested()) this_fiber::yield();
      a.wait(1);
      passed = true;
      static_cast<void>(a.wait_for(0, 1h));
    });
    f.request_stop();
    EXPECT_THROW(f.join(), cancelled);
    EXPECT_TRUE(passed);
  });
}

// Turns go round; each turn is one wait and one notification, and a single one that is lost stops everything.
template <class Run> void check_turns(int everybody, Run run_all) {
  atomic<int> turn{0};
  const int rounds = repetitions() / 4;
  run_all([&](int who) {
    dice d(static_cast<std::uint64_t>(who) + 11);
    for (int i = 0; i < rounds; ++i) {
      for (int now; (now = turn.load(std::memory_order_acquire)) % everybody != who;) {
        d.jitter();
        turn.wait(now, std::memory_order_acquire);
      }
      d.jitter();
      turn.store(turn.load(std::memory_order_relaxed) + 1, std::memory_order_release);
      turn.notify_all();
    }
  });
  EXPECT_EQ(turn.load(), everybody * rounds);
}
TEST_P(atomics, no_notification_is_lost_among_fibers) {
  run([] { check_turns(6, [](auto f) { in_fibers(6, f); }); });
}
TEST(atomic, no_notification_is_lost_among_threads_and_fibers) {
  check_turns(6, [](auto f) { in_everything(2, f); });
}

// Two counts of one semaphore made of an atomic: who takes none waits for the end of zero. Deadlines and stop requests in between.
TEST_P(atomics, no_notification_is_lost_when_waits_fail) {
  run([] {
    dice d(GTEST_FLAG_GET(random_seed) + 5u);
    for (int round = 0; round < repetitions() / 10; ++round) {
      atomic<int> permits{1};
      std::vector<fiber<>> all;
      for (int i = 0; i < 6; ++i)
        all.push_back(spawn([&, seed = d.roll(1u << 30)] {
          dice mine(seed);
          for (int k = 0; k < 4; ++k) {
            int now = permits.load(std::memory_order_relaxed);
            bool got = false;
            try {
              while (!got) {
                if (now > 0) {
                  got = permits.compare_exchange_weak(now, now - 1, std::memory_order_acquire);
                } else if (mine.roll(3) == 0) {
                  if (!permits.wait_for(0, std::chrono::microseconds(mine.roll(30)))) break;
                  now = permits.load(std::memory_order_relaxed);
                } else {
                  permits.wait(0, std::memory_order_relaxed);
                  now = permits.load(std::memory_order_relaxed);
                }
              }
            } catch (const cancelled&) {}
            mine.jitter();
            if (!got) {
              // What this one was told may have been meant for another.
              if (permits.load(std::memory_order_relaxed) > 0) permits.notify_one();
              continue;
            }
            permits.fetch_add(1, std::memory_order_release);
            permits.notify_one();
          }
        }));
      for (auto& f : all) {
        d.jitter();
        if (d.roll(3) == 0) f.request_stop();
      }
      for (auto& f : all) f.join();
      ASSERT_EQ(permits.load(), 1) << "round " << round;
    }
  });
}

// Who is let go by the change destroys; the address sanitizer sees a notifier that still touches it.
TEST_P(atomics, may_be_destroyed_by_who_was_let_go_while_the_notification_is_returning) {
  run([] {
    for (int i = 0; i < repetitions(); ++i) {
      auto a = std::make_unique<atomic<int>>(0);
      auto f = spawn([&a = *a, i] {
        dice(static_cast<std::uint64_t>(i)).jitter();
        a.store(1, std::memory_order_release);
        a.notify_all(); // `a` may be gone
      });
      a->wait(0, std::memory_order_acquire);
      a.reset();
      f.join();
    }
  });
}

TEST(atomic, a_hundred_thousand_may_be_waited_for_at_a_time) {
  const int count = repetitions() * 100;
  thrum::run(
      [&] {
        std::vector<atomic<int>> flags(static_cast<std::size_t>(count));
        std::vector<fiber<>> all;
        atomic<int> waiting{0};
        for (auto& flag : flags)
          all.push_back(spawn([&] {
            waiting.fetch_add(1);
            waiting.notify_one();
            flag.wait(0);
          }));
        for (int now; (now = waiting.load()) != count;) waiting.wait(now);
        for (auto& flag : flags) {
          flag.store(1);
          flag.notify_one();
        }
        for (auto& f : all) f.join();
      },
      {.processors = 2});
}

using atomic_misuse = deadly;
TEST_F(atomic_misuse, an_order_that_a_load_cannot_have_panics) {
  atomic<int> a{1};
  EXPECT_DEATH(a.wait(1, std::memory_order_release), "order that a load cannot have");
  EXPECT_DEATH(static_cast<void>(a.wait_for(1, 1s, std::memory_order_acq_rel)),
               "order that a load cannot have");
}

} // namespace
} // namespace thrum
