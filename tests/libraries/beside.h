// What every test here does: a thousand fibers on two processors call a library that was written for threads and blocks. Beside
// them a ticker of 1 ms and an echo server stay live, and the threads stay within options.max_threads.
//
// That others went on during the calls is shown by cause and effect, not by a clock. Either the calls cannot end before the
// test opens a gate (lets a lock go, answers, writes to the pipe), and it opens the gate only after all fibers have begun and the
// others have then gone on; or each fiber calls again and again until the others have gone on. Where they do not, the test hangs
// and its watchdog ends it.
#pragma once

#include "support/scale.h"

#include <thrum/net/tcp.h>
#include <thrum/thrum.h>

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <utility>
#include <vector>

namespace test {

// How many fibers call at the same time.
inline std::size_t callers() { return times(1000); }

// The ticker and the echo server with its client, from construction to destruction. Made in a fiber.
class others {
public:
  others();
  ~others();

  struct mark {
    std::size_t ticks, answers;
  };
  mark now() const { return {ticks_, answers_}; }
  // Has the ticker ticked, and the server answered, often enough since then?
  bool went_on(mark since) const {
    return ticks_ >= since.ticks + rounds && answers_ >= since.answers + rounds;
  }
  void go_on() const; // parks until they have

  std::size_t most_threads() const { return most_threads_; } // of the process, as far as the ticker saw
  std::size_t wrong_answers() const { return wrong_; }

private:
  static constexpr std::size_t rounds = 20;

  void tick();
  void ask();

  std::atomic<std::size_t> ticks_{0}, answers_{0}, wrong_{0}, most_threads_{0};
  std::atomic<bool> stop_{false};
  thrum::net::tcp_listener listener_;
  thrum::fiber<void> server_, client_, ticker_;
};

// Fibers that have begun, and how the main fiber waits for them.
class crowd {
public:
  explicit crowd(std::size_t n) : all_(n) {}
  void begin() { ++begun_; }
  void wait_until_all_have_begun() const;

private:
  const std::size_t all_;
  std::atomic<std::size_t> begun_{0};
};

// Starts n fibers f(0) ... f(n - 1); ends when they have ended.
class calls {
public:
  template <class F> calls(std::size_t n, F f) {
    fibers_.reserve(n);
    for (std::size_t i = 0; i < n; ++i) fibers_.push_back(thrum::spawn([f, i] { f(i); }));
  }
  void join() {
    for (auto& f : fibers_) f.join();
  }

private:
  std::vector<thrum::fiber<void>> fibers_;
};

// The threads that a process of these tests has beside those of the runtime.
std::size_t threads_before();
void allow_many_files(); // 1,000 connections are more than the usual soft limit of 1,024 descriptors

// Runs body(others&) in a runtime with two processors, and checks the promises about threads. A library may have made
// `own_threads` of its own.
template <class Body> void run_beside(Body body, unsigned max_threads = 1200, std::size_t own_threads = 0) {
  allow_many_files();
  const std::size_t before = threads_before();
  thrum::options o;
  o.processors = 2;
  o.name = "test";
  o.max_threads = max_threads;
  o.drain = std::chrono::seconds(30);
  std::size_t most = 0, wrong = 0;
  thrum::run(
      [&] {
        others beside;
        body(beside);
        most = beside.most_threads();
        wrong = beside.wrong_answers();
      },
      o);
  EXPECT_LE(most, before + max_threads + 1 + own_threads); // and the monitor
  EXPECT_EQ(wrong, 0u);
}

} // namespace test
