// stress_test: the channel, select, stop and lock tests again and again, in a new order each time, on 1, 2, 4 and 16
// processors. Many short repetitions meet more interleavings than a few long ones, so each test is made shorter here.
//
//   stress_test [--repeat=N] [GoogleTest's options, such as --gtest_filter=... and --gtest_random_seed=...]
//
// Without --repeat: THRUM_STRESS in the environment (1,000 is the full run), else a few. Stops at the first failure and tells
// how to see it again.
#include "support/scale.h"
#include "support/watchdog.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace {

constexpr std::size_t few = 3;

class progress : public testing::EmptyTestEventListener {
public:
  explicit progress(std::size_t repetitions) : repetitions_(repetitions) {}

  void OnTestIterationStart(const testing::UnitTest& all, int) override {
    const std::size_t step = std::max<std::size_t>(repetitions_ / 10, 1);
    if (done_ % step == 0)
      std::printf("stress: repetition %zu of %zu, seed %d, after %.0f s of CPU\n", done_ + 1, repetitions_,
                  all.random_seed(), cpu_seconds());
    std::fflush(stdout);
  }
  void OnTestIterationEnd(const testing::UnitTest& all, int) override {
    ++done_;
    if (all.Passed()) return;
    std::printf("stress: failed in repetition %zu of %zu; again with --gtest_random_seed=%d --repeat=1\n",
                done_, repetitions_, all.random_seed());
    std::fflush(stdout);
    std::_Exit(1); // the other repetitions would bury the failure
  }
  void OnTestProgramEnd(const testing::UnitTest&) override {
    std::printf("stress: %zu repetitions passed, in %.0f s of CPU\n", done_, cpu_seconds());
  }

private:
  // Not the time of day: other programs share the machine, and most tests wait for something.
  static double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

  const std::size_t repetitions_;
  std::size_t done_ = 0;
};

// Takes --repeat=N out of the arguments.
std::size_t take_repetitions(int& argc, char** argv) {
  constexpr char option[] = "--repeat=";
  std::size_t n = test::stress() != 0 ? test::stress() : few;
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], option, sizeof option - 1) == 0)
      n = std::strtoul(argv[i] + sizeof option - 1, nullptr, 10);
    else
      argv[kept++] = argv[i];
  }
  argc = kept;
  argv[kept] = nullptr;
  return std::clamp<std::size_t>(n, 1, 1'000'000);
}

} // namespace

int main(int argc, char** argv) {
  const std::size_t repetitions = take_repetitions(argc, argv);
  testing::GTEST_FLAG(shuffle) = true;
  testing::GTEST_FLAG(brief) = true;
  testing::GTEST_FLAG(fail_fast) = true;
  testing::GTEST_FLAG(repeat) = static_cast<int>(repetitions);
  testing::InitGoogleTest(&argc, argv);
  test::shrink = 8;
  test::watch_tests(std::chrono::seconds(60));
  testing::UnitTest::GetInstance()->listeners().Append(new progress(repetitions)); // GoogleTest deletes it
  return RUN_ALL_TESTS();
}
