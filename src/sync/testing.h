// What the tests of this room share: numbers of repetitions, fibers and threads to run a function, and knowing that somebody
// waits, so that no test sleeps to let something happen.
#pragma once

#include "base/sanitizer.h"
#include "wait/agent.h"
#include "wait/thread_context.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <thread>
#include <thrum/error.h>
#include <thrum/go.h>
#include <thrum/runtime.h>
#include <thrum/spawn.h>
#include <thrum/this_fiber.h>
#include <utility>
#include <vector>

namespace thrum::testing {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// How often a stress test repeats: THRUM_STRESS in the environment, or a number that ends soon.
inline int repetitions() {
  static const int count = [] {
    const char* wanted = std::getenv("THRUM_STRESS");
    return wanted != nullptr && std::atoi(wanted) > 0 ? std::atoi(wanted) : THRUM_TSAN ? 200 : 1'000;
  }();
  return count;
}

// A stream of numbers for one fiber or thread.
class dice {
public:
  explicit dice(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 0x1234567u) {}
  std::uint64_t roll(std::uint64_t sides) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return (state_ * 0x2545f4914f6cdd1du >> 33) % sides;
  }
  // Lets others in between, now and then. Once in a while it takes so long that the scheduler finds it worth its while to let
  // another processor have what waits: fibers that do next to nothing gather on one.
  void jitter() {
    const auto what = roll(64);
    if (what < 8) this_fiber::yield();
    if (what >= 8 && what < 18) pause(what < 16 ? roll(200) : 800);
  }

private:
  static void pause(std::uint64_t turns) {
    for (; turns != 0; --turns) base::relax();
  }

  std::uint64_t state_;
};

// Tells when somebody has parked: it calls here(), and then waits for something; nothing else in between.
class onlooker {
public:
  void here() { who_.store(wait::this_thread().current, std::memory_order_release); }
  void wait_until_parked() const {
    for (;; this_fiber::yield()) {
      const wait::agent* a = who_.load(std::memory_order_acquire);
      if (a != nullptr && a->decided.load(std::memory_order_acquire) != wait::decision::closed) return;
    }
  }

private:
  std::atomic<const wait::agent*> who_{nullptr};
};

// Calls f(i) for i < n, each in a fiber, and waits for all. Rethrows what one of them threw.
template <class F> void in_fibers(int n, F f) {
  std::vector<fiber<>> all;
  for (int i = 0; i < n; ++i) all.push_back(spawn([&f, i] { f(i); }));
  for (auto& one : all) one.join();
}

// The same in threads.
template <class F> void in_threads(int n, F f) {
  std::vector<std::thread> all;
  for (int i = 0; i < n; ++i) all.emplace_back([&f, i] { f(i); });
  for (auto& one : all) one.join();
}

// The same in 3 n agents that truly run at the same time, as far as there are CPUs: fibers of two runtimes of one processor,
// and threads. On a plain thread.
template <class F> void in_everything(int n, F f) {
  runtime one({.processors = 1});
  runtime other({.processors = 1});
  std::vector<fiber<>> fibers;
  for (int i = 0; i < n; ++i) {
    fibers.push_back(one.spawn([&f, i] { f(i); }));
    fibers.push_back(other.spawn([&f, n, i] { f(n + i); }));
  }
  in_threads(n, [&](int i) { f(2 * n + i); });
  for (auto& each : fibers) each.join();
}

// Tests that run in a fiber, on 1, 2, 4 and 16 processors.
class on_processors : public ::testing::TestWithParam<unsigned> {
protected:
  template <class F> auto run(F&& f) { return thrum::run(std::forward<F>(f), {.processors = GetParam()}); }
};
inline auto processor_counts() { return ::testing::Values(1u, 2u, 4u, 16u); }

// Tests on one processor, where fibers run one at a time.
template <class F> auto on_one_processor(F&& f) { return thrum::run(std::forward<F>(f), {.processors = 1}); }

// Death tests start the program anew: its threads cannot be forked.
struct deadly : ::testing::Test {
  deadly() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

} // namespace thrum::testing
