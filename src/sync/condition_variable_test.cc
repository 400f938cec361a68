#include "sync/testing.h"

#include <thrum/condition_variable.h>
#include <thrum/mutex.h>
#include <thrum/semaphore.h>
#include <thrum/shared_mutex.h>

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>

namespace thrum {
namespace {

using namespace testing;

class conditions : public on_processors {};
INSTANTIATE_TEST_SUITE_P(on, conditions, processor_counts());

constinit condition_variable made_before_main;

TEST(condition_variable, notifying_nobody_does_nothing) {
  made_before_main.notify_one();
  made_before_main.notify_all();
}

// A queue of bounded size, the classic: every value arrives exactly once.
template <class Run> void check_queue(int everybody, Run run_all) {
  mutex m;
  condition_variable not_empty;
  condition_variable not_full;
  std::deque<int> queue;
  long sum = 0;
  run_all([&](int who) {
    dice d(static_cast<std::uint64_t>(who));
    long mine = 0;
    for (int i = 0; i < repetitions(); ++i) {
      std::unique_lock hold(m);
      if (who % 2 == 0) {
        not_full.wait(hold, [&] { return queue.size() < 3; });
        queue.push_back(i);
        hold.unlock();
        not_empty.notify_one();
      } else {
        while (queue.empty())
          if (d.roll(2) == 0)
            not_empty.wait(hold);
          else
            not_empty.wait_for(hold, std::chrono::microseconds(d.roll(100)));
        mine += queue.front();
        queue.pop_front();
        not_full.notify_one();
        hold.unlock();
      }
      d.jitter();
    }
    const std::lock_guard hold(m);
    sum += mine;
  });
  EXPECT_EQ(sum, everybody / 2 * (long{repetitions()} * (repetitions() - 1) / 2));
  EXPECT_TRUE(queue.empty());
}
TEST_P(conditions, make_a_queue) {
  run([] { check_queue(8, [](auto f) { in_fibers(8, f); }); });
}
TEST(condition_variable, makes_a_queue_of_threads) {
  check_queue(8, [](auto f) { in_threads(8, f); });
}
TEST(condition_variable, makes_a_queue_of_threads_and_fibers) {
  check_queue(12, [](auto f) { in_everything(4, f); });
}

// ---- who is let go

// One notification, one waiter: nobody else comes through.
TEST_P(conditions, notify_one_lets_exactly_one_go) {
  run([] {
    constexpr int everybody = 10;
    mutex m;
    condition_variable c;
    int waiting = 0;
    counting_semaphore<> through(0);
    std::vector<fiber<>> all;
    for (int i = 0; i < everybody; ++i)
      all.push_back(spawn([&] {
        std::unique_lock hold(m);
        ++waiting;
        c.wait(hold);
        hold.unlock();
        through.release();
      }));
    for (bool complete = false; !complete; this_fiber::yield()) {
      const std::lock_guard hold(m);
      complete = waiting == everybody; // and queued: who waits has released the mutex
    }
    for (int i = 0; i < everybody; ++i) {
      EXPECT_FALSE(through.try_acquire());
      {
        const std::lock_guard hold(m);
        c.notify_one();
      }
      through.acquire();
      for (int k = 0; k < 5; ++k) this_fiber::yield();
      EXPECT_FALSE(through.try_acquire());
    }
    c.notify_one();
    for (auto& f : all) f.join();
  });
}

TEST_P(conditions, notify_one_lets_go_in_order_of_arrival) {
  run([] {
    constexpr int everybody = 50;
    mutex m;
    condition_variable c;
    int arrived = 0;
    int left = 0;
    std::vector<fiber<>> all;
    for (int i = 0; i < everybody; ++i)
      all.push_back(spawn([&] {
        std::unique_lock hold(m);
        const int ticket = arrived++;
        c.wait(hold);
        EXPECT_EQ(left, ticket);
        ++left;
      }));
    for (int i = 0; i < everybody;) {
      std::unique_lock hold(m);
      if (arrived <= i || left < i) { // the one before is still on its way
        hold.unlock();
        this_fiber::yield();
        continue;
      }
      c.notify_one();
      ++i;
    }
    for (auto& f : all) f.join();
    EXPECT_EQ(left, everybody);
  });
}

TEST_P(conditions, notify_all_lets_everybody_go_who_waits) {
  run([] {
    constexpr int everybody = 20;
    mutex m;
    condition_variable c;
    for (int round = 0; round < 20; ++round) {
      int waiting = 0;
      int through = 0;
      bool open = false;
      std::vector<fiber<>> all;
      for (int i = 0; i < everybody; ++i)
        all.push_back(spawn([&] {
          std::unique_lock hold(m);
          ++waiting;
          while (!open) c.wait(hold);
          ++through;
        }));
      for (bool complete = false; !complete; this_fiber::yield()) {
        const std::lock_guard hold(m);
        complete = waiting == everybody;
      }
      {
        const std::lock_guard hold(m);
        EXPECT_EQ(through, 0);
        open = true;
        c.notify_all();
      }
      for (auto& f : all) f.join();
      EXPECT_EQ(through, everybody);
    }
  });
}

// Who comes after a notification does not take it from who came before.
TEST_P(conditions, a_notification_is_not_stolen_by_who_comes_later) {
  run([] {
    for (int round = 0; round < repetitions() / 5; ++round) {
      mutex m;
      condition_variable c;
      bool first_waits = false;
      bool second_may_go = false;
      std::atomic<bool> first_is_through = false;
      auto first = spawn([&] {
        std::unique_lock hold(m);
        first_waits = true;
        c.wait(hold);
        first_is_through = true;
      });
      for (bool queued = false; !queued; this_fiber::yield()) {
        const std::lock_guard hold(m);
        queued = first_waits;
      }
      auto second = spawn([&] {
        std::unique_lock hold(m);
        while (!second_may_go) c.wait(hold);
      });
      {
        const std::lock_guard hold(m); // the second may be before us or behind us
        c.notify_one();
      }
      first.join();
      EXPECT_TRUE(first_is_through);
      {
        const std::lock_guard hold(m);
        second_may_go = true;
        c.notify_one();
      }
      second.join();
    }
  });
}

// Three fibers send each other round, with notify_one and notify_all; nobody hangs.
TEST_P(conditions, a_ring_of_notifications_does_not_break) {
  run([] {
    mutex m;
    condition_variable c;
    int x = 0;
    std::vector<fiber<>> all;
    all.push_back(spawn([&] {
      std::unique_lock hold(m);
      x = 1;
      c.wait(hold);
      EXPECT_EQ(x, 2);
      x = 3;
      c.notify_one();
    }));
    all.push_back(spawn([&] {
      std::unique_lock hold(m);
      for (;;) {
        if (x == 1) {
          x = 2;
          c.notify_one();
          break;
        }
        hold.unlock();
        this_fiber::yield();
        hold.lock();
      }
    }));
    all.push_back(spawn([&] {
      std::unique_lock hold(m);
      for (;;) {
        if (x == 2) {
          c.wait(hold);
          EXPECT_EQ(x, 3);
          break;
        }
        if (x == 3) break;
        hold.unlock();
        this_fiber::yield();
        hold.lock();
      }
    }));
    for (auto& f : all) f.join();
  });
}

// ---- deadlines

template <class Run> void check_timeout(Run run_it) {
  run_it([] {
    mutex m;
    condition_variable c;
    std::unique_lock hold(m);
    auto start = steady_clock::now();
    EXPECT_EQ(c.wait_for(hold, 2ms), cv_status::timeout);
    EXPECT_GE(steady_clock::now() - start, 2ms);
    EXPECT_TRUE(hold.owns_lock());
    const auto later = steady_clock::now() + 1ms;
    EXPECT_EQ(c.wait_until(hold, later), cv_status::timeout);
    EXPECT_GE(steady_clock::now(), later);
    EXPECT_EQ(c.wait_until(hold, later), cv_status::timeout); // is over already
    EXPECT_FALSE(c.wait_for(hold, 1ms, [] { return false; }));
    EXPECT_TRUE(c.wait_for(hold, -1s, [] { return true; }));
    EXPECT_FALSE(c.wait_until(hold, std::chrono::system_clock::now() + 1ms, [] { return false; }));
    int asked = 0;
    EXPECT_TRUE(c.wait_for(hold, 1ms, [&] { return ++asked == 2; })) << "asked again after the deadline";
  });
}
TEST_P(conditions, time_out_and_not_early) {
  run([&] { check_timeout([](auto f) { f(); }); });
}
TEST(condition_variable, a_thread_times_out_and_not_early) {
  check_timeout([](auto f) { f(); });
}

// One waiter with a deadline, one without, and one notification: whoever reports it, nobody hangs.
TEST_P(conditions, a_notification_that_meets_a_deadline_is_not_lost) {
  run([] {
    for (int round = 0; round < repetitions() / 5; ++round) {
      dice d(static_cast<std::uint64_t>(round));
      mutex m;
      condition_variable c;
      bool queued = false;
      int notified = 0;
      auto impatient = spawn([&, us = d.roll(40)] {
        std::unique_lock hold(m);
        queued = true;
        const bool timed_out = c.wait_for(hold, std::chrono::microseconds(us)) == cv_status::timeout;
        if (!timed_out) ++notified;
      });
      for (bool done = false; !done; this_fiber::yield()) {
        const std::lock_guard hold(m);
        done = queued;
      }
      bool second_queued = false;
      auto patient = spawn([&] {
        std::unique_lock hold(m);
        second_queued = true;
        c.wait(hold);
        ++notified;
      });
      for (bool done = false; !done; this_fiber::yield()) {
        const std::lock_guard hold(m);
        done = second_queued;
      }
      d.jitter();
      c.notify_one();
      impatient.join();
      {
        const std::lock_guard hold(m);
        if (notified == 1 && !patient.ended()) c.notify_one(); // the impatient one had it
      }
      patient.join();
      EXPECT_TRUE(notified == 1 || notified == 2);
    }
  });
}

// ---- stop requests

template <class Wait> void check_stop(Wait wait) {
  mutex m;
  condition_variable c;
  onlooker seen;
  bool held = false;
  auto f = spawn([&] {
    std::unique_lock hold(m);
    seen.here();
    try {
      wait(c, hold);
    } catch (const cancelled&) {
      held = hold.owns_lock() && !m.try_lock(); // by us
      throw;
    }
  });
  seen.wait_until_parked();
  f.request_stop();
  EXPECT_THROW(f.join(), cancelled);
  EXPECT_TRUE(held);
  EXPECT_TRUE(m.try_lock());
  m.unlock();
}
TEST_P(conditions, a_stop_request_ends_a_wait_with_the_lock_held) {
  run([] {
    check_stop([](condition_variable& c, auto& hold) { c.wait(hold); });
    check_stop([](condition_variable& c, auto& hold) { c.wait(hold, [] { return false; }); });
    check_stop([](condition_variable& c, auto& hold) { c.wait_for(hold, 1h); });
    check_stop([](condition_variable& c, auto& hold) {
      c.wait_until(hold, steady_clock::now() + 1h, [] { return false; });
    });
  });
}

TEST(condition_variable, a_cancelled_wait_waits_for_the_lock) {
  on_one_processor([] {
    mutex m;
    condition_variable c;
    onlooker seen;
    auto f = spawn([&] {
      std::unique_lock hold(m);
      seen.here();
      c.wait(hold);
    });
    seen.wait_until_parked();
    m.lock();
    f.request_stop();
    for (int i = 0; i < 10; ++i) this_fiber::yield();
    EXPECT_FALSE(f.ended());
    m.unlock();
    EXPECT_THROW(f.join(), cancelled);
  });
}

// Waiters are stopped while notifications are under way: each of them lets somebody go who is not stopped, while there is
// such a one.
TEST_P(conditions, a_notification_that_meets_a_stop_request_is_not_lost) {
  run([] {
    for (int round = 0; round < repetitions() / 10; ++round) {
      constexpr int everybody = 6;
      dice d(static_cast<std::uint64_t>(round));
      mutex m;
      condition_variable c;
      int queued = 0;
      std::atomic<int> notified = 0;
      std::atomic<int> stopped = 0;
      std::vector<fiber<>> all;
      for (int i = 0; i < everybody; ++i)
        all.push_back(spawn([&] {
          std::unique_lock hold(m);
          ++queued;
          try {
            c.wait(hold);
            ++notified;
          } catch (const cancelled&) { ++stopped; }
        }));
      for (bool done = false; !done; this_fiber::yield()) {
        const std::lock_guard hold(m);
        done = queued == everybody;
      }
      auto stopper = spawn([&, seed = d.roll(1u << 30)] {
        dice mine(seed);
        for (std::size_t i = 0; i < everybody / 2; ++i) {
          mine.jitter();
          all[2 * i].request_stop();
        }
      });
      for (int i = 0; i < everybody / 2; ++i) {
        d.jitter();
        c.notify_one();
      }
      stopper.join();
      while (notified + stopped < everybody / 2) this_fiber::yield();
      // Three notifications were for three who were not stopped meanwhile; so at most three are left.
      while (notified < everybody / 2) this_fiber::yield();
      c.notify_all();
      for (auto& f : all) f.join();
      EXPECT_EQ(notified + stopped, everybody);
    }
  });
}

// ---- other locks

TEST_P(conditions, work_with_every_kind_of_lock) {
  run([] {
    condition_variable c;
    const auto check = [&](auto& lock) {
      bool said = false;
      lock.lock();
      auto f = spawn([&] {
        lock.lock();
        said = true;
        lock.unlock();
        c.notify_one();
      });
      c.wait(lock, [&] { return said; });
      lock.unlock();
      f.join();
    };
    mutex a;
    check(a);
    recursive_mutex b;
    check(b);
    shared_mutex d;
    check(d);
    binary_semaphore permit(1);
    struct by_semaphore {
      binary_semaphore& s;
      void lock() { s.acquire(); }
      void unlock() { s.release(); }
    } e{permit};
    check(e);
  });
}

TEST(condition_variable, readers_may_wait_with_a_shared_lock) {
  on_one_processor([] {
    shared_mutex m;
    condition_variable c;
    bool said = false;
    std::vector<fiber<>> all;
    for (int i = 0; i < 3; ++i)
      all.push_back(spawn([&] {
        std::shared_lock hold(m);
        c.wait(hold, [&] { return said; });
      }));
    this_fiber::yield();
    {
      const std::lock_guard hold(m);
      said = true;
    }
    c.notify_all();
    for (auto& f : all) f.join();
  });
}

TEST(condition_variable, threads_may_use_a_mutex_of_the_standard_library) {
  std::mutex m;
  condition_variable c;
  int turn = 0;
  in_threads(3, [&](int who) {
    for (int i = 0; i < repetitions() / 5; ++i) {
      std::unique_lock hold(m);
      c.wait(hold, [&] { return turn % 3 == who; });
      ++turn;
      c.notify_all();
    }
  });
  EXPECT_EQ(turn, 3 * (repetitions() / 5));
}

// unlock() and lock() that notify this very condition variable, park, and are asked to stop meanwhile.
TEST_P(conditions, the_functions_of_a_lock_may_wait_and_notify) {
  run([] {
    condition_variable c;
    struct busy_lock {
      condition_variable& c;
      mutex m;
      binary_semaphore turn{1};
      void lock() {
        turn.acquire(); // would throw `cancelled` if it were not shielded
        m.lock();
        this_fiber::sleep_for(1us);
      }
      void unlock() {
        m.unlock();
        turn.release();
        c.notify_all();
        this_fiber::sleep_for(1us);
        c.notify_one();
      }
    } lock{c, {}};
    bool open = false;
    std::atomic<int> locked = 0;
    std::vector<fiber<>> all;
    for (int i = 0; i < 4; ++i)
      all.push_back(spawn([&] {
        lock.lock();
        ++locked;
        try {
          c.wait(lock, [&] { return open; });
        } catch (const cancelled&) {}
        lock.unlock();
      }));
    while (locked < 4) this_fiber::yield(); // from here on, they lock and unlock only inside the wait
    all[0].request_stop();
    lock.lock();
    open = true;
    lock.unlock();
    c.notify_all();
    for (auto& f : all) {
      try {
        f.join();
      } catch (const cancelled&) {} // from the last unlock(), outside the wait
    }
  });
}

// A notification that arrives while the waiter is inside the lock's unlock() ends the wait.
TEST(condition_variable, a_notification_during_unlock_is_seen) {
  on_one_processor([] {
    condition_variable c;
    struct notifying_lock {
      condition_variable& c;
      void lock() {}
      void unlock() { c.notify_one(); }
    } lock{c};
    c.wait(lock);
    EXPECT_EQ(c.wait_for(lock, 1h), cv_status::no_timeout);
  });
}

// ---- the end

// One waiter that was notified destroys the condition variable, while the notifier, and other waiters that were notified,
// may still be inside.
template <class Run> void check_destruction(Run start) {
  struct shared {
    mutex m;
    std::optional<condition_variable> c{std::in_place};
    int waiting = 0;
    bool open = false;
  };
  for (int i = 0; i < repetitions(); ++i) {
    auto s = std::make_unique<shared>();
    auto wait = [&s = *s, i](bool destroys) {
      dice d(static_cast<std::uint64_t>(2 * i + destroys));
      std::unique_lock hold(s.m);
      ++s.waiting;
      while (!s.open) // notified once, by who opens
        if (d.roll(2) == 0)
          s.c->wait(hold);
        else
          s.c->wait_for(hold, std::chrono::microseconds(d.roll(20)));
      if (destroys) s.c.reset();
    };
    auto a = start([wait] { wait(true); });
    auto b = start([wait] { wait(false); });
    for (bool opened = false; !opened; this_fiber::yield()) {
      const std::lock_guard hold(s->m);
      if (s->waiting == 2) {
        opened = s->open = true;
        s->c->notify_all();
      }
    }
    a.join();
    b.join();
  }
}
TEST_P(conditions, may_be_destroyed_when_all_were_notified) {
  run([] { check_destruction([](auto f) { return spawn(f); }); });
}
TEST(condition_variable, may_be_destroyed_when_all_were_notified_by_a_thread) {
  runtime r({.processors = 2});
  check_destruction([&](auto f) { return r.spawn(f); });
}

using condition_variable_misuse = deadly;
TEST_F(condition_variable_misuse, being_destroyed_while_somebody_waits_panics) {
  EXPECT_DEATH(on_one_processor([] {
                 mutex m;
                 auto c = std::make_unique<condition_variable>();
                 onlooker seen;
                 go([&m, &c = *c, &seen] {
                   std::unique_lock hold(m);
                   seen.here();
                   c.wait(hold);
                 });
                 seen.wait_until_parked();
                 c.reset();
               }),
               "a condition_variable was destroyed while somebody waits for it");
}

} // namespace
} // namespace thrum
