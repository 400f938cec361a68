#include <thrum/strand.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <thrum/chan.h>
#include <thrum/fiber_local.h>
#include <thrum/go.h>
#include <thrum/mutex.h>
#include <thrum/pinned.h>
#include <thrum/runtime.h>
#include <thrum/scoped.h>
#include <thrum/select.h>
#include <thrum/semaphore.h>
#include <thrum/this_fiber.h>
#include <thrum/timer.h>
#include <vector>

namespace {

using namespace std::chrono_literals;
using thrum::strand;

template <class Condition> void until(Condition condition) {
  while (!condition()) thrum::this_fiber::yield();
}

// Counts who is inside; more than one at a time is a failure. The plain counter is for the thread sanitizer.
struct room {
  std::atomic<int> inside{0};
  std::atomic<bool> crowded{false};
  long visits = 0;
  void visit() {
    if (inside.fetch_add(1) != 0) crowded = true;
    ++visits;
    if (inside.fetch_sub(1) != 1) crowded = true;
  }
};

class strand_on : public testing::TestWithParam<unsigned> {
protected:
  template <class F> static void run(F f) { thrum::run(f, {.processors = GetParam(), .drain = 30s}); }
};
INSTANTIATE_TEST_SUITE_P(processors, strand_on, testing::Values(1u, 2u, 4u, 16u));

TEST_P(strand_on, work_runs_in_the_order_in_which_it_was_posted) {
  run([] {
    std::vector<int> order;
    {
      strand s;
      for (int i = 0; i < 1000; ++i) s.execute([&, i] { order.push_back(i); });
    }
    ASSERT_EQ(order.size(), 1000u);
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  });
}

TEST_P(strand_on, one_piece_runs_at_a_time_whoever_posts) {
  run([] {
    room r;
    constexpr int posters = 16, each = 300;
    {
      strand s;
      std::vector<thrum::fiber<>> all;
      for (int i = 0; i < posters; ++i)
        all.push_back(thrum::spawn([&] {
          for (int k = 0; k < each; ++k) s.execute([&] { r.visit(); });
        }));
      std::thread outside([&] {
        for (int k = 0; k < each; ++k) s.execute([&] { r.visit(); });
      });
      for (auto& one : all) one.join();
      outside.join();
    }
    EXPECT_FALSE(r.crowded);
    EXPECT_EQ(r.visits, (posters + 1) * each);
  });
}

TEST_P(strand_on, one_piece_runs_at_a_time_between_all_kinds_of_waits) {
  run([] {
    room r;
    constexpr int fibers = 24, rounds = 60;
    std::vector<thrum::chan<int>> pings, buffereds; // one for each pair
    for (int i = 0; i < fibers / 2; ++i) {
      pings.emplace_back();
      buffereds.emplace_back(4);
    }
    thrum::mutex m;
    long guarded = 0;
    {
      strand s;
      for (int i = 0; i < fibers; ++i)
        s.execute([&, i] {
          thrum::chan<int> ping = pings[i / 2], buffered = buffereds[i / 2];
          for (int k = 0; k < rounds; ++k) {
            r.visit();
            switch ((i / 2 + k) % 6) { // pairs do the same, so that sends and receives match
            case 0: thrum::this_fiber::yield(); break;
            case 1: thrum::this_fiber::sleep_for(std::chrono::microseconds(i)); break;
            case 2:
              if (i % 2 == 0)
                ping.send(k);
              else
                EXPECT_TRUE(ping.recv());
              break;
            case 3: {
              const std::lock_guard hold(m);
              r.visit();
              thrum::this_fiber::yield(); // others of the strand meet the lock
              ++guarded;
              break;
            }
            case 4: thrum::spawn([] { thrum::this_fiber::yield(); }).join(); break;
            case 5:
              if (i % 2 == 0)
                buffered.send(k);
              else
                EXPECT_TRUE(buffered.recv());
              break;
            }
            r.visit();
          }
        });
    }
    EXPECT_FALSE(r.crowded);
    EXPECT_GT(guarded, 0);
  });
}

TEST_P(strand_on, many_strands_do_not_mix) {
  run([] {
    constexpr int n = 8;
    room rooms[n];
    {
      std::vector<std::unique_ptr<strand>> strands;
      for (int i = 0; i < n; ++i) strands.push_back(std::make_unique<strand>());
      std::vector<thrum::fiber<>> all;
      for (int k = 0; k < 200; ++k)
        for (int i = 0; i < n; ++i)
          all.push_back(strands[i]->spawn([&, i] {
            EXPECT_EQ(&thrum::executor::current(), strands[i].get());
            rooms[i].visit();
            thrum::this_fiber::yield();
            rooms[i].visit();
            strands[(i + 1) % n]->spawn([&] { rooms[(i + 1) % n].visit(); }).join();
            rooms[i].visit();
          }));
      for (auto& one : all) one.join();
    }
    for (const room& r : rooms) {
      EXPECT_FALSE(r.crowded);
      EXPECT_EQ(r.visits, 800);
    }
  });
}

TEST(strand, who_waits_lets_the_next_one_run_and_goes_on_behind_those_that_wait) {
  thrum::run(
      [] {
        std::vector<std::string> order;
        thrum::binary_semaphore go_on(0);
        {
          strand s;
          s.execute([&] {
            order.push_back("a begins");
            go_on.acquire();
            order.push_back("a goes on");
          });
          s.execute([&] {
            order.push_back("b");
            go_on.release();            // a is ready now; c waits already
            order.push_back("b still"); // not interrupted
          });
          s.execute([&] { order.push_back("c"); });
        }
        EXPECT_EQ(order, (std::vector<std::string>{"a begins", "b", "b still", "c", "a goes on"}));
      },
      {.processors = 1});
}

TEST(strand, who_yields_goes_behind_those_of_the_strand_that_wait_also_if_nobody_else_is_there) {
  for (const unsigned processors : {1u, 2u})
    thrum::run(
        [] {
          std::vector<int> order;
          bool b_ran = false;
          {
            strand s;
            s.execute([&] {
              s.execute([&] { b_ran = true; });
              until([&] { return b_ran; }); // nothing else could end this
              order.push_back(1);
            });
          }
          EXPECT_EQ(order, std::vector<int>{1});
        },
        {.processors = processors});
}

TEST(strand, what_the_work_starts_is_not_on_the_strand) {
  thrum::run([] {
    strand s;
    s.spawn([&] {
       EXPECT_EQ(&thrum::executor::current(), &s);
       thrum::spawn([&] { EXPECT_EQ(&thrum::executor::current(), &thrum::runtime::current()); }).join();
     }).join();
    EXPECT_EQ(&thrum::executor::current(), &thrum::runtime::current());
  });
}

TEST_P(strand_on, a_fiber_that_computes_loses_its_processor_but_keeps_the_strand) {
  run([] {
    std::atomic<int> others{0};
    std::atomic<bool> done{false};
    bool second = false;
    {
      strand s;
      auto hog = s.spawn([&] {
        while (others < 3) // other fibers of the runtime go on, on one processor too
          for (int i = 0; i < 1000; ++i) asm volatile("" ::: "memory");
        EXPECT_FALSE(second); // the next one of the strand does not
        done = true;
      });
      s.execute([&] {
        EXPECT_TRUE(done);
        second = true;
      });
      for (int i = 0; i < 3; ++i) thrum::go([&] { ++others; });
      hog.join();
    }
    EXPECT_TRUE(second);
    until([&] { return others == 3; });
  });
}

TEST_P(strand_on, a_stopped_fiber_of_a_strand_ends_its_wait_on_the_strand) {
  run([] {
    room r;
    {
      strand s;
      std::vector<thrum::fiber<>> all;
      std::atomic<int> waiting{0};
      for (int i = 0; i < 50; ++i)
        all.push_back(s.spawn([&] {
          try {
            thrum::chan<int> never;
            ++waiting;
            static_cast<void>(never.recv());
          } catch (const thrum::cancelled&) {
            r.visit();
            EXPECT_THROW(thrum::this_fiber::check(), thrum::cancelled);
            throw;
          }
        }));
      for (int i = 0; i < 50; ++i) s.execute([&] { r.visit(); });
      for (auto& one : all) one.request_stop();
      for (auto& one : all) EXPECT_THROW(one.join(), thrum::cancelled);
    }
    EXPECT_FALSE(r.crowded);
    EXPECT_EQ(r.visits, 100);
  });
}

TEST(strand, without_a_request_nothing_is_stopped) {
  thrum::run([] {
    strand s;
    s.spawn([] {
       EXPECT_FALSE(thrum::this_fiber::stop_requested());
       EXPECT_NO_THROW(thrum::this_fiber::check());
       thrum::this_fiber::sleep_for(1us);
       thrum::chan<int> never;
       std::optional<int> got;
       EXPECT_EQ(thrum::select(thrum::recv(never, got), thrum::stopped(), thrum::after(1ms)), 2u);
     }).join();
  });
}

TEST(strand, exceptions_go_where_those_of_go_do_and_the_strand_goes_on) {
  int told = 0;
  bool after = false;
  thrum::options o;
  o.on_unhandled = [&](std::exception_ptr) { ++told; };
  thrum::run(
      [&] {
        strand s;
        s.execute([] { throw std::runtime_error("broken"); });
        s.execute([] { throw thrum::cancelled(thrum::cancel_reason::user); });
        s.execute([&] { after = true; });
        auto joined = s.spawn([]() -> int { throw std::logic_error("to the joiner"); });
        EXPECT_THROW(joined.join(), std::logic_error);
      },
      o);
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(after);
}

TEST_P(strand_on, the_destructor_waits_for_all_work_also_for_what_is_posted_meanwhile) {
  run([] {
    int ran = 0;
    auto s = std::make_unique<strand>();
    strand& here = *s;
    here.execute([&] {
      thrum::this_fiber::sleep_for(1ms);
      ++ran;
      here.execute([&] {
        thrum::this_fiber::yield();
        ++ran;
      });
    });
    s.reset();
    EXPECT_EQ(ran, 2);
  });
}

TEST(strand, a_plain_thread_may_have_one_on_the_default_runtime) {
  room r;
  {
    strand s;
    for (int i = 0; i < 100; ++i) s.execute([&] { r.visit(); });
    EXPECT_EQ(s.spawn([] { return 7; }).join(), 7);
  }
  EXPECT_EQ(r.visits, 100);
}

TEST(strand, it_belongs_to_the_runtime_that_was_named) {
  thrum::runtime other({.processors = 1, .name = "other"});
  thrum::run([&] {
    strand s(other);
    EXPECT_EQ(s.spawn([] { return &thrum::runtime::current(); }).join(), &other);
  });
}

TEST_P(strand_on, at_the_end_of_the_runtime_all_of_its_work_has_ended) {
  room r;
  std::optional<strand> s;
  std::atomic<bool> begun{false};
  run([&] {
    s.emplace();
    for (int i = 0; i < 20; ++i)
      s->execute([&] {
        begun = true;
        r.visit();
        thrum::chan<int> never;
        static_cast<void>(never.recv()); // stopped
      });
    until([&] { return begun.load(); });
  });
  s.reset(); // does not wait
  EXPECT_EQ(r.visits, 20);
  EXPECT_FALSE(r.crowded);
}

thrum::fiber_local<int> counter;
thrum::scoped<int> depth;

TEST(strand, each_piece_of_work_has_belongings_of_its_own) {
  thrum::run([] {
    strand s;
    for (int i = 0; i < 3; ++i) EXPECT_EQ(s.spawn([] { return ++*counter; }).join(), 1);
    thrum::binary_semaphore open(0);
    s.execute([&] { open.acquire(); });
    thrum::fiber<int> bound;
    depth.bind(5, [&] { bound = s.spawn([] { return depth.get(); }); });
    thrum::fiber<int> unbound = s.spawn([] { return depth.get_or(0); });
    open.release();
    EXPECT_EQ(bound.join(), 5);
    EXPECT_EQ(unbound.join(), 0);
  });
}

TEST_P(strand_on, a_pinned_fiber_takes_its_turns_on_its_own_thread) {
  run([] {
    room r;
    {
      strand s;
      for (int i = 0; i < 10; ++i)
        s.execute([&] {
          for (int k = 0; k < 5; ++k) {
            r.visit();
            thrum::this_fiber::sleep_for(1us);
          }
        });
      for (int i = 0; i < 3; ++i)
        s.execute([&] {
          const thrum::pinned here;
          const std::thread::id thread = std::this_thread::get_id();
          for (int k = 0; k < 20; ++k) {
            r.visit();
            thrum::this_fiber::sleep_for(1us);
            EXPECT_EQ(std::this_thread::get_id(), thread);
          }
        });
    }
    EXPECT_FALSE(r.crowded);
    EXPECT_EQ(r.visits, 110);
  });
}

TEST(strand, ten_thousand_that_become_ready_at_once_take_their_turns) {
  thrum::run([] {
    constexpr int n = 10'000;
    room r;
    {
      strand s;
      thrum::counting_semaphore<> open(0);
      for (int i = 0; i < n; ++i)
        s.execute([&] {
          open.acquire();
          r.visit();
        });
      s.spawn([] {}).join(); // all of them wait
      open.release(n);
      s.spawn([] {}).join();
      until([&] { return s.spawn([&] { return r.visits; }).join() == n; });
    }
    EXPECT_FALSE(r.crowded);
  });
}

TEST(strand, its_fibers_are_named_by_their_work) {
  thrum::run([] {
    strand s;
    EXPECT_STREQ(s.spawn({.name = "teller"}, [] { return thrum::this_fiber::name(); }).join(), "teller");
  });
}

TEST(strand_death, one_that_its_own_work_destroys_panics) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(thrum::run([] {
                 auto* s = new strand;
                 s->spawn([s] { delete s; }).join();
               }),
               "a strand is destroyed by its own work");
}

TEST(strand_death, a_deadlock_among_its_fibers_is_found) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(thrum::run([] {
                 strand s;
                 thrum::chan<int> never;
                 s.spawn([&] { static_cast<void>(never.recv()); }).join();
               }),
               "deadlock: all 2 fibers are asleep");
}

} // namespace
