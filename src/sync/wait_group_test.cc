#include "sync/testing.h"

#include <thrum/wait_group.h>

#include <memory>
#include <stdexcept>

namespace thrum {
namespace {

using namespace testing;

class wait_groups : public on_processors {};
INSTANTIATE_TEST_SUITE_P(on, wait_groups, processor_counts());

TEST(wait_group, of_nothing_lets_everybody_pass) {
  wait_group g;
  g.wait();
  EXPECT_TRUE(g.wait_for(0s));
  EXPECT_TRUE(g.wait_until(steady_clock::now() - 1s));
}

TEST(wait_group, add_of_a_negative_number_counts_down) {
  wait_group g;
  g.add(3);
  g.add(-2);
  EXPECT_FALSE(g.wait_for(0s));
  g.done();
  g.wait();
}

// Two groups: workers are counted down by one and let go by the other, in every round again.
template <class Run> void check_rounds(int workers, Run run_all) {
  for (int round = 0; round < repetitions() / 10; ++round) {
    wait_group arrived;
    wait_group released;
    arrived.add(workers);
    released.add();
    std::atomic<int> through = 0;
    run_all(
        [&](int who) {
          dice(static_cast<std::uint64_t>(round * workers + who)).jitter();
          arrived.done();
          released.wait();
          ++through;
        },
        [&] {
          arrived.wait();
          EXPECT_EQ(through, 0);
          released.done();
        });
    EXPECT_EQ(through, workers);
  }
}

TEST_P(wait_groups, let_go_when_everybody_has_arrived) {
  run([] {
    check_rounds(8, [](auto f, auto leader) {
      auto one = spawn(leader);
      in_fibers(8, f);
      one.join();
    });
  });
}
TEST(wait_group, threads_and_fibers_wait_for_each_other) {
  check_rounds(9, [](auto f, auto leader) {
    auto one = spawn(leader);
    in_everything(3, f);
    one.join();
  });
}

TEST_P(wait_groups, can_be_used_again_at_once) {
  run([] {
    wait_group g;
    int written = 0;
    for (int i = 0; i < repetitions(); ++i) {
      g.go([&] { written = i; });
      g.wait();
      ASSERT_EQ(written, i);
    }
  });
}

TEST_P(wait_groups, fibers_may_add_to_their_own_group) {
  run([] {
    struct tree {
      wait_group g;
      std::atomic<int> leaves = 0;
      void grow(int depth) {
        if (depth == 0) {
          ++leaves;
          return;
        }
        for (int i = 0; i < 2; ++i) g.go([this, depth] { grow(depth - 1); });
      }
    } t;
    t.g.go([&] { t.grow(10); });
    t.g.wait();
    EXPECT_EQ(t.leaves, 1024);
  });
}

TEST_P(wait_groups, many_wait_for_the_same_end) {
  run([] {
    for (int round = 0; round < repetitions() / 20; ++round) {
      wait_group g;
      g.add();
      bool ready = false;
      std::vector<fiber<>> all;
      for (int i = 0; i < 10; ++i)
        all.push_back(spawn([&] {
          g.wait();
          EXPECT_TRUE(ready);
        }));
      dice(static_cast<std::uint64_t>(round)).jitter();
      ready = true;
      g.done();
      for (auto& f : all) f.join();
    }
  });
}

TEST_P(wait_groups, time_out_and_not_early) {
  run([] {
    wait_group g;
    g.add();
    const auto start = steady_clock::now();
    EXPECT_FALSE(g.wait_for(2ms));
    EXPECT_GE(steady_clock::now() - start, 2ms);
    g.done();
    EXPECT_TRUE(g.wait_for(1h));
  });
}

TEST_P(wait_groups, a_stop_request_ends_a_wait) {
  run([] {
    wait_group g;
    g.add();
    onlooker seen;
    auto f = spawn([&] {
      seen.here();
      g.wait();
    });
    seen.wait_until_parked();
    f.request_stop();
    EXPECT_THROW(f.join(), cancelled);
    g.done();
    g.wait();
  });
}

TEST_P(wait_groups, waits_that_fail_leave_the_others_waiting) {
  run([] {
    for (int round = 0; round < repetitions() / 20; ++round) {
      dice d(static_cast<std::uint64_t>(round));
      wait_group g;
      g.add();
      bool ready = false;
      std::vector<fiber<>> all;
      for (int i = 0; i < 8; ++i)
        all.push_back(spawn([&, seed = d.roll(1u << 30)] {
          try {
            const bool zero =
                seed % 2 == 0 ? g.wait_for(std::chrono::microseconds(seed % 50)) : (g.wait(), true);
            if (zero) { EXPECT_TRUE(ready); }
          } catch (const cancelled&) {}
        }));
      for (auto& f : all) {
        d.jitter();
        if (d.roll(3) == 0) f.request_stop();
      }
      ready = true;
      g.done();
      for (auto& f : all) f.join();
    }
  });
}

// ---- go()

TEST_P(wait_groups, go_is_done_when_the_function_has_returned_and_is_destroyed) {
  run([] {
    auto owned = std::make_shared<int>(0);
    wait_group g;
    for (int i = 0; i < 100; ++i)
      g.go([owned, &g] {
        this_fiber::yield();
        static_cast<void>(g);
      });
    g.wait();
    EXPECT_EQ(owned.use_count(), 1);
  });
}

TEST(wait_group, go_takes_a_function_that_can_only_be_moved_and_called_once) {
  on_one_processor([] {
    struct once {
      std::unique_ptr<int> value;
      int* to;
      void operator()() && { *to = *std::move(value); }
    };
    int got = 0;
    wait_group g;
    g.go(once{std::make_unique<int>(42), &got});
    g.wait();
    EXPECT_EQ(got, 42);
  });
}

TEST(wait_group, go_gives_the_fiber_its_name) {
  on_one_processor([] {
    std::string name;
    wait_group g;
    g.go({.name = "named"}, [&] { name = this_fiber::name(); });
    g.wait();
    EXPECT_EQ(name, "named");
  });
}

TEST(wait_group, go_from_a_thread_runs_on_the_default_runtime) {
  std::atomic<int> ran = 0;
  wait_group g;
  for (int i = 0; i < 100; ++i) g.go([&] { ++ran; });
  g.wait();
  EXPECT_EQ(ran, 100);
}

TEST(wait_group, an_exception_is_handled_before_the_fiber_is_done) {
  std::atomic<bool> handled = false;
  thrum::run(
      [&] {
        wait_group g;
        g.go([] { throw std::runtime_error("of a member"); });
        g.wait();
        EXPECT_TRUE(handled);
      },
      {.processors = 2, .on_unhandled = [&](std::exception_ptr) {
         for (int i = 0; i < 20; ++i) this_fiber::yield();
         handled = true;
       }});
}

TEST(wait_group, a_member_that_is_cancelled_is_done) {
  on_one_processor([] {
    wait_group g;
    g.go([] { throw cancelled(cancel_reason::user); });
    g.wait();
  });
}

TEST(wait_group, the_end_of_the_runtime_lets_members_finish) {
  std::atomic<int> ended = 0;
  thrum::run(
      [&] {
        auto g = std::make_shared<wait_group>();
        for (int i = 0; i < 10; ++i)
          g->go([&] {
            struct at_end {
              std::atomic<int>& n;
              ~at_end() { ++n; }
            } count{ended};
            this_fiber::sleep_for(1h);
          });
        go([g] { g->wait(); });
      },
      {.processors = 2});
  EXPECT_EQ(ended, 10);
}

// ---- the end

TEST_P(wait_groups, the_destructor_waits_for_members) {
  run([] {
    std::atomic<int> ended = 0;
    {
      wait_group g;
      for (int i = 0; i < 10; ++i)
        g.go([&] {
          for (int k = 0; k < 5; ++k) this_fiber::yield();
          ++ended;
        });
    }
    EXPECT_EQ(ended, 10);
  });
}

TEST(wait_group, the_destructor_waits_although_the_fiber_is_asked_to_stop) {
  on_one_processor([] {
    onlooker seen;
    wait_group release;
    release.add();
    bool member_ended = false;
    auto f = spawn([&] {
      wait_group g;
      g.go([&] {
        release.wait();
        member_ended = true;
      });
      seen.here();
      g.wait(); // cancelled, and g is destroyed
    });
    seen.wait_until_parked();
    f.request_stop();
    for (int i = 0; i < 10; ++i) this_fiber::yield();
    EXPECT_FALSE(f.ended());
    release.done();
    EXPECT_THROW(f.join(), cancelled);
    EXPECT_TRUE(member_ended);
  });
}

// The waiter destroys the group while the last done() may still be inside.
template <class Run> void check_destruction(Run start) {
  for (int i = 0; i < repetitions(); ++i) {
    auto g = std::make_unique<wait_group>();
    g->add(2);
    auto arrive = [&g = *g, i] {
      dice(static_cast<std::uint64_t>(i)).jitter();
      g.done();
    };
    auto a = start(arrive);
    auto b = start(arrive);
    if (i % 2 == 0)
      g->wait();
    else
      while (!g->wait_for(1us)) {}
    g.reset();
    a.join();
    b.join();
  }
}
TEST_P(wait_groups, may_be_destroyed_by_who_waited) {
  run([] { check_destruction([](auto f) { return spawn(f); }); });
}
TEST(wait_group, may_be_destroyed_by_a_thread_that_waited) {
  runtime r({.processors = 2});
  check_destruction([&](auto f) { return r.spawn(f); });
}

using wait_group_misuse = deadly;
TEST_F(wait_group_misuse, one_done_too_many_panics) {
  wait_group g;
  EXPECT_DEATH(g.done(), "a wait_group was counted below zero");
  g.add();
  EXPECT_DEATH(g.add(-2), "a wait_group was counted below zero");
  g.done();
}
TEST_F(wait_group_misuse, a_count_that_is_too_large_panics) {
  wait_group g;
  g.add();
  EXPECT_DEATH(g.add(PTRDIFF_MAX), "count of a wait_group is too large");
  g.done();
}
TEST_F(wait_group_misuse, an_exception_of_a_member_ends_the_program_before_the_wait) {
  EXPECT_DEATH(on_one_processor([] {
                 wait_group g;
                 g.go([] { throw std::runtime_error("of a member"); });
                 g.wait();
                 std::_Exit(0);
               }),
               "an exception left a detached fiber\n.*of a member");
}

} // namespace
} // namespace thrum
