#include "sync/testing.h"

#include <thrum/chan.h>
#include <thrum/latch.h>
#include <thrum/operation.h>
#include <thrum/select.h>
#include <thrum/semaphore.h>
#include <thrum/task.h>

#include <memory>
#include <optional>

namespace thrum {
namespace {

using namespace testing;

class semaphores : public on_processors {};
INSTANTIATE_TEST_SUITE_P(on, semaphores, processor_counts());

static_assert(counting_semaphore<7>::max() == 7);
static_assert(binary_semaphore::max() == 1);
constinit counting_semaphore<> made_before_main(3);

TEST(semaphore, one_that_is_made_before_main_can_be_used) {
  EXPECT_TRUE(made_before_main.try_acquire());
  made_before_main.release();
}

TEST(semaphore, try_acquire_takes_what_is_there_and_no_more) {
  counting_semaphore<> s(2);
  EXPECT_TRUE(s.try_acquire());
  EXPECT_TRUE(s.try_acquire());
  EXPECT_FALSE(s.try_acquire());
  s.release(2);
  EXPECT_TRUE(s.try_acquire());
  EXPECT_TRUE(s.try_acquire());
  EXPECT_FALSE(s.try_acquire());
}

TEST(semaphore, release_of_nothing_changes_nothing) {
  counting_semaphore<> s(0);
  s.release(0);
  EXPECT_FALSE(s.try_acquire());
}

TEST(semaphore, the_largest_maximum_is_reached_exactly) {
  counting_semaphore<> s(PTRDIFF_MAX - 1);
  s.release();
  EXPECT_TRUE(s.try_acquire());
}

// At most `permits` at a time, by everybody in every order.
template <class Run> void check_bound(Run run_all) {
  constexpr int permits = 3;
  counting_semaphore<permits> s(permits);
  std::atomic<int> inside = 0;
  latch all_inside(permits);
  run_all(8, [&](int who) {
    dice d(static_cast<std::uint64_t>(who));
    if (who < permits) { // as many as there are permits can be inside at a time
      s.acquire();
      all_inside.arrive_and_wait();
      s.release();
    }
    for (int i = 0; i < repetitions(); ++i) {
      s.acquire();
      EXPECT_LE(++inside, permits);
      d.jitter();
      --inside;
      s.release();
      d.jitter();
    }
  });
  EXPECT_EQ(inside, 0);
  for (int i = 0; i < permits; ++i) EXPECT_TRUE(s.try_acquire());
  EXPECT_FALSE(s.try_acquire());
  s.release(permits);
}

TEST_P(semaphores, never_let_in_more_than_they_have_permits) {
  run([] { check_bound([](int n, auto f) { in_fibers(n, f); }); });
}
TEST(semaphore, threads_are_bounded_like_fibers) {
  check_bound([](int n, auto f) { in_threads(n, f); });
}
TEST(semaphore, threads_and_fibers_are_bounded_together) {
  check_bound([](int n, auto f) { in_everything(n / 2, f); });
}

TEST_P(semaphores, two_binary_ones_take_turns) {
  run([] {
    binary_semaphore ping(0);
    binary_semaphore pong(0);
    int turns = 0; // handed to and fro
    auto other = spawn([&] {
      for (int i = 0; i < repetitions(); ++i) {
        ping.acquire();
        ++turns;
        pong.release();
      }
    });
    for (int i = 0; i < repetitions(); ++i) {
      ping.release();
      pong.acquire();
      EXPECT_EQ(turns, i + 1);
    }
    other.join();
  });
}

TEST(semaphore, permits_go_to_who_waits_longest) {
  on_one_processor([] {
    counting_semaphore<> s(0);
    std::vector<int> order;
    std::vector<fiber<>> all;
    onlooker seen[5];
    for (int i = 0; i < 5; ++i) {
      all.push_back(spawn([&, i] {
        seen[i].here();
        s.acquire();
        order.push_back(i);
      }));
      seen[i].wait_until_parked();
    }
    for (int i = 0; i < 2; ++i) {
      s.release();
      all[static_cast<std::size_t>(i)].join();
    }
    s.release(3);
    for (std::size_t i = 2; i < 5; ++i) all[i].join();
    EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
  });
}

TEST(semaphore, a_newcomer_does_not_take_the_permit_of_who_waits) {
  on_one_processor([] {
    counting_semaphore<> s(0);
    onlooker seen;
    bool acquired = false;
    auto f = spawn([&] {
      seen.here();
      s.acquire();
      acquired = true;
    });
    seen.wait_until_parked();
    s.release();
    EXPECT_FALSE(s.try_acquire()); // though the waiter has not run yet
    f.join();
    EXPECT_TRUE(acquired);
  });
}

TEST(semaphore, what_waiters_do_not_need_is_left_over) {
  on_one_processor([] {
    counting_semaphore<> s(0);
    onlooker seen;
    auto f = spawn([&] {
      seen.here();
      s.acquire();
    });
    seen.wait_until_parked();
    s.release(3);
    f.join();
    EXPECT_TRUE(s.try_acquire());
    EXPECT_TRUE(s.try_acquire());
    EXPECT_FALSE(s.try_acquire());
  });
}

template <class Run> void check_timeout(Run run_it) {
  run_it([] {
    counting_semaphore<> s(0);
    const auto start = steady_clock::now();
    EXPECT_FALSE(s.try_acquire_for(2ms));
    EXPECT_GE(steady_clock::now() - start, 2ms);
    const auto later = steady_clock::now() + 1ms;
    EXPECT_FALSE(s.try_acquire_until(later));
    EXPECT_GE(steady_clock::now(), later);
    EXPECT_FALSE(s.try_acquire_for(-1s));
    EXPECT_FALSE(s.try_acquire_until(std::chrono::system_clock::now() + 1ms));
    s.release();
    EXPECT_TRUE(s.try_acquire_for(0s));
    s.release();
    EXPECT_TRUE(s.try_acquire_for(1h));
    EXPECT_FALSE(s.try_acquire());
  });
}

TEST_P(semaphores, time_out_and_not_early) {
  check_timeout([&](auto f) { run(f); });
}
TEST(semaphore, a_thread_times_out_and_not_early) {
  check_timeout([](auto f) { f(); });
}

TEST(semaphore, a_timed_wait_gets_the_permit_that_comes_in_time) {
  on_one_processor([] {
    counting_semaphore<> s(0);
    onlooker seen;
    auto f = spawn([&] {
      seen.here();
      return s.try_acquire_for(1h);
    });
    seen.wait_until_parked();
    s.release();
    EXPECT_TRUE(f.join());
  });
}

TEST(semaphore, who_timed_out_is_passed_over) {
  on_one_processor([] {
    counting_semaphore<> s(0);
    onlooker impatient;
    onlooker patient;
    auto a = spawn([&] {
      impatient.here();
      return s.try_acquire_for(1ms);
    });
    impatient.wait_until_parked();
    auto b = spawn([&] {
      patient.here();
      s.acquire();
    });
    patient.wait_until_parked();
    EXPECT_FALSE(a.join());
    s.release();
    b.join();
    EXPECT_FALSE(s.try_acquire());
  });
}

TEST_P(semaphores, a_stop_request_ends_a_wait_without_a_permit) {
  run([] {
    counting_semaphore<> s(0);
    onlooker seen;
    auto f = spawn([&] {
      seen.here();
      s.acquire();
    });
    seen.wait_until_parked();
    f.request_stop();
    EXPECT_THROW(f.join(), cancelled);
    s.release();
    EXPECT_TRUE(s.try_acquire());
  });
}

TEST_P(semaphores, a_fiber_that_was_asked_to_stop_before_does_not_wait) {
  run([] {
    counting_semaphore<> s(1);
    binary_semaphore go_on(0);
    auto f = spawn([&] {
      while (!this_fiber::stop_requested()) this_fiber::yield();
      s.acquire(); // needs no wait, so does not throw
      s.acquire();
    });
    f.request_stop();
    EXPECT_THROW(f.join(), cancelled);
    EXPECT_FALSE(s.try_acquire());
  });
}

// Permits, deadlines and stop requests meet in every order: no permit is lost or doubled.
TEST_P(semaphores, no_permit_is_lost_when_waits_fail) {
  run([] {
    constexpr int permits = 2;
    counting_semaphore<> s(permits);
    dice d(GTEST_FLAG_GET(random_seed) + 7u);
    for (int round = 0; round < repetitions() / 10; ++round) {
      std::vector<fiber<>> all;
      for (int i = 0; i < 6; ++i)
        all.push_back(spawn([&, seed = d.roll(1u << 30)] {
          dice mine(seed);
          for (int k = 0; k < 4; ++k) {
            bool got = false;
            try {
              switch (mine.roll(6)) {
              case 0: got = s.try_acquire(); break;
              case 1: got = s.try_acquire_for(std::chrono::microseconds(mine.roll(30))); break;
              case 2: got = select(acquire(s), after(std::chrono::microseconds(mine.roll(30)))) == 0; break;
              case 3: got = select(acquire(s), otherwise()) == 0; break;
              case 4: // as a coroutine
                await([](counting_semaphore<>& from, bool& has) -> task<> {
                  co_await from.async_acquire();
                  has = true;
                }(s, got));
                break;
              default: s.acquire(); got = true;
              }
            } catch (const cancelled&) {}
            mine.jitter();
            if (got) s.release();
          }
        }));
      for (auto& f : all) {
        d.jitter();
        if (d.roll(2) == 0) f.request_stop();
      }
      for (auto& f : all) f.join();
      for (int i = 0; i < permits; ++i) ASSERT_TRUE(s.try_acquire()) << "round " << round;
      ASSERT_FALSE(s.try_acquire()) << "round " << round;
      s.release(permits);
    }
  });
}

// Who acquires destroys at once; the address sanitizer sees a releaser that is still at it.
template <class Run> void check_destruction(Run start) {
  for (int i = 0; i < repetitions(); ++i) {
    auto s = std::make_unique<binary_semaphore>(0);
    auto done = start([&s = *s, i] {
      dice(static_cast<std::uint64_t>(i)).jitter();
      s.release();
    });
    switch (i % 5) {
    case 0:
      while (!s->try_acquire()) this_fiber::yield();
      break;
    case 1: s->acquire(); break;
    case 2:
      while (!s->try_acquire_for(1us)) {}
      break;
    case 3:
      while (select(acquire(*s), after(1us)) != 0) {}
      break;
    default: await(s->async_acquire());
    }
    s.reset();
    done.join();
  }
}
TEST_P(semaphores, may_be_destroyed_by_who_acquired) {
  run([] { check_destruction([](auto f) { return spawn(f); }); });
}
TEST(semaphore, may_be_destroyed_by_a_thread_that_acquired) {
  runtime r({.processors = 2});
  check_destruction([&](auto f) { return r.spawn(f); });
}

// ---- as a case of a select, and for coroutines

TEST_P(semaphores, are_cases_of_a_select) {
  run([] {
    counting_semaphore<> s(2);
    const chan<int> never;
    std::optional<int> got;
    EXPECT_EQ(select(recv(never, got), acquire(s)), 1u);
    EXPECT_EQ(select(acquire(s), otherwise()), 0u);
    EXPECT_EQ(select(acquire(s), otherwise()), 1u);
    EXPECT_EQ(select(acquire(s), after(10us)), 1u);
    s.release(2);
    EXPECT_TRUE(s.try_acquire());
    EXPECT_EQ(select(recv(never, got), acquire(s), otherwise()), 1u);
    EXPECT_FALSE(s.try_acquire());
    EXPECT_EQ(select(acquire(s), acquire(s), after(10us)), 2u); // twice in one
    s.release();
    EXPECT_LT(select(acquire(s), acquire(s)), 2u);
    EXPECT_FALSE(s.try_acquire());
  });
}

TEST_P(semaphores, a_case_that_loses_takes_no_permit) {
  run([] {
    counting_semaphore<> s(1);
    counting_semaphore<> other(0);
    const chan<int> c(1);
    std::optional<int> got;
    for (int i = 0; i < 20; ++i) { // ready both
      c.send(i);
      if (select(acquire(s), recv(c, got)) == 0) s.release();
      EXPECT_EQ(c.size() + (got ? 1u : 0u), 1u);
      if (c.size() != 0) static_cast<void>(c.recv());
    }
    auto f = spawn([&] { return select(acquire(other), recv(c, got)); });
    for (int i = 0; i < 5; ++i) this_fiber::yield();
    c.send(7); // ready while it waits, if it does
    EXPECT_EQ(f.join(), 1u);
    other.release();
    EXPECT_TRUE(other.try_acquire());
    EXPECT_FALSE(other.try_acquire());
    EXPECT_TRUE(s.try_acquire());
    EXPECT_FALSE(s.try_acquire());
  });
}

TEST(semaphore, who_acquires_selects_or_awaits_is_served_in_order) {
  on_one_processor([] {
    counting_semaphore<> s(0);
    const chan<int> never;
    std::vector<char> order;
    onlooker acquires, selects, awaits, last;
    auto a = spawn([&] {
      acquires.here();
      s.acquire();
      order.push_back('a');
    });
    acquires.wait_until_parked();
    auto b = spawn([&] {
      selects.here();
      EXPECT_EQ(select(recv(never), acquire(s)), 1u);
      order.push_back('b');
    });
    selects.wait_until_parked();
    auto c = spawn([&] {
      awaits.here();
      await([](counting_semaphore<>& from, std::vector<char>& to) -> task<> {
        co_await from.async_acquire();
        to.push_back('c');
      }(s, order));
    });
    awaits.wait_until_parked();
    auto d = spawn([&] {
      last.here();
      EXPECT_TRUE(s.try_acquire_for(1h));
      order.push_back('d');
    });
    last.wait_until_parked();
    for (fiber<>* f : {&a, &b, &c, &d}) {
      s.release();
      EXPECT_FALSE(s.try_acquire()); // nor does a newcomer take it
      f->join();
    }
    EXPECT_EQ(order, (std::vector{'a', 'b', 'c', 'd'}));
  });
}

TEST(semaphore, a_look_that_found_nothing_leaves_it_as_it_was) {
  on_one_processor([] {
    auto s = std::make_unique<binary_semaphore>(0);
    EXPECT_EQ(select(acquire(*s), otherwise()), 1u);
    s->release();
    EXPECT_TRUE(s->try_acquire());
    EXPECT_EQ(select(acquire(*s), otherwise()), 1u);
    onlooker seen;
    auto f = spawn([&] {
      seen.here();
      s->acquire();
    });
    seen.wait_until_parked();
    s->release();
    f.join();
    EXPECT_EQ(select(acquire(*s), otherwise()), 1u);
    s.reset(); // nobody waits
  });
}

TEST(semaphore, threads_select_and_wait_for_operations_too) {
  binary_semaphore ping(0);
  binary_semaphore pong(0);
  std::thread other([&] {
    for (int i = 0; i < repetitions(); ++i) {
      EXPECT_EQ(select(acquire(ping), after(1h)), 0u);
      pong.release();
    }
  });
  for (int i = 0; i < repetitions(); ++i) {
    ping.release();
    if (i % 2 == 0)
      pong.async_acquire().wait();
    else
      await(pong.async_acquire());
  }
  other.join();
}

namespace {

// The lock stays locked over waits, on whatever fiber the coroutine goes on.
task<> add_slowly(binary_semaphore& lock, int& sum, int times) {
  for (int i = 0; i < times; ++i) {
    co_await lock.async_acquire();
    const int before = sum;
    co_await async_sleep_for(i % 4 == 0 ? 1us : 0us);
    sum = before + 1;
    lock.release();
  }
}

} // namespace

TEST_P(semaphores, a_binary_one_is_a_lock_that_coroutines_keep_over_waits) {
  run([] {
    binary_semaphore lock(1);
    int sum = 0;
    const int times = repetitions() / 10;
    std::vector<fiber<>> all;
    for (int i = 0; i < 8; ++i) all.push_back(spawn(add_slowly(lock, sum, times)));
    for (auto& f : all) f.join();
    EXPECT_EQ(sum, 8 * times);
  });
}

// Of each coroutine that is asked to stop: it has a permit, or the permit is still there.
TEST_P(semaphores, a_coroutine_that_is_stopped_has_a_permit_or_leaves_it) {
  run([] {
    counting_semaphore<> s(0);
    dice d(GTEST_FLAG_GET(random_seed) + 3u);
    for (int round = 0; round < repetitions() / 4; ++round) {
      auto waits = [](counting_semaphore<>& from) -> task<> { co_await from.async_acquire(); };
      std::vector<fiber<>> all;
      for (int i = 0; i < 4; ++i) all.push_back(spawn(waits(s)));
      auto releases = spawn([&] { s.release(3); });
      d.jitter();
      for (auto& f : all) f.request_stop();
      releases.join();
      int got = 0;
      for (auto& f : all) try {
          f.join();
          ++got;
        } catch (const cancelled&) {}
      int left = 0;
      while (s.try_acquire()) ++left;
      ASSERT_EQ(got + left, 3) << "round " << round;
    }
  });
}

using semaphore_misuse = deadly;
TEST_F(semaphore_misuse, releasing_above_the_maximum_panics) {
  binary_semaphore s(1);
  EXPECT_DEATH(s.release(), "more permits than the semaphore has room for");
}
TEST_F(semaphore_misuse, releasing_a_negative_number_panics) {
  counting_semaphore<> s(1);
  EXPECT_DEATH(s.release(-1), "negative number of permits");
}
TEST_F(semaphore_misuse, being_made_with_too_many_permits_panics) {
  EXPECT_DEATH(counting_semaphore<2> s(3), "made with a negative number of permits, or with more");
  EXPECT_DEATH(counting_semaphore<2> s(-1), "made with a negative number of permits");
}
TEST_F(semaphore_misuse, being_destroyed_while_somebody_waits_panics) {
  EXPECT_DEATH(on_one_processor([] {
                 auto s = std::make_unique<binary_semaphore>(0);
                 onlooker seen;
                 go([&s = *s, &seen] {
                   seen.here();
                   s.acquire();
                 });
                 seen.wait_until_parked();
                 s.reset();
               }),
               "destroyed while somebody waits");
}
TEST_F(semaphore_misuse, being_destroyed_while_a_select_waits_panics) {
  EXPECT_DEATH(on_one_processor([] {
                 auto s = std::make_unique<binary_semaphore>(0);
                 onlooker seen;
                 go([&s = *s, &seen] {
                   seen.here();
                   select(acquire(s), after(1h));
                 });
                 seen.wait_until_parked();
                 s.reset();
               }),
               "destroyed while somebody waits");
}

} // namespace
} // namespace thrum
