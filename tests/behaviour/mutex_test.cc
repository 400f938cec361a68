// mutex and recursive_mutex, as fibers and threads see them: exclusion, waiting with a limit, fairness, and destruction by the
// last user.
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/mutex.h>
#include <thrum/thrum.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::times;
using test::until;
using thrum::chan;
using thrum::fiber;
using thrum::spawn;
using thrum::this_fiber::yield;

class mutexes : public test::on_processors {};

template <class Mutex> void hammer(Mutex& m, std::size_t n, std::size_t& guarded, std::atomic<int>& inside) {
  for (std::size_t i = 0; i < n; ++i) {
    switch (i % 5) {
    case 0:
      if (!m.try_lock()) {
        yield();
        continue;
      }
      break;
    case 1:
      if (!m.try_lock_for(20us)) continue;
      break;
    default: m.lock();
    }
    EXPECT_EQ(++inside, 1);
    ++guarded;
    if (i % 17 == 0) yield(); // held across a wait
    --inside;
    m.unlock();
  }
}

} // namespace

TEST_P(mutexes, only_one_is_inside_at_a_time) {
  run([] {
    thrum::mutex m;
    std::size_t guarded = 0;
    std::atomic<int> inside{0};
    std::vector<fiber<void>> all;
    for (int i = 0; i < 8; ++i) all.push_back(spawn([&] { hammer(m, times(2000), guarded, inside); }));
    for (auto& f : all) f.join();
    EXPECT_GT(guarded, times(2000));
  });
}

TEST_P(mutexes, only_one_is_inside_a_recursive_mutex_at_a_time) {
  run([] {
    thrum::recursive_mutex m;
    std::size_t guarded = 0;
    std::atomic<int> inside{0};
    std::vector<fiber<void>> all;
    for (int i = 0; i < 8; ++i)
      all.push_back(spawn([&] {
        for (std::size_t k = 0; k < times(50); ++k) {
          hammer(m, 20, guarded, inside);
          const std::lock_guard outer(m);
          const std::lock_guard middle(m);
          ASSERT_TRUE(m.try_lock());
          ASSERT_TRUE(m.try_lock_for(1ms));
          EXPECT_EQ(++inside, 1);
          yield();
          --inside;
          m.unlock();
          m.unlock();
        }
      }));
    for (auto& f : all) f.join();
  });
}

TEST_P(mutexes, fibers_and_threads_exclude_each_other) {
  thrum::mutex m;
  std::size_t guarded = 0;
  std::atomic<int> inside{0};
  run([&] {
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) threads.emplace_back([&] { hammer(m, times(2000), guarded, inside); });
    std::vector<fiber<void>> all;
    for (int i = 0; i < 3; ++i) all.push_back(spawn([&] { hammer(m, times(2000), guarded, inside); }));
    for (auto& f : all) f.join();
    for (auto& t : threads) t.join();
  });
}

TEST_P(mutexes, the_standards_locks_work) {
  run([] {
    thrum::mutex a;
    thrum::mutex b;
    std::size_t guarded = 0;
    std::vector<fiber<void>> all;
    for (int lane = 0; lane < 4; ++lane)
      all.push_back(spawn([&, lane] {
        for (std::size_t i = 0; i < times(500); ++i) {
          if (lane % 2 == 0) {
            const std::scoped_lock both(a, b);
            ++guarded;
          } else {
            std::unique_lock first(b, std::defer_lock);
            std::unique_lock second(a, std::defer_lock);
            std::lock(first, second);
            ++guarded;
          }
        }
      }));
    for (auto& f : all) f.join();
    EXPECT_EQ(guarded, 4 * times(500));
    std::unique_lock limited(a, 1ms);
    EXPECT_TRUE(limited.owns_lock());
    EXPECT_FALSE(spawn([&] { return std::unique_lock(a, std::try_to_lock).owns_lock(); }).join());
  });
}

TEST_P(mutexes, a_limited_wait_ends_with_the_mutex_or_never_early) {
  const auto check = [](thrum::mutex& held) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(held.try_lock_for(2ms));
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 2ms);
    EXPECT_FALSE(held.try_lock_until(begin));
    EXPECT_FALSE(held.try_lock_for(-1h));
    EXPECT_FALSE(held.try_lock());
  };
  run([&] {
    thrum::mutex m;
    m.lock();
    spawn([&] { check(m); }).join();
    std::thread([&] { check(m); }).join();
    auto waiting = spawn([&] {
      EXPECT_TRUE(m.try_lock_for(1h));
      m.unlock();
    });
    yield();
    m.unlock();
    waiting.join();
    EXPECT_TRUE(m.try_lock_for(0s)) << "free";
    m.unlock();
  });
}

// Waiters that give up, at random, among waiters that do not.
TEST_P(mutexes, waiters_that_give_up_lose_nobodys_turn) {
  run([] {
    thrum::mutex m;
    std::size_t taken = 0;
    std::atomic<std::size_t> given_up{0};
    std::vector<fiber<void>> all;
    const std::size_t n = times(300);
    for (std::size_t lane = 0; lane < 8; ++lane)
      all.push_back(spawn([&, lane] {
        for (std::size_t i = 0; i < n; ++i) {
          if (lane % 2 == 0) {
            m.lock();
          } else if (!m.try_lock_for(std::chrono::microseconds(i % 30))) {
            ++given_up;
            continue;
          }
          ++taken;
          yield();
          m.unlock();
        }
      }));
    for (auto& f : all) f.join();
    EXPECT_EQ(taken + given_up, 8 * n);
  });
}

// Go's TestMutexFairness: who tries now and then gets the mutex although another takes it again and again.
TEST_P(mutexes, a_greedy_fiber_does_not_starve_a_patient_one) {
  run([] {
    thrum::mutex m;
    std::atomic<bool> stop{false};
    auto greedy = spawn([&] {
      while (!stop) {
        m.lock();
        for (int i = 0; i < 100 && !stop; ++i) yield();
        m.unlock();
      }
    });
    for (int i = 0; i < 10; ++i) {
      thrum::this_fiber::sleep_for(10us);
      m.lock();
      m.unlock();
    }
    stop = true;
    greedy.join();
  });
}

// The owner is the fiber, not the thread.
TEST_P(mutexes, a_mutex_may_be_held_across_waits_and_unlocked_on_another_thread) {
  run([] {
    thrum::mutex m;
    std::vector<fiber<void>> all;
    int guarded = 0;
    for (int i = 0; i < 20; ++i)
      all.push_back(spawn([&] {
        for (std::size_t k = 0; k < times(20); ++k) {
          const std::lock_guard hold(m);
          const int before = guarded;
          thrum::this_fiber::sleep_for(3us);
          guarded = before + 1;
        }
      }));
    for (auto& f : all) f.join();
    EXPECT_EQ(guarded, static_cast<int>(20 * times(20)));
  });
}

// Whoever has unlocked it last may destroy it, as the last owner of a reference-counted object does.
TEST_P(mutexes, the_last_user_may_destroy_it) {
  struct object {
    thrum::mutex m;
    int references = 2; // guarded by m
  };
  const auto drop = [](object* o) {
    bool last = false;
    {
      const std::lock_guard hold(o->m);
      last = --o->references == 0;
    }
    if (last) delete o;
  };
  run([&] {
    for (std::size_t i = 0; i < times(3000); ++i) {
      auto* o = new object;
      auto other = spawn([=] { drop(o); });
      if (i % 3 == 0) yield();
      drop(o);
      other.join();
    }
    for (std::size_t i = 0; i < times(200); ++i) {
      auto* o = new object;
      std::thread other([=] { drop(o); });
      drop(o);
      other.join();
    }
  });
}

THRUM_ON_PROCESSORS(mutexes);
