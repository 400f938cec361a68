#include "sync/testing.h"

#include <thrum/barrier.h>
#include <thrum/semaphore.h>

#include <memory>

namespace thrum {
namespace {

using namespace testing;

class barriers : public on_processors {};
INSTANTIATE_TEST_SUITE_P(on, barriers, processor_counts());

constinit barrier<> made_before_main(1);

TEST(barrier, one_that_is_made_before_main_can_be_used) { made_before_main.arrive_and_wait(); }

// Everybody adds to the sum of a phase and sees the sums of all phases before complete.
template <class Run> void check_phases(int everybody, Run run_all) {
  const int phases = repetitions() / 4;
  std::atomic<int> arrived = 0;
  int completed = 0;
  auto complete = [&]() noexcept {
    EXPECT_EQ(arrived, (completed + 1) * everybody);
    ++completed;
  };
  barrier b(everybody, complete);
  run_all([&](int who) {
    dice d(static_cast<std::uint64_t>(who));
    for (int phase = 0; phase < phases; ++phase) {
      EXPECT_EQ(completed, phase); // nobody completes the next one without us
      d.jitter();
      ++arrived;
      if (d.roll(2) == 0) {
        b.arrive_and_wait();
      } else {
        auto token = b.arrive();
        d.jitter();
        b.wait(std::move(token));
      }
    }
  });
  EXPECT_EQ(completed, phases);
}

TEST_P(barriers, let_nobody_go_before_all_have_arrived_and_the_phase_is_completed) {
  run([] { check_phases(6, [](auto f) { in_fibers(6, f); }); });
}
TEST(barrier, threads_and_fibers_meet) {
  check_phases(6, [](auto f) { in_everything(2, f); });
}

TEST(barrier, one_may_arrive_for_several) {
  barrier b(3);
  auto token = b.arrive(2);
  b.arrive_and_wait();
  b.wait(std::move(token));
}

TEST(barrier, a_token_of_the_phase_before_does_not_wait) {
  barrier b(1);
  auto token = b.arrive();
  b.wait(std::move(token));
}

TEST(barrier, who_drops_out_is_not_expected_any_more) {
  int completed = 0;
  auto complete = [&]() noexcept { ++completed; };
  barrier b(2, complete);
  b.arrive_and_drop();
  EXPECT_EQ(completed, 0);
  b.arrive_and_wait();
  EXPECT_EQ(completed, 1);
  b.arrive_and_wait(); // alone
  EXPECT_EQ(completed, 2);
}

TEST_P(barriers, everybody_may_drop_out_in_turn) {
  run([] {
    constexpr int everybody = 8;
    int completed = 0;
    auto complete = [&]() noexcept { ++completed; };
    barrier b(everybody, complete);
    in_fibers(everybody, [&](int who) {
      for (int phase = 0; phase < who; ++phase) b.arrive_and_wait();
      b.arrive_and_drop();
    });
    EXPECT_EQ(completed, everybody);
  });
}

TEST(barrier, the_completion_function_may_wait) {
  thrum::run(
      [] {
        binary_semaphore inside(0);
        binary_semaphore go_on(0);
        auto complete = [&]() noexcept {
          inside.release();
          go_on.acquire();
        };
        barrier b(2, complete);
        std::atomic<int> through = 0;
        auto arrive = [&] {
          b.arrive_and_wait();
          ++through;
        };
        auto f = spawn(arrive);
        auto g = spawn(arrive);
        inside.acquire();
        EXPECT_EQ(through, 0);
        go_on.release();
        f.join();
        g.join();
      },
      {.processors = 2});
}

TEST(barrier, the_completion_function_is_shielded_from_stop_requests) {
  on_one_processor([] {
    onlooker seen;
    binary_semaphore go_on(0);
    bool completed = false;
    auto complete = [&]() noexcept {
      seen.here();
      go_on.acquire(); // would throw
      completed = true;
    };
    barrier b(1, complete);
    auto f = spawn([&] { b.arrive_and_wait(); });
    seen.wait_until_parked();
    f.request_stop();
    go_on.release();
    f.join();
    EXPECT_TRUE(completed);
  });
}

TEST_P(barriers, a_stop_request_ends_a_wait_and_the_arrival_counts) {
  run([] {
    barrier b(2);
    for (int how = 0; how < 2; ++how) {
      onlooker seen;
      auto f = spawn([&] {
        seen.here();
        if (how == 0)
          b.arrive_and_wait();
        else
          b.wait(b.arrive());
      });
      seen.wait_until_parked();
      f.request_stop();
      EXPECT_THROW(f.join(), cancelled);
      b.arrive_and_wait();
    }
  });
}

// Stop requests and the end of the phase at the same time: whoever is cancelled has arrived all the same.
TEST_P(barriers, stop_requests_do_not_break_a_phase) {
  run([] {
    for (int round = 0; round < repetitions() / 20; ++round) {
      barrier b(5);
      dice d(static_cast<std::uint64_t>(round));
      std::vector<fiber<>> all;
      for (int i = 0; i < 4; ++i)
        all.push_back(spawn([&, seed = d.roll(1u << 30)] {
          dice(seed).jitter();
          try {
            b.arrive_and_wait();
          } catch (const cancelled&) {}
        }));
      for (auto& f : all) {
        d.jitter();
        if (d.roll(2) == 0) f.request_stop();
      }
      b.arrive_and_wait();
      for (auto& f : all) f.join();
    }
  });
}

// One of two destroys the barrier while the last to arrive may still be inside. (The other only arrives.)
template <class Run> void check_destruction(Run start) {
  for (int i = 0; i < repetitions(); ++i) {
    auto b = std::make_unique<barrier<>>(2);
    auto f = start([&b = *b, i] {
      dice(static_cast<std::uint64_t>(i)).jitter();
      static_cast<void>(b.arrive());
    });
    if (i % 2 == 0) {
      b->arrive_and_wait();
    } else {
      auto token = b->arrive();
      this_fiber::yield();
      b->wait(std::move(token));
    }
    b.reset();
    f.join();
  }
}
TEST_P(barriers, may_be_destroyed_by_who_waited) {
  run([] { check_destruction([](auto f) { return spawn(f); }); });
}
TEST(barrier, may_be_destroyed_by_a_thread_that_waited) {
  runtime r({.processors = 2});
  check_destruction([&](auto f) { return r.spawn(f); });
}

using barrier_misuse = deadly;
TEST_F(barrier_misuse, more_arrivals_than_expected_panic) {
  barrier b(2);
  EXPECT_DEATH(static_cast<void>(b.arrive(3)), "more arrived at a barrier than are expected");
}
TEST_F(barrier_misuse, arriving_for_nobody_panics) {
  barrier b(2);
  EXPECT_DEATH(static_cast<void>(b.arrive(0)), "count that is not positive");
}
TEST_F(barrier_misuse, arriving_in_the_completion_function_panics) {
  struct recursive {
    barrier<recursive>** b;
    void operator()() noexcept { static_cast<void>((*b)->arrive()); }
  };
  EXPECT_DEATH(
      {
        barrier<recursive>* self = nullptr;
        barrier<recursive> b(1, recursive{&self});
        self = &b;
        b.arrive_and_wait();
      },
      "more arrived at a barrier than are expected");
}
TEST_F(barrier_misuse, being_made_for_a_negative_number_panics) {
  EXPECT_DEATH(barrier<> b(-1), "made for a negative number");
}

} // namespace
} // namespace thrum
