// Fibers that compute without end, or block in the kernel, do not stop the others: their processor is handed off.
#include "support/facts.h"
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/thrum.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <type_traits>
#include <unistd.h>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace thrum;
using test::times;

// Computes, without a call into the runtime, until the flag is set.
void hog(const std::atomic<bool>& stop) {
  volatile unsigned long x = 0;
  while (!stop.load(std::memory_order_relaxed)) x = x * 3 + 1;
}

class hand_off : public test::on_processors {};

} // namespace

TEST_P(hand_off, a_ticker_runs_beside_fibers_that_compute) {
  run([] {
    std::atomic<bool> stop{false};
    std::vector<fiber<void>> hogs;
    for (unsigned i = 0; i < 2 * GetParam(); ++i) hogs.push_back(spawn([&] { hog(stop); }));
    for (std::size_t tick = 0; tick < times(20); ++tick)
      this_fiber::sleep_for(1ms); // ends, or the watchdog does
    stop = true;
    for (auto& h : hogs) h.join();
  });
}

// The worker that sleeps in the poller did not hear of it: who set it went on to compute, and was not to be taken its processor.
TEST(idle_processor, fires_a_timer_that_was_set_before_a_computation) {
  runtime r({.processors = 2});
  r.run([] {
    const auto taken = [] { return runtime::current().report().taken_from_computing; };
    bool was_left_alone = false; // a busy machine may not get there within a time slice, but not each time
    for (std::size_t attempt = 0; attempt < times(100) && !was_left_alone; ++attempt) {
      std::atomic<bool> ran{false}, fired{false};
      go([&] { ran = true; });
      hog(ran); // on the other processor, whose worker then goes to sleep in the poller
      for (const auto begun = std::chrono::steady_clock::now();
           std::chrono::steady_clock::now() < begun + 2ms;) {}
      const std::uint64_t before = taken();
      const timer t(1ms, [&] { fired = true; });
      hog(fired);
      was_left_alone = taken() == before;
    }
    EXPECT_TRUE(was_left_alone);
  });
}

// Whenever the monitor asks, it finds them in the runtime, or coming in.
TEST_P(hand_off, a_ticker_runs_beside_fibers_that_call_the_runtime_all_the_time) {
  run([] {
    std::atomic<bool> stop{false};
    std::vector<fiber<void>> hogs;
    for (unsigned i = 0; i < 2 * GetParam(); ++i)
      hogs.push_back(spawn([&] {
        chan<int> c(1);
        for (int n = 0; !stop.load(std::memory_order_relaxed); ++n) {
          EXPECT_EQ(c.try_send(n), chan_status::ok);
          EXPECT_EQ(c.try_recv(), n);
        }
      }));
    for (std::size_t tick = 0; tick < times(20); ++tick) this_fiber::sleep_for(1ms);
    stop = true;
    for (auto& h : hogs) h.join();
  });
}

TEST_P(hand_off, new_fibers_start_beside_fibers_that_compute) {
  run([] {
    std::atomic<bool> stop{false};
    std::vector<fiber<void>> hogs;
    for (unsigned i = 0; i < GetParam(); ++i) hogs.push_back(spawn([&] { hog(stop); }));
    this_fiber::yield(); // perhaps they all run now, and only a hand-off brings us back
    int sum = 0;
    for (int i = 0; i < 10; ++i) sum += spawn([i] { return i; }).join();
    EXPECT_EQ(sum, 45);
    stop = true;
    for (auto& h : hogs) h.join();
  });
}

TEST_P(hand_off, fibers_that_block_in_the_kernel_do_not_stop_others) {
  run([] {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    std::vector<fiber<void>> blocked;
    std::atomic<unsigned> begun{0};
    for (unsigned i = 0; i < 4 * GetParam(); ++i)
      blocked.push_back(spawn([&] {
        char byte;
        ++begun;
        EXPECT_EQ(::read(ends[0], &byte, 1), 1); // the pipe blocks its thread
      }));
    test::until([&] { return begun == 4 * GetParam(); }); // each yield leads to one that blocks
    const chan<int> c;
    auto other = spawn([&] { return *c.recv(); });
    c.send(7);
    EXPECT_EQ(other.join(), 7);
    for (unsigned i = 0; i < blocked.size(); ++i) EXPECT_EQ(::write(ends[1], "x", 1), 1);
    for (auto& b : blocked) b.join();
    ::close(ends[0]);
    ::close(ends[1]);
  });
}

// Each dispatch is on another worker. If these came to timers only when their queue is empty, all threads that are allowed would
// be blocked before.
TEST_P(hand_off, a_timer_is_served_before_a_queue_of_fibers_that_all_block) {
  const unsigned n = 32 * GetParam();
  thrum::options o = options();
  o.max_threads = n;
  thrum::run(
      [n] {
        int ends[2];
        ASSERT_EQ(::pipe(ends), 0);
        std::vector<fiber<void>> blocked;
        for (unsigned i = 0; i < n; ++i)
          blocked.push_back(spawn([&] {
            char byte;
            EXPECT_EQ(::read(ends[0], &byte, 1), 1);
          }));
        this_fiber::sleep_for(1us); // ends, or the watchdog does
        for (unsigned i = 0; i < n; ++i) EXPECT_EQ(::write(ends[1], "x", 1), 1);
        for (auto& b : blocked) b.join();
        ::close(ends[0]);
        ::close(ends[1]);
      },
      o);
}

TEST_P(hand_off, blocking_lets_those_who_wait_run_at_once) {
  run([] {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    for (std::size_t i = 0; i < times(50); ++i) {
      auto writer = spawn([&] { EXPECT_EQ(::write(ends[1], "x", 1), 1); });
      char byte = 0;
      EXPECT_EQ(blocking([&] { return ::read(ends[0], &byte, 1); }), 1);
      EXPECT_EQ(byte, 'x');
      writer.join();
    }
    ::close(ends[0]);
    ::close(ends[1]);
  });
}

// An event loop's promise, and its price.
TEST(one_thread, runs_one_fiber_at_a_time_and_another_only_when_it_waits) {
  thrum::run(
      [] {
        bool ran = false; // not atomic: nothing runs beside
        auto other = spawn([&] { ran = true; });
        const timespec as_long_as_others_would_wait{.tv_sec = 0, .tv_nsec = 100'000'000};
        ::nanosleep(&as_long_as_others_would_wait, nullptr);
        blocking([&] { ::nanosleep(&as_long_as_others_would_wait, nullptr); });
        EXPECT_FALSE(ran);
        this_fiber::yield();
        EXPECT_TRUE(ran);
        other.join();
      },
      {.processors = 1, .max_threads = 1});
}

TEST_P(hand_off, blocking_returns_what_its_function_returns) {
  run([] {
    auto other = spawn([] {});
    int n = 1;
    static_assert(std::is_same_v<decltype(blocking([&]() -> int& { return n; })), int&>);
    blocking([&]() -> int& { return n; }) = 2;
    EXPECT_EQ(n, 2);
    EXPECT_EQ(*blocking([] { return std::make_unique<int>(3); }), 3);
    EXPECT_THROW(blocking([] { throw std::runtime_error("as any call"); }), std::runtime_error);
    this_fiber::yield();
    other.join();
  });
  EXPECT_EQ(blocking([] { return 4; }), 4); // on a plain thread
}

// What a fiber may do while it has no processor: everything.
TEST_P(hand_off, a_hog_that_comes_back_goes_on) {
  run([] {
    mutex lock;
    std::size_t done = 0;
    const chan<std::size_t> c(4);
    std::vector<fiber<void>> hogs;
    const std::size_t rounds = times(8);
    for (unsigned i = 0; i < 2 * GetParam(); ++i)
      hogs.push_back(spawn([&, i] {
        for (std::size_t r = 0; r < rounds; ++r) {
          const auto until = std::chrono::steady_clock::now() + 15ms; // more than a time slice
          while (std::chrono::steady_clock::now() < until) {}
          switch ((r + i) % 7) {
          case 0: this_fiber::yield(); break;
          case 1:
            c.send(r);
            static_cast<void>(c.recv());
            break;
          case 2: spawn([] {}).join(); break;
          case 3: this_fiber::sleep_for(100us); break;
          case 4: thrum::go([] {}); break;
          case 5: try { throw std::runtime_error("thrown without a processor");
            } catch (const std::runtime_error& e) { EXPECT_STREQ(e.what(), "thrown without a processor"); }
            break;
          case 6: {
            timer t(1h, [] {});
            EXPECT_TRUE(t.stop());
            break;
          }
          }
          const std::lock_guard held(lock);
          ++done;
        }
      }));
    for (auto& h : hogs) h.join();
    EXPECT_EQ(done, hogs.size() * rounds);
  });
}

TEST_P(hand_off, a_mutex_of_the_standard_library_may_be_held_by_a_hog) {
  run([] {
    std::mutex lock; // the thread's: nobody parks while it is held
    std::size_t count = 0;
    std::vector<fiber<void>> all;
    const std::size_t rounds = times(20);
    for (unsigned i = 0; i < 2 * GetParam() + 2; ++i)
      all.push_back(spawn([&] {
        for (std::size_t r = 0; r < rounds; ++r) {
          {
            const std::lock_guard held(lock);
            const auto until = std::chrono::steady_clock::now() + 500us;
            while (std::chrono::steady_clock::now() < until) {}
            ++count;
          }
          this_fiber::yield();
        }
      }));
    for (auto& f : all) f.join();
    EXPECT_EQ(count, all.size() * rounds);
  });
}

TEST_P(hand_off, a_stop_request_reaches_a_fiber_that_was_blocked) {
  run([] {
    auto sleeper = spawn([] {
      ::usleep(20'000);
      this_fiber::check();
    });
    sleeper.request_stop();
    EXPECT_THROW(sleeper.join(), cancelled);
  });
}

TEST_P(hand_off, the_runtime_ends_although_fibers_block) {
  std::atomic<int> ended{0};
  run([&] {
    for (unsigned i = 0; i < 3 * GetParam(); ++i)
      thrum::go([&] {
        ::usleep(30'000);
        ++ended;
      });
    this_fiber::yield();
  });
  EXPECT_EQ(ended, static_cast<int>(3 * GetParam()));
}

TEST_P(hand_off, extra_threads_go_when_they_are_not_needed_any_more) {
  if (test::shrink != 1) GTEST_SKIP() << "waits for real time to pass";
  thrum::runtime r(options());
  r.run([] {
    std::vector<fiber<void>> blocked;
    for (int i = 0; i < 100; ++i) blocked.push_back(spawn([] { ::usleep(20'000); }));
    for (auto& b : blocked) b.join();
  });
  const std::size_t most = 3 * GetParam() + 12;
  while (test::thread_count() > most) r.run([] { this_fiber::sleep_for(100ms); }); // or the watchdog ends it
}

TEST_P(hand_off, no_more_threads_are_made_than_are_allowed) {
  thrum::options o = options();
  o.max_threads = GetParam() + 2;
  const std::size_t before = test::thread_count();
  testing::internal::CaptureStderr();
  thrum::run(
      [&] {
        std::vector<fiber<void>> blocked;
        for (unsigned i = 0; i < 4 * GetParam() + 8; ++i) blocked.push_back(spawn([] { ::usleep(10'000); }));
        for (auto& b : blocked) b.join();
        EXPECT_LE(test::thread_count(), before + o.max_threads + 1); // and the monitor
      },
      o);
  static_cast<void>(testing::internal::GetCapturedStderr());
}

THRUM_ON_PROCESSORS(hand_off);
