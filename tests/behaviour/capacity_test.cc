// How much fits: very many fibers, deep and large stacks, few threads, and memory that comes back.
#include "support/facts.h"
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/thrum.h>

#include <alloca.h>
#include <atomic>
#include <cstring>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::times;
using test::until;
using thrum::chan;
using thrum::fiber;
using thrum::spawn;
using thrum::this_fiber::yield;

class capacity : public test::on_processors {};

constexpr std::size_t kib = 1 << 10;
constexpr std::size_t mib = 1 << 20;

// Uses `bytes` of stack, all of it, and says so.
[[gnu::noinline]] std::size_t use_stack(std::size_t bytes) {
  auto* area = static_cast<volatile char*>(alloca(bytes));
  for (std::size_t i = bytes; i > 512; i -= 512) area[i - 1] = 1; // downwards, as a stack grows
  area[0] = 1;
  return bytes;
}

[[gnu::noinline]] std::size_t recurse(std::size_t depth) {
  volatile char frame[200];
  frame[depth % 200] = 1;
  if (depth == 0) return frame[0] == 2 ? 1 : 0;
  return recurse(depth - 1) + 1;
}

// Parks `count` fibers, all at the same time, and lets them go.
void park_many(std::size_t count) {
  const chan<int> gate;
  std::atomic<std::size_t> parked{0};
  std::atomic<std::size_t> done{0};
  for (std::size_t i = 0; i < count; ++i)
    thrum::go([&, gate] {
      ++parked;
      static_cast<void>(gate.recv());
      ++done;
    });
  until([&] { return parked == count; });
  EXPECT_EQ(done, 0u);
  gate.close();
  until([&] { return done == count; });
}

} // namespace

TEST_P(capacity, ten_thousand_fibers_are_parked_at_a_time) {
  run([] { park_many(times(10'000)); });
}

TEST(capacity_of_one, a_hundred_thousand_fibers_are_parked_at_a_time) {
  if (test::shrink != 1) GTEST_SKIP() << "not again and again";
  thrum::run([] { park_many(times(100'000)); });
}

TEST(capacity_of_one, a_million_fibers_are_parked_at_a_time) {
#if defined(NDEBUG)
  const bool wanted = true;
#else
  const bool wanted = test::stress() != 0;
#endif
  if (!wanted || test::asan || test::tsan || test::shrink != 1)
    GTEST_SKIP() << "in release builds, or with THRUM_STRESS";
  if (test::available_memory() < std::size_t{8} << 30) GTEST_SKIP() << "needs 5 GB";
  thrum::run([] { park_many(1'000'000); });
}

// Left to the end of the runtime, which stops them all.
TEST(capacity_of_one, a_hundred_thousand_parked_fibers_are_stopped_at_the_end) {
  if (test::shrink != 1) GTEST_SKIP() << "not again and again";
  std::atomic<std::size_t> unwound{0};
  const std::size_t count = times(100'000);
  thrum::options o;
  o.drain = std::chrono::minutes(2);
  thrum::run(
      [&] {
        std::atomic<std::size_t> parked{0};
        const chan<int> gate;
        for (std::size_t i = 0; i < count; ++i)
          thrum::go([&, gate] {
            struct note {
              std::atomic<std::size_t>& n;
              ~note() { ++n; }
            } at_end{unwound};
            ++parked;
            static_cast<void>(gate.recv());
          });
        until([&] { return parked == count; });
      },
      o);
  EXPECT_EQ(unwound, count);
}

TEST_P(capacity, a_million_short_fibers_run_one_after_the_other) {
  run([] {
    const std::size_t n = times(200'000);
    std::atomic<std::size_t> done{0};
    for (std::size_t i = 0; i < n; ++i) {
      thrum::go([&] { ++done; });
      if (i % 1000 == 999) until([&] { return done > i / 2; });
    }
    until([&] { return done == n; });
  });
}

TEST_P(capacity, fibers_need_no_more_threads_than_processors) {
  const std::size_t before = test::thread_count();
  run([&] {
    std::vector<fiber<void>> all;
    const chan<int> gate;
    for (std::size_t i = 0; i < times(1000); ++i)
      all.push_back(spawn([=] {
        thrum::this_fiber::sleep_for(std::chrono::microseconds(i % 100));
        static_cast<void>(gate.recv());
      }));
    for (int i = 0; i < 100; ++i) yield();
    EXPECT_LE(test::thread_count(), before + 3 * GetParam() + 8);
    gate.close();
    for (auto& f : all) f.join();
  });
}

TEST_P(capacity, a_fiber_may_use_most_of_its_default_stack) {
  run([] {
    EXPECT_EQ(spawn([] { return use_stack(80 * kib); }).join(), 80 * kib);
    EXPECT_EQ(spawn([] { return recurse(test::asan || test::tsan ? 150 : 300); }).join(),
              test::asan || test::tsan ? 150u : 300u);
  });
}

// attrs: "bytes of stack that the fiber may use".
TEST_P(capacity, a_fiber_may_use_as_much_stack_as_it_asked_for) {
  run([] {
    for (const std::size_t bytes : {1 * kib, 16 * kib, 47 * kib, 48 * kib, 80 * kib, 91 * kib, 92 * kib,
                                    191 * kib, 192 * kib, 447 * kib, 448 * kib, 1 * mib, 5 * mib, 64 * mib})
      EXPECT_EQ(spawn({.stack = bytes}, [=] { return use_stack(bytes); }).join(), bytes);
  });
}

TEST_P(capacity, deep_recursion_runs_on_a_large_stack) {
  run([] {
    constexpr std::size_t depth = test::tsan ? 40'000 : 200'000; // the sanitizer keeps 64 Ki frames
    EXPECT_EQ(spawn({.stack = 256 * mib}, [] { return recurse(depth); }).join(), depth);
  });
}

TEST_P(capacity, stacks_of_different_sizes_are_used_in_any_order) {
  run([] {
    std::vector<fiber<void>> all;
    for (std::size_t i = 0; i < times(400); ++i) {
      const std::size_t bytes = (std::size_t{8} << (i % 7)) * kib;
      all.push_back(spawn({.stack = bytes}, [=] {
        use_stack(bytes / 2);
        yield();
        use_stack(bytes / 2);
      }));
    }
    for (auto& f : all) f.join();
  });
}

// Each fiber finds its own data on its own stack, however often stacks change owners.
TEST_P(capacity, stacks_are_not_shared) {
  run([] {
    std::vector<fiber<void>> all;
    for (std::size_t i = 0; i < times(300); ++i)
      all.push_back(spawn([=] {
        unsigned char mine[2000];
        std::memset(mine, static_cast<int>(i), sizeof mine);
        for (int k = 0; k < 5; ++k) {
          yield();
          for (const unsigned char c : mine) ASSERT_EQ(c, static_cast<unsigned char>(i));
        }
      }));
    for (auto& f : all) f.join();
  });
}

TEST_P(capacity, memory_comes_back_after_a_spike) {
  if (test::asan || test::tsan) GTEST_SKIP() << "the sanitizers keep memory of their own";
  if (test::shrink != 1) GTEST_SKIP() << "waits for real time to pass";
  thrum::runtime r(options());
  r.run([] { park_many(100); });
  const std::size_t before = test::resident_bytes();
  constexpr std::size_t count = 20'000;
  std::size_t at_peak = 0;
  r.run([&] {
    const chan<int> gate;
    std::atomic<std::size_t> parked{0};
    std::vector<fiber<void>> all;
    all.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
      all.push_back(spawn([&] {
        ++parked;
        static_cast<void>(gate.recv());
      }));
    until([&] { return parked == count; });
    at_peak = test::resident_bytes();
    gate.close();
    for (auto& f : all) f.join();
  });
  ASSERT_GT(at_peak, before + count * 4 * kib);
  // The runtime is idle now and gives the stacks back, after a while, and by itself. What the allocator keeps is not its doing.
  const std::size_t spike = at_peak - before;
  until([&] { return test::resident_bytes() < before + spike / 4; });
}

THRUM_ON_PROCESSORS(capacity);
