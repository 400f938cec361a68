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
#include <stop_token>
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

// ---- what a recursive_mutex has besides

namespace {

class fair_mutex : public test::on_one_processor {};

[[gnu::noinline]] std::stop_source new_source() { return {}; } // or g++ 12 warns of it, falsely

} // namespace

TEST_P(mutexes, a_recursive_mutex_counts_how_often_the_caller_holds_it) {
  run([] {
    thrum::recursive_mutex m;
    EXPECT_EQ(m.hold_count(), 0u);
    m.lock();
    ASSERT_TRUE(m.try_lock());
    ASSERT_TRUE(m.lock(std::stop_token()));
    EXPECT_EQ(m.hold_count(), 3u);
    spawn([&] { EXPECT_EQ(m.hold_count(), 0u); }).join(); // of another's
    std::thread([&] { EXPECT_EQ(m.hold_count(), 0u); }).join();
    m.unlock();
    EXPECT_EQ(m.hold_count(), 2u);
    m.unlock();
    m.unlock();
    EXPECT_EQ(m.hold_count(), 0u);
    spawn([&] {
      const std::lock_guard hold(m);
      EXPECT_EQ(m.hold_count(), 1u);
    }).join();
  });
}

TEST_P(mutexes, a_stop_token_ends_the_wait_for_a_recursive_mutex) {
  run([] {
    for (const bool fair : {false, true}) {
      auto made = fair ? std::make_unique<thrum::recursive_mutex>(thrum::fair)
                       : std::make_unique<thrum::recursive_mutex>();
      thrum::recursive_mutex& m = *made;
      std::stop_source source = new_source();
      std::unique_lock held(m);
      std::atomic<int> here{0};
      const auto wait = [&] {
        ++here;
        EXPECT_FALSE(m.lock(source.get_token()));
        EXPECT_EQ(m.hold_count(), 0u);
      };
      auto patient = spawn([&] { // is not concerned
        const std::lock_guard hold(m);
        return m.hold_count();
      });
      auto fiber = spawn(wait);
      std::thread thread(wait);
      until([&] { return here == 2; });
      for (int i = 0; i < 10; ++i) yield();
      source.request_stop();
      fiber.join();
      thread.join();
      EXPECT_FALSE(spawn([&] { return m.lock(source.get_token()); }).join()); // asked before
      EXPECT_TRUE(m.lock(source.get_token()));                                // one's own
      m.unlock();
      held.unlock();
      EXPECT_EQ(patient.join(), 1u);
      EXPECT_TRUE(m.lock(source.get_token())); // it is free
      m.unlock();
    }
  });
}

// A request and an unlock at the same time: who is told true holds it, who is told false does not, and nobody is forgotten.
TEST_P(mutexes, a_stop_request_and_an_unlock_end_a_wait_once) {
  run([] {
    thrum::recursive_mutex m;
    std::atomic<int> inside{0};
    for (std::size_t i = 0; i < times(300); ++i) {
      std::stop_source source = new_source();
      std::vector<fiber<void>> waiting;
      std::unique_lock held(m);
      for (int w = 0; w < 3; ++w)
        waiting.push_back(spawn([&, w] {
          if (w == 0)
            m.lock();
          else if (!m.lock(source.get_token()))
            return;
          EXPECT_EQ(++inside, 1);
          EXPECT_EQ(m.hold_count(), 1u);
          --inside;
          m.unlock();
        }));
      auto asking = spawn([&] { source.request_stop(); });
      if (i % 2 == 0) yield();
      held.unlock();
      asking.join();
      for (auto& w : waiting) w.join();
    }
  });
}

TEST_P(mutexes, only_one_is_inside_a_fair_mutex_at_a_time) {
  run([] {
    thrum::recursive_mutex m(thrum::fair);
    std::size_t guarded = 0;
    std::atomic<int> inside{0};
    std::vector<fiber<void>> all;
    for (int i = 0; i < 8; ++i) all.push_back(spawn([&] { hammer(m, times(1000), guarded, inside); }));
    for (auto& f : all) f.join();
    EXPECT_GT(guarded, times(1000));
    EXPECT_EQ(m.hold_count(), 0u);
  });
}

// The others get it at once if they come by while it is free: the one that unlocks here locks again at once.
TEST_F(fair_mutex, is_given_to_who_waits_longest_and_not_to_who_comes_by) {
  run([] {
    thrum::recursive_mutex m(thrum::fair);
    std::vector<int> order;
    std::vector<fiber<void>> waiting;
    std::stop_source source = new_source();
    m.lock();
    for (int i = 0; i < 12; ++i) {
      waiting.push_back(spawn([&, i] {
        if (i % 4 == 1 && !m.lock(source.get_token())) return; // gives up
        if (i % 4 == 2 && !m.try_lock_for(24h)) return;
        if (i % 4 != 1 && i % 4 != 2) m.lock();
        order.push_back(i);
        m.unlock();
        m.lock(); // behind all others
        order.push_back(100 + i);
        m.unlock();
      }));
      yield(); // it waits now
    }
    source.request_stop();
    m.unlock();
    m.lock();
    order.push_back(99);
    m.unlock();
    for (auto& w : waiting) w.join();
    EXPECT_EQ(order, (std::vector<int>{0, 2, 3, 4, 6, 7, 8, 10, 11, 99, 100, 102, 103, 104, 106, 107, 108,
                                       110, 111}));
  });
}

THRUM_ON_PROCESSORS(mutexes);
