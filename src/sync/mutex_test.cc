#include "sync/testing.h"

#include <thrum/mutex.h>

#include <memory>
#include <mutex>

namespace thrum {
namespace {

using namespace testing;

class mutexes : public on_processors {};
INSTANTIATE_TEST_SUITE_P(on, mutexes, processor_counts());

constinit mutex made_before_main;

TEST(mutex, one_that_is_made_before_main_can_be_used) { const std::lock_guard hold(made_before_main); }

// One at a time, whoever they are and however they lock.
template <class Mutex, class Run> void check_exclusion(Run run_all) {
  Mutex m;
  int inside = 0;
  int total = 0;
  std::atomic<int> entered = 0;
  run_all(8, [&](int who) {
    dice d(static_cast<std::uint64_t>(who));
    for (int i = 0; i < repetitions(); ++i) {
      switch (d.roll(4)) {
      case 0:
        if (!m.try_lock()) continue;
        break;
      case 1:
        if (!m.try_lock_for(std::chrono::microseconds(d.roll(20)))) continue;
        break;
      default: m.lock();
      }
      EXPECT_EQ(++inside, 1);
      ++entered;
      ++total;
      d.jitter();
      --inside;
      m.unlock();
      d.jitter();
    }
  });
  EXPECT_EQ(total, entered);
  EXPECT_GT(total, 4 * repetitions() / 2);
  EXPECT_TRUE(m.try_lock());
  m.unlock();
}
TEST_P(mutexes, let_one_in_at_a_time) {
  run([] { check_exclusion<mutex>([](int n, auto f) { in_fibers(n, f); }); });
}
TEST(mutex, excludes_threads_and_fibers) {
  check_exclusion<mutex>([](int n, auto f) { in_everything(n / 2, f); });
}
TEST(mutex, excludes_threads) {
  check_exclusion<mutex>([](int n, auto f) { in_threads(n, f); });
}
TEST_P(mutexes, recursive_ones_let_one_in_at_a_time) {
  run([] { check_exclusion<recursive_mutex>([](int n, auto f) { in_fibers(n, f); }); });
}

// Nobody waits between the crowds, for long enough that the mutex is quiet again when the next one comes.
TEST_P(mutexes, go_from_quiet_to_contended_and_back) {
  run([] {
    mutex m;
    long total = 0;
    for (int crowd = 0; crowd < 10; ++crowd) {
      in_fibers(4, [&](int) {
        for (int i = 0; i < 100; ++i) {
          const std::lock_guard hold(m);
          const long before = total;
          if (i % 10 == 0) this_fiber::yield();
          total = before + 1;
        }
      });
      for (int i = 0; i < 3'000; ++i) {
        const std::lock_guard hold(m);
        ++total;
      }
    }
    EXPECT_EQ(total, 10 * (400 + 3'000));
  });
}

// Somebody who hardly ever lets go does not keep the mutex from somebody who sleeps between his attempts. The hog stops only
// when the other has had it ten times.
TEST_P(mutexes, are_fair_to_who_was_passed_over) {
  run([] {
    mutex m;
    std::atomic<bool> enough = false;
    auto hog = spawn([&] {
      while (!enough) {
        const std::lock_guard hold(m);
        const auto start = steady_clock::now();
        while (steady_clock::now() - start < 100us) {}
        this_fiber::yield();
      }
    });
    for (int i = 0; i < 10; ++i) {
      this_fiber::sleep_for(100us);
      const std::lock_guard hold(m);
    }
    enough = true;
    hog.join();
  });
}

TEST(mutex, may_be_held_across_waits) {
  thrum::run(
      [] {
        mutex m;
        int value = 0;
        in_fibers(4, [&](int) {
          for (int i = 0; i < 5; ++i) {
            const std::lock_guard hold(m);
            const int before = value;
            this_fiber::sleep_for(50us);
            value = before + 1;
          }
        });
        EXPECT_EQ(value, 20);
      },
      {.processors = 2});
}

TEST_P(mutexes, time_out_and_not_early) {
  run([] {
    mutex m;
    m.lock();
    auto f = spawn([&] {
      const auto start = steady_clock::now();
      EXPECT_FALSE(m.try_lock_for(2ms));
      EXPECT_GE(steady_clock::now() - start, 2ms);
      const auto later = steady_clock::now() + 1ms;
      EXPECT_FALSE(m.try_lock_until(later));
      EXPECT_GE(steady_clock::now(), later);
      EXPECT_FALSE(m.try_lock_for(0s));
    });
    f.join();
    m.unlock();
    EXPECT_TRUE(m.try_lock_for(1h));
    m.unlock();
  });
}

TEST(mutex, a_thread_times_out_and_not_early) {
  mutex m;
  m.lock();
  std::thread([&] {
    const auto start = steady_clock::now();
    EXPECT_FALSE(m.try_lock_for(2ms));
    EXPECT_GE(steady_clock::now() - start, 2ms);
  }).join();
  m.unlock();
}

TEST(mutex, who_timed_out_is_not_handed_the_mutex) {
  on_one_processor([] {
    mutex m;
    m.lock();
    onlooker impatient;
    onlooker patient;
    auto a = spawn([&] {
      impatient.here();
      return m.try_lock_for(1ms);
    });
    impatient.wait_until_parked();
    auto b = spawn([&] {
      patient.here();
      const std::lock_guard hold(m);
    });
    patient.wait_until_parked();
    EXPECT_FALSE(a.join());
    m.unlock();
    b.join();
  });
}

TEST(mutex, a_stop_request_does_not_end_lock) {
  on_one_processor([] {
    mutex m;
    m.lock();
    onlooker seen;
    bool locked = false;
    auto f = spawn([&] {
      seen.here();
      m.lock();
      locked = true;
      m.unlock();
      this_fiber::check();
    });
    seen.wait_until_parked();
    f.request_stop();
    for (int i = 0; i < 10; ++i) this_fiber::yield();
    EXPECT_FALSE(locked);
    m.unlock();
    EXPECT_THROW(f.join(), cancelled);
    EXPECT_TRUE(locked);
  });
}

TEST_P(mutexes, two_are_locked_together_in_any_order) {
  run([] {
    mutex a;
    recursive_mutex b;
    int value = 0;
    in_fibers(4, [&](int who) {
      for (int i = 0; i < repetitions() / 4; ++i) {
        if (who % 2 == 0) {
          const std::scoped_lock hold(a, b);
          ++value;
        } else {
          std::unique_lock first(b, std::defer_lock);
          std::unique_lock second(a, std::defer_lock);
          std::lock(first, second);
          ++value;
        }
        if (i % 16 == 0) this_fiber::yield();
      }
    });
    EXPECT_EQ(value, 4 * (repetitions() / 4));
  });
}

TEST(mutex, works_with_unique_lock) {
  mutex m;
  std::unique_lock hold(m, std::try_to_lock);
  EXPECT_TRUE(hold.owns_lock());
  hold.unlock();
  EXPECT_TRUE(hold.try_lock_for(1s));
  hold.unlock();
  EXPECT_TRUE(hold.try_lock_until(steady_clock::now()));
}

TEST(recursive_mutex, is_free_when_it_was_unlocked_as_often_as_locked) {
  on_one_processor([] {
    recursive_mutex m;
    m.lock();
    EXPECT_TRUE(m.try_lock());
    EXPECT_TRUE(m.try_lock_for(0s));
    const auto others = [&] {
      return spawn([&] { return m.try_lock() ? (m.unlock(), true) : false; }).join();
    };
    for (int i = 0; i < 3; ++i) {
      EXPECT_FALSE(others());
      m.unlock();
    }
    EXPECT_TRUE(others());
  });
}

// The last of two users destroys the mutex, right after its unlock; the other may still be inside its own.
template <class Run> void check_destruction(Run start) {
  struct counted {
    mutex m;
    int users = 2;
  };
  for (int i = 0; i < repetitions(); ++i) {
    auto* c = new counted;
    const auto leave = [c](std::uint64_t seed) {
      dice(seed).jitter();
      c->m.lock();
      const bool last = --c->users == 0;
      c->m.unlock();
      if (last) delete c;
    };
    auto a = start([=] { leave(static_cast<std::uint64_t>(2 * i)); });
    leave(static_cast<std::uint64_t>(2 * i + 1));
    a.join();
  }
}
TEST_P(mutexes, may_be_destroyed_by_the_last_user) {
  run([] { check_destruction([](auto f) { return spawn(f); }); });
}
TEST(mutex, may_be_destroyed_by_a_thread_that_was_the_last_user) {
  runtime r({.processors = 2});
  check_destruction([&](auto f) { return r.spawn(f); });
}

using mutex_misuse = deadly;
TEST_F(mutex_misuse, unlocking_what_is_not_locked_panics) {
  mutex m;
  EXPECT_DEATH(m.unlock(), "unlock of a mutex that is not locked");
}
TEST_F(mutex_misuse, unlocking_what_another_holds_panics) {
  mutex m;
  m.lock();
  EXPECT_DEATH(std::thread([&] { m.unlock(); }).join(),
               "unlock of a mutex that another fiber or thread holds");
  m.unlock();
}
TEST_F(mutex_misuse, locking_again_panics) {
  mutex m;
  m.lock();
  EXPECT_DEATH(m.lock(), "a mutex was locked again by the fiber that holds it");
  m.unlock();
}
TEST_F(mutex_misuse, being_destroyed_while_it_is_locked_panics) {
  EXPECT_DEATH(
      {
        mutex m;
        m.lock();
      },
      "a mutex was destroyed while it is locked");
}
TEST_F(mutex_misuse, unlocking_a_recursive_one_too_often_panics) {
  recursive_mutex m;
  m.lock();
  m.unlock();
  EXPECT_DEATH(m.unlock(), "unlock of a mutex that is not locked");
}

} // namespace
} // namespace thrum
