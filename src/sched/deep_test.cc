// A stack that is shallow again gives its memory back, and nothing that is in use goes with it.
#include "sched/deep.h"

#include "base/sanitizer.h"
#include "env/env.h"
#include "sched/worker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <thread>
#include <thrum/chan.h>
#include <thrum/runtime.h>
#include <thrum/spawn.h>
#include <thrum/this_fiber.h>
#include <thrum/wait_group.h>
#include <vector>

namespace thrum::sched {
namespace {

using namespace std::chrono_literals;

template <class Condition> void until(Condition condition) {
  while (!condition()) std::this_thread::sleep_for(1ms);
}

constexpr std::size_t stack_bytes = THRUM_ASAN || THRUM_TSAN ? 4 << 20 : 400 << 10;

// Frames that would show if one of them were lost.
[[gnu::noinline]] long descend(long depth, const volatile long* seed) {
  volatile long mine[8];
  for (long i = 0; i < 8; ++i) mine[i] = depth * 8 + i + *seed;
  const long below = depth == 0 ? 0 : descend(depth - 1, seed);
  long sum = below;
  for (long i = 0; i < 8; ++i) sum += mine[i] - (depth * 8 + i + *seed);
  return sum + 1;
}
long calls(long depth) {
  const volatile long seed = depth * 7;
  return descend(depth - 1, &seed);
}

// The same, with a wait at the bottom.
[[gnu::noinline]] long descend_and_wait(long depth, const volatile long* seed, const chan<int>& gate) {
  volatile long mine[8];
  for (long i = 0; i < 8; ++i) mine[i] = depth + i + *seed;
  long below = 0;
  if (depth == 0)
    static_cast<void>(gate.recv());
  else
    below = descend_and_wait(depth - 1, seed, gate);
  for (long i = 0; i < 8; ++i)
    if (mine[i] != depth + i + *seed) return -1'000'000;
  return below + 1;
}

std::size_t pages_of(stack::stack_ref s) {
  char* const from = s.base() + s.guard_bytes();
  std::vector<unsigned char> pages(static_cast<std::size_t>(s.top() - from) / stack::page_bytes);
  EXPECT_TRUE(env::linux_world().resident(from, pages.size() * stack::page_bytes, pages.data()));
  std::size_t n = 0;
  for (const unsigned char p : pages) n += p & 1;
  return n;
}

// Looks all the time, instead of twice a second.
class looks_often {
public:
  looks_often() { deep_stacks::between_rounds = 0; }
  ~looks_often() { deep_stacks::between_rounds = stack::idle_before_trim; }
};

void expect_memory_back(const runtime&, stack::stack_ref s, std::size_t at_most) {
  until([&] { return pages_of(s) <= at_most; });
}

constexpr std::size_t shallow = THRUM_ASAN || THRUM_TSAN ? 16 : 4; // pages of a fiber that waits

class a_deep_stack : public testing::Test {
protected:
  void SetUp() override {
    if (!base::asymmetric_fences) GTEST_SKIP() << "membarrier is refused here: stacks keep their memory";
  }
};

TEST_F(a_deep_stack, gives_its_memory_back_while_its_fiber_waits) {
  runtime r({.processors = 2});
  const chan<int> gate;
  std::vector<thrum::fiber<long>> all;
  std::vector<stack::stack_ref> stacks(20);
  std::atomic<int> up{0};
  for (std::size_t i = 0; i < stacks.size(); ++i)
    all.push_back(r.spawn({.stack = stack_bytes}, [&, i] {
      stacks[i] = sched::this_fiber()->stack;
      const long first = calls(2000);
      EXPECT_GT(pages_of(stacks[i]), 40u);
      ++up;
      static_cast<void>(gate.recv());
      return first + calls(2000);
    }));
  until([&] { return up == 20; });
  for (const stack::stack_ref s : stacks) expect_memory_back(r, s, shallow);
  gate.close();
  for (auto& f : all) EXPECT_EQ(f.join(), 4000);
}

TEST_F(a_deep_stack, gives_its_memory_back_while_its_fiber_runs_now_and_then) {
  const looks_often now;
  runtime r({.processors = 2});
  std::atomic<bool> enough{false};
  stack::stack_ref s;
  std::atomic<bool> up{false};
  auto f = r.spawn({.stack = stack_bytes}, [&] {
    s = sched::this_fiber()->stack;
    calls(2000);
    up = true;
    while (!enough) this_fiber::sleep_for(1ms);
  });
  until([&] { return up.load(); });
  expect_memory_back(r, s, shallow);
  enough = true;
  f.join();
}

TEST_F(a_deep_stack, that_is_very_big_gives_it_back_too) {
  const looks_often now;
  runtime r({.processors = 1});
  const chan<int> gate;
  stack::stack_ref s;
  std::atomic<bool> up{false};
  constexpr long depth =
      THRUM_ASAN || THRUM_TSAN ? 20'000 : 400'000; // beyond what the kernel is asked about at a time
  auto f = r.spawn({.stack = 120 << 20}, [&] {
    s = sched::this_fiber()->stack;
    const long first = calls(depth);
    up = true;
    static_cast<void>(gate.recv());
    return first;
  });
  until([&] { return up.load(); });
  expect_memory_back(r, s, shallow);
  gate.close();
  EXPECT_EQ(f.join(), depth);
}

TEST_F(a_deep_stack, keeps_what_its_frames_are_in) {
  const looks_often now;
  runtime r({.processors = 2});
  const chan<int> gate;
  std::vector<thrum::fiber<long>> all;
  const volatile long seed = 3;
  std::vector<stack::stack_ref> stacks(4);
  std::atomic<int> up{0};
  for (std::size_t i = 0; i < stacks.size(); ++i)
    all.push_back(r.spawn({.stack = stack_bytes}, [&, i] {
      stacks[i] = sched::this_fiber()->stack;
      EXPECT_EQ(calls(2000), 2000);
      ++up;
      return descend_and_wait(400, &seed, gate);
    }));
  until([&] { return up == 4; });
  for (const stack::stack_ref s : stacks)
    until([&] { return pages_of(s) < 40 * (THRUM_ASAN || THRUM_TSAN ? 8 : 1); });
  gate.close();
  for (auto& f : all) EXPECT_EQ(f.join(), 401);
}

// Fibers that wait, wake up and are deep again, all the time, while their stacks are looked at all the time.
TEST_F(a_deep_stack, may_be_in_use_again_at_any_instant) {
  const looks_often now;
  thrum::run(
      [] {
        constexpr int rounds = THRUM_TSAN || THRUM_ASAN ? 30 : 200;
        wait_group all;
        for (int k = 0; k < 16; ++k) {
          const chan<long> there, back;
          all.go([=] {
            for (long i = 0; i < rounds; ++i) {
              there.send(20 + (i * 37 + k) % 300);
              if (i % 8 == 0) this_fiber::sleep_for(2ms);
              EXPECT_GT(*back.recv(), 0);
            }
            there.close();
          });
          all.go({.stack = stack_bytes}, [=] {
            for (const long depth : there) {
              EXPECT_EQ(calls(depth), depth);
              back.send(depth);
              if (depth % 5 == 0) this_fiber::sleep_for(3ms);
            }
          });
        }
        all.wait();
      },
      {.processors = 4});
}

} // namespace
} // namespace thrum::sched
