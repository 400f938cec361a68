#include "sync/testing.h"

#include <thrum/latch.h>
#include <thrum/shared_mutex.h>

#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>

namespace thrum {
namespace {

using namespace testing;

class shared_mutexes : public on_processors {};
INSTANTIATE_TEST_SUITE_P(on, shared_mutexes, processor_counts());

constinit shared_mutex made_before_main;

TEST(shared_mutex, one_that_is_made_before_main_can_be_used) {
  { const std::shared_lock hold(made_before_main); }
  const std::lock_guard hold(made_before_main);
}

TEST(shared_mutex, readers_exclude_writers_and_not_each_other) {
  shared_mutex m;
  EXPECT_TRUE(m.try_lock_shared());
  EXPECT_TRUE(m.try_lock_shared());
  EXPECT_FALSE(m.try_lock());
  m.unlock_shared();
  EXPECT_FALSE(m.try_lock());
  m.unlock_shared();
  EXPECT_TRUE(m.try_lock());
  EXPECT_FALSE(m.try_lock_shared());
  m.unlock();
}

TEST_P(shared_mutexes, readers_are_inside_together) {
  run([] {
    shared_mutex m;
    latch inside(6);
    in_fibers(6, [&](int) {
      const std::shared_lock hold(m);
      inside.arrive_and_wait(); // passes only if all six are here
    });
  });
}

// Readers together, writers alone.
template <class Run> void check_exclusion(Run run_all) {
  constexpr int writer = 10'000;
  shared_mutex m;
  std::atomic<int> activity = 0; // readers + writer * writers
  int value = 0;
  std::atomic<int> written = 0;
  run_all(8, [&](int who) {
    dice d(static_cast<std::uint64_t>(who));
    for (int i = 0; i < repetitions(); ++i) {
      if (d.roll(5) == 0) {
        bool locked = true;
        switch (d.roll(3)) {
        case 0: locked = m.try_lock(); break;
        case 1: locked = m.try_lock_for(std::chrono::microseconds(d.roll(20))); break;
        default: m.lock();
        }
        if (!locked) continue;
        EXPECT_EQ(activity += writer, writer);
        ++value;
        ++written;
        d.jitter();
        activity -= writer;
        m.unlock();
      } else {
        bool locked = true;
        switch (d.roll(3)) {
        case 0: locked = m.try_lock_shared(); break;
        case 1: locked = m.try_lock_shared_for(std::chrono::microseconds(d.roll(20))); break;
        default: m.lock_shared();
        }
        if (!locked) continue;
        const int now = ++activity;
        EXPECT_TRUE(now >= 1 && now < writer);
        const int before = value;
        d.jitter();
        EXPECT_EQ(value, before);
        --activity;
        m.unlock_shared();
      }
      d.jitter();
    }
  });
  EXPECT_EQ(activity, 0);
  EXPECT_EQ(value, written);
  EXPECT_TRUE(m.try_lock());
  m.unlock();
}
TEST_P(shared_mutexes, let_one_writer_in_or_many_readers) {
  run([] { check_exclusion([](int n, auto f) { in_fibers(n, f); }); });
}
TEST(shared_mutex, excludes_threads) {
  check_exclusion([](int n, auto f) { in_threads(n, f); });
}
TEST(shared_mutex, excludes_threads_and_fibers) {
  check_exclusion([](int n, auto f) { in_everything(n / 2, f); });
}

// ---- order; on one processor, each fiber is parked before the next begins
class in_order {
public:
  shared_mutex m;
  std::string log;

  fiber<> writer(char name) {
    auto seen = std::make_unique<onlooker>();
    auto f = spawn([this, name, s = seen.get()] {
      s->here();
      m.lock();
      log += name;
      m.unlock();
    });
    seen->wait_until_parked();
    seen_.push_back(std::move(seen));
    return f;
  }
  fiber<> reader(char name) {
    auto seen = std::make_unique<onlooker>();
    auto f = spawn([this, name, s = seen.get()] {
      s->here();
      m.lock_shared();
      log += name;
      this_fiber::yield(); // so that others get in meanwhile
      this_fiber::yield();
      m.unlock_shared();
      log += '.';
    });
    seen->wait_until_parked();
    seen_.push_back(std::move(seen));
    return f;
  }

private:
  std::vector<std::unique_ptr<onlooker>> seen_;
};

TEST(shared_mutex, a_waiting_writer_stops_new_readers) {
  on_one_processor([] {
    in_order o;
    o.m.lock_shared();
    auto w = o.writer('W');
    EXPECT_FALSE(o.m.try_lock_shared());
    auto r = o.reader('r');
    o.m.unlock_shared();
    w.join();
    r.join();
    EXPECT_EQ(o.log, "Wr.");
  });
}

TEST(shared_mutex, readers_that_wait_run_together_before_the_next_writer) {
  on_one_processor([] {
    in_order o;
    o.m.lock();
    auto v = o.writer('V');
    auto a = o.reader('a');
    auto w = o.writer('W');
    auto b = o.reader('b');
    o.m.unlock();
    for (auto* f : {&a, &b, &v, &w}) f->join();
    EXPECT_EQ(o.log, "ab..VW");
  });
}

TEST(shared_mutex, phases_of_readers_and_writers_take_turns) {
  on_one_processor([] {
    in_order o;
    o.m.lock_shared();
    auto v = o.writer('V');
    auto w = o.writer('W');
    auto a = o.reader('a');
    auto b = o.reader('b');
    o.m.unlock_shared();
    for (auto* f : {&a, &b, &v, &w}) f->join();
    EXPECT_EQ(o.log, "Vab..W");
  });
}

TEST(shared_mutex, a_writer_that_gives_up_lets_the_readers_behind_it_in) {
  on_one_processor([] {
    in_order o;
    o.m.lock_shared();
    onlooker seen;
    auto w = spawn([&] {
      seen.here();
      return o.m.try_lock_for(1ms);
    });
    seen.wait_until_parked();
    auto a = o.reader('a');
    auto b = o.reader('b');
    EXPECT_FALSE(w.join());
    a.join(); // though we still hold the lock
    b.join();
    EXPECT_EQ(o.log, "ab..");
    EXPECT_TRUE(o.m.try_lock_shared());
    o.m.unlock_shared();
    o.m.unlock_shared();
  });
}

TEST(shared_mutex, who_gives_up_leaves_the_lock_to_the_others) {
  on_one_processor([] {
    in_order o;
    o.m.lock();
    onlooker one;
    auto r = spawn([&] {
      one.here();
      return o.m.try_lock_shared_for(1ms);
    });
    one.wait_until_parked();
    onlooker other;
    auto v = spawn([&] {
      other.here();
      return o.m.try_lock_for(1ms);
    });
    other.wait_until_parked();
    auto w = o.writer('W');
    EXPECT_FALSE(r.join());
    EXPECT_FALSE(v.join());
    o.m.unlock();
    w.join();
    EXPECT_EQ(o.log, "W");
  });
}

// With readers and writers that never leave the lock alone, everybody gets his share: each ends only when all others have
// been inside so often.
TEST_P(shared_mutexes, neither_readers_nor_writers_starve) {
  run([] {
    constexpr int everybody = 6; // two of them write
    constexpr int share = 50;
    shared_mutex m;
    std::atomic<int> satisfied = 0;
    in_fibers(everybody, [&](int who) {
      for (int i = 0; satisfied < everybody; ++i) {
        if (who < 2) {
          const std::lock_guard hold(m);
          this_fiber::yield();
        } else {
          const std::shared_lock hold(m);
          this_fiber::yield();
        }
        if (i == share) ++satisfied;
      }
    });
  });
}

// ---- deadlines and stop requests

TEST_P(shared_mutexes, time_out_and_not_early) {
  run([] {
    shared_mutex m;
    m.lock();
    auto f = spawn([&] {
      auto start = steady_clock::now();
      EXPECT_FALSE(m.try_lock_for(2ms));
      EXPECT_GE(steady_clock::now() - start, 2ms);
      start = steady_clock::now();
      EXPECT_FALSE(m.try_lock_shared_for(2ms));
      EXPECT_GE(steady_clock::now() - start, 2ms);
      EXPECT_FALSE(m.try_lock_until(steady_clock::now() - 1s));
      EXPECT_FALSE(m.try_lock_shared_until(steady_clock::now() - 1s));
    });
    f.join();
    m.unlock();
    EXPECT_TRUE(m.try_lock_shared_for(1h));
    m.unlock_shared();
    EXPECT_TRUE(m.try_lock_for(1h));
    m.unlock();
  });
}

TEST(shared_mutex, a_thread_times_out_and_not_early) {
  shared_mutex m;
  m.lock();
  std::thread([&] {
    const auto start = steady_clock::now();
    EXPECT_FALSE(m.try_lock_for(1ms));
    EXPECT_FALSE(m.try_lock_shared_for(1ms));
    EXPECT_GE(steady_clock::now() - start, 2ms);
  }).join();
  m.unlock();
}

TEST(shared_mutex, a_stop_request_does_not_end_a_lock) {
  on_one_processor([] {
    in_order o;
    o.m.lock();
    auto r = o.reader('r');
    auto w = o.writer('W');
    r.request_stop();
    w.request_stop();
    for (int i = 0; i < 10; ++i) this_fiber::yield();
    EXPECT_EQ(o.log, "");
    o.m.unlock();
    r.join();
    w.join();
    EXPECT_EQ(o.log, "r.W");
  });
}

// ---- with the standard's helpers

TEST_P(shared_mutexes, two_are_locked_together_in_any_order) {
  run([] {
    shared_mutex a;
    shared_timed_mutex b;
    int value = 0;
    in_fibers(4, [&](int who) {
      for (int i = 0; i < repetitions() / 4; ++i) {
        if (who == 0) {
          const std::scoped_lock hold(a, b);
          ++value;
        } else if (who == 1) {
          std::unique_lock first(b, std::defer_lock);
          std::unique_lock second(a, std::defer_lock);
          std::lock(first, second);
          ++value;
        } else {
          std::shared_lock first(b, std::defer_lock);
          std::shared_lock second(a, std::defer_lock);
          std::lock(first, second);
          EXPECT_GE(value, 0);
        }
        if (i % 16 == 0) this_fiber::yield();
      }
    });
    EXPECT_EQ(value, 2 * (repetitions() / 4));
  });
}

TEST(shared_mutex, works_with_shared_lock_and_unique_lock) {
  shared_mutex m;
  {
    std::shared_lock hold(m, 1s);
    EXPECT_TRUE(hold.owns_lock());
    const std::shared_lock second(m, std::try_to_lock);
    EXPECT_TRUE(second.owns_lock());
    const std::unique_lock alone(m, std::try_to_lock);
    EXPECT_FALSE(alone.owns_lock());
  }
  const std::unique_lock alone(m, steady_clock::now() + 1s);
  EXPECT_TRUE(alone.owns_lock());
}

// ---- the end

// The last of some users destroys the mutex, right after its unlock.
template <class Run> void check_destruction(Run start) {
  struct counted {
    shared_mutex m;
    std::atomic<int> users = 3;
  };
  for (int i = 0; i < repetitions(); ++i) {
    auto* c = new counted;
    const auto read = [c, i] {
      dice(static_cast<std::uint64_t>(i)).jitter();
      c->m.lock_shared();
      --c->users;
      c->m.unlock_shared();
    };
    auto a = start(read);
    auto b = start(read);
    for (bool last = false; !last;) {
      c->m.lock();
      last = c->users == 1; // both readers have counted, and have left, or we would not be in
      c->m.unlock();
      if (!last) this_fiber::yield();
    }
    delete c;
    a.join();
    b.join();
  }
}
TEST_P(shared_mutexes, may_be_destroyed_by_the_last_user) {
  run([] { check_destruction([](auto f) { return spawn(f); }); });
}
TEST(shared_mutex, may_be_destroyed_by_a_thread_that_was_the_last_user) {
  runtime r({.processors = 2});
  check_destruction([&](auto f) { return r.spawn(f); });
}

using shared_mutex_misuse = deadly;
TEST_F(shared_mutex_misuse, unlocking_what_is_not_held_panics) {
  shared_mutex m;
  EXPECT_DEATH(m.unlock(), "unlock of a shared_mutex that nobody holds alone");
  EXPECT_DEATH(m.unlock_shared(), "unlock_shared of a shared_mutex that nobody holds together");
}
TEST_F(shared_mutex_misuse, unlocking_the_wrong_way_panics) {
  shared_mutex m;
  m.lock_shared();
  EXPECT_DEATH(m.unlock(), "unlock of a shared_mutex that nobody holds alone");
  m.unlock_shared();
  m.lock();
  EXPECT_DEATH(m.unlock_shared(), "unlock_shared of a shared_mutex that nobody holds together");
  m.unlock();
}
TEST_F(shared_mutex_misuse, unlocking_what_another_holds_panics) {
  shared_mutex m;
  m.lock();
  EXPECT_DEATH(std::thread([&] { m.unlock(); }).join(),
               "unlock of a shared_mutex that another fiber or thread holds");
  m.unlock();
}
TEST_F(shared_mutex_misuse, a_writer_that_locks_again_panics) {
  shared_mutex m;
  m.lock();
  EXPECT_DEATH(m.lock(), "was locked again by the fiber that holds it alone");
  EXPECT_DEATH(m.lock_shared(), "was locked for reading by the fiber that holds it alone");
  m.unlock();
}
TEST_F(shared_mutex_misuse, being_destroyed_while_it_is_held_panics) {
  EXPECT_DEATH(
      {
        shared_mutex m;
        m.lock_shared();
      },
      "destroyed while it is held");
}

} // namespace
} // namespace thrum
