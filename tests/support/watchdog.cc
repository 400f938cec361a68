#include "support/watchdog.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>

namespace test {

namespace {

class watchdog : public testing::EmptyTestEventListener {
public:
  explicit watchdog(std::chrono::seconds limit) : limit_(limit) {}
  ~watchdog() override {
    {
      const std::lock_guard hold(lock_);
      ended_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

  void OnTestStart(const testing::TestInfo& info) override {
    // Started here and not earlier, so that the thread is not there for a program that only lists its tests.
    if (!thread_.joinable()) thread_ = std::thread([this] { watch(); });
    begin(std::string(info.test_suite_name()) + "." + info.name());
  }
  void OnTestEnd(const testing::TestInfo&) override { begin({}); }

private:
  void begin(std::string name) {
    {
      const std::lock_guard hold(lock_);
      name_ = std::move(name);
      ++turn_;
    }
    changed_.notify_one();
  }

  void watch() {
    std::unique_lock hold(lock_);
    while (!ended_) {
      const unsigned turn = turn_;
      const auto over = [&] { return ended_ || turn_ != turn; };
      if (name_.empty()) {
        changed_.wait(hold, over);
        continue;
      }
      // Second by second: while the whole process is stopped (by a debugger, by job control), at most one of them passes.
      std::chrono::seconds used{0};
      while (used < limit_ && !changed_.wait_for(hold, second, over)) used += second;
      if (used < limit_) continue;
      std::fprintf(stderr, "watchdog: %s has not ended after %lld s\n", name_.c_str(),
                   static_cast<long long>(limit_.count()));
      std::abort();
    }
  }

  static constexpr std::chrono::seconds second{1};
  const std::chrono::seconds limit_;
  std::mutex lock_;
  std::condition_variable changed_;
  std::string name_; // guarded by lock_, as are the next two
  unsigned turn_ = 0;
  bool ended_ = false;
  std::thread thread_;
};

} // namespace

void watch_tests(std::chrono::seconds limit) {
  testing::UnitTest::GetInstance()->listeners().Append(new watchdog(limit)); // GoogleTest deletes it
}

} // namespace test
