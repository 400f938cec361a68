#include "sync/testing.h"

#include <thrum/once.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace thrum {
namespace {

using namespace testing;

class onces : public on_processors {};
INSTANTIATE_TEST_SUITE_P(on, onces, processor_counts());

constinit once_flag made_before_main;

TEST(once, one_that_is_made_before_main_can_be_used) {
  int calls = 0;
  call_once(made_before_main, [&] { ++calls; });
  call_once(made_before_main, [&] { ++calls; });
  EXPECT_EQ(calls, 1);
}

TEST(once, arguments_are_passed_on) {
  once_flag f;
  auto given = std::make_unique<int>(3);
  std::unique_ptr<int> got;
  struct target {
    void take(std::unique_ptr<int> p, std::unique_ptr<int>& to) { to = std::move(p); }
  } t;
  call_once(f, &target::take, t, std::move(given), std::ref(got));
  EXPECT_EQ(*got, 3);
}

// One calls, which takes a while; all others wait and see what it did.
template <class Run> void check_calls(Run run_all) {
  for (int round = 0; round < repetitions() / 10; ++round) {
    once_flag f;
    int calls = 0;
    run_all(8, [&](int who) {
      dice d(static_cast<std::uint64_t>(round * 8 + who));
      d.jitter();
      call_once(f, [&] {
        for (int i = 0; i < 4; ++i) d.jitter();
        this_fiber::yield();
        ++calls;
      });
      EXPECT_EQ(calls, 1);
    });
  }
}
TEST_P(onces, only_one_calls_and_all_see_what_it_did) {
  run([] { check_calls([](int n, auto f) { in_fibers(n, f); }); });
}
TEST(once, threads_and_fibers_call_once) {
  check_calls([](int n, auto f) { in_everything(n / 2, f); });
}

TEST_P(onces, a_call_that_throws_does_not_count) {
  run([] {
    for (int round = 0; round < repetitions() / 10; ++round) {
      once_flag f;
      std::atomic<int> failures = 0;
      std::atomic<int> successes = 0;
      in_fibers(8, [&](int) {
        try {
          call_once(f, [&] {
            this_fiber::yield();
            if (failures < 3) {
              ++failures;
              throw std::runtime_error("not yet");
            }
            ++successes;
          });
          EXPECT_EQ(successes, 1);
        } catch (const std::runtime_error&) {}
      });
      EXPECT_EQ(failures, 3);
      EXPECT_EQ(successes, 1);
    }
  });
}

TEST(once, a_waiter_calls_when_the_caller_has_thrown) {
  on_one_processor([] {
    once_flag f;
    onlooker first;
    onlooker second;
    bool called = false;
    auto a = spawn([&] {
      call_once(f, [&] {
        first.here();
        this_fiber::sleep_for(1h);
      });
    });
    first.wait_until_parked();
    auto b = spawn([&] {
      second.here();
      call_once(f, [&] { called = true; });
    });
    second.wait_until_parked();
    a.request_stop(); // `cancelled` leaves the function
    EXPECT_THROW(a.join(), cancelled);
    b.join();
    EXPECT_TRUE(called);
  });
}

TEST_P(onces, a_stop_request_ends_a_wait) {
  run([] {
    once_flag f;
    onlooker caller;
    onlooker seen;
    std::atomic<bool> go_on = false;
    auto a = spawn([&] {
      call_once(f, [&] {
        caller.here();
        while (!go_on) this_fiber::sleep_for(100us);
      });
    });
    caller.wait_until_parked();
    auto b = spawn([&] {
      seen.here();
      call_once(f, [] { ADD_FAILURE(); });
    });
    seen.wait_until_parked();
    b.request_stop();
    EXPECT_THROW(b.join(), cancelled);
    go_on = true;
    a.join();
    call_once(f, [] { ADD_FAILURE(); });
  });
}

TEST_P(onces, flags_may_be_nested) {
  run([] {
    once_flag outer;
    once_flag inner;
    int calls = 0;
    call_once(outer, [&] { call_once(inner, [&] { ++calls; }); });
    call_once(inner, [&] { ++calls; });
    EXPECT_EQ(calls, 1);
  });
}

// Who did not call destroys the flag while the caller may still be inside.
template <class Run> void check_destruction(Run start) {
  for (int i = 0; i < repetitions(); ++i) {
    auto f = std::make_unique<once_flag>();
    std::atomic<bool> begun = false;
    auto a = start([&f = *f, &begun, i] {
      call_once(f, [&begun, i] {
        begun = true;
        dice(static_cast<std::uint64_t>(i)).jitter();
      });
    });
    while (!begun) this_fiber::yield();
    call_once(*f, [] { ADD_FAILURE(); });
    f.reset();
    a.join();
  }
}
TEST_P(onces, may_be_destroyed_by_who_waited) {
  run([] { check_destruction([](auto f) { return spawn(f); }); });
}
TEST(once, may_be_destroyed_by_a_thread_that_waited) {
  runtime r({.processors = 2});
  check_destruction([&](auto f) { return r.spawn(f); });
}

using once_misuse = deadly;
TEST_F(once_misuse, calling_with_the_same_flag_inside_panics) {
  once_flag f;
  EXPECT_DEATH(call_once(f, [&] { call_once(f, [] {}); }), "call_once was called by its own function");
}

} // namespace
} // namespace thrum
