// runtime::report(): numbers that can be counted otherwise, and the places whose fibers hold others up.
#include "support/watchdog.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thrum/thrum.h>
#include <unistd.h>
#include <vector>

using thrum::spawn;

namespace {

const thrum::holdup_report* row_of(const thrum::runtime_report& r, unsigned line) {
  const auto found = std::find_if(r.holdups.begin(), r.holdups.end(), [&](const auto& h) {
    return h.site.line() == line && std::string(h.site.file_name()).ends_with("report_test.cc");
  });
  return found == r.holdups.end() ? nullptr : &*found;
}

} // namespace

TEST(a_report, counts_fibers) {
  thrum::runtime r({.processors = 3, .name = "counted"});
  r.run([] {
    std::vector<thrum::fiber<void>> some;
    for (int i = 0; i < 100; ++i) some.push_back(spawn([] {}));
    for (auto& f : some) f.join();
    const thrum::runtime_report now = thrum::runtime::current().report();
    EXPECT_EQ(now.name, "counted");
    EXPECT_EQ(now.processors, 3u);
    EXPECT_GE(now.threads, 1u);
    EXPECT_EQ(now.spawned, 101u);
    EXPECT_GE(now.stacks, 1u);
    EXPECT_GE(now.stack_bytes, now.stacks * (64u << 10));
  });
  EXPECT_EQ(r.report().spawned, 101u);
}

TEST(a_report, names_the_line_whose_fibers_block_their_threads) {
  thrum::run(
      [] {
        int ends[2];
        ASSERT_EQ(::pipe(ends), 0);
        const unsigned line = __LINE__ + 1;
        auto blocked = spawn([&] {
          for (char c; ::read(ends[0], &c, 1) == 1;) thrum::this_fiber::yield();
        });
        // It has the only processor and is in the kernel: that this fiber runs again means that the processor was taken away. It
        // is counted when the other one comes back.
        for (;;) {
          thrum::this_fiber::yield();
          ASSERT_EQ(::write(ends[1], "x", 1), 1);
          const thrum::runtime_report now = thrum::runtime::current().report();
          if (row_of(now, line) == nullptr) continue;
          EXPECT_GE(now.taken_from_blocked + now.taken_from_computing, 1u);
          EXPECT_NE(to_string(now).find("report_test.cc:" + std::to_string(line)), std::string::npos);
          break;
        }
        ::close(ends[1]);
        blocked.join();
        ::close(ends[0]);
      },
      {.processors = 1});
}

TEST(a_report, names_the_line_whose_fibers_compute) {
  thrum::run(
      [] {
        std::atomic<bool> seen{false};
        const unsigned line = __LINE__ + 1;
        auto hog = spawn([&] {
          while (!seen.load(std::memory_order_relaxed))
            for (int i = 0; i < 10 && !seen.load(std::memory_order_relaxed); ++i) thrum::this_fiber::check();
        });
        // The hog has the processor first; that this fiber runs at all means that it lost it.
        thrum::this_fiber::yield();
        seen.store(true, std::memory_order_relaxed);
        hog.join();
        // It is noted when the thread comes back to the runtime, which may be after the fiber has ended.
        thrum::runtime_report now = thrum::runtime::current().report();
        for (; row_of(now, line) == nullptr; now = thrum::runtime::current().report())
          thrum::this_fiber::yield();
        const thrum::holdup_report* row = row_of(now, line);
        EXPECT_GE(row->computed + row->blocked, 1u);
        EXPECT_GT(row->computing + row->blocking, std::chrono::nanoseconds(0));
      },
      {.processors = 1});
}

TEST(a_leak_report, shows_who_still_waits_when_a_runtime_ends) {
  testing::internal::CaptureStderr();
  thrum::run(
      [] {
        thrum::chan<int> forgotten;
        for (int i = 0; i < 3; ++i)
          thrum::go({.name = "leaked"}, [=] { static_cast<void>(forgotten.recv()); });
        thrum::go([] { thrum::this_fiber::yield(); }); // ends by itself
        thrum::this_fiber::yield();
      },
      {.name = "leaky", .report_leaks = true});
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("thrum: leak: runtime 'leaky' ends while 3 fibers still wait"), std::string::npos)
      << said;
  EXPECT_NE(said.find("'leaked' waits to receive from a channel"), std::string::npos) << said;
  EXPECT_NE(said.find("and 2 more like it"), std::string::npos) << said;
  EXPECT_NE(said.find("report_test.cc:"), std::string::npos) << said;
}

TEST(a_leak_report, says_nothing_if_nobody_waits) {
  testing::internal::CaptureStderr();
  thrum::run([] { spawn([] { thrum::this_fiber::yield(); }).join(); }, {.report_leaks = true});
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}
