// The article's worker pool takes 200 ms: three workers, five jobs of 100 ms, so two rounds. Shown without looking at a clock: the jobs
// sleep by one that is the test's own, and goes on only when nobody has anything left to do before. There is one thread, so who can
// run does so while the clock's keeper yields, and no machine is too slow for it.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <thrum/thrum.h>
#include <vector>

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using thrum::chan;
using thrum::receiver;
using thrum::sender;
using thrum::wait_group;

class own_clock {
public:
  milliseconds now() const { return now_; }
  void sleep_for(milliseconds d) {
    note();
    chan<int> wakes;
    sleepers_.emplace(now_ + d, wakes);
    static_cast<void>(wakes.recv());
    note();
  }
  void note() { ++steps_; } // somebody did something

  // Lets all go on that can, and then the time, until nobody sleeps any more.
  void keep() {
    for (;;) {
      for (std::size_t before = steps_ + 1; before != steps_;) {
        before = steps_;
        for (int i = 0; i < 16; ++i) thrum::this_fiber::yield(); // more fibers than there are
      }
      if (sleepers_.empty()) return;
      now_ = sleepers_.begin()->first;
      while (!sleepers_.empty() && sleepers_.begin()->first == now_) {
        const chan<int> wakes = sleepers_.begin()->second;
        sleepers_.erase(sleepers_.begin());
        wakes.send(1);
      }
    }
  }

private:
  milliseconds now_{0};
  std::multimap<milliseconds, chan<int>> sleepers_;
  std::size_t steps_ = 0;
};

struct happened {
  milliseconds when;
  std::string what;
};

// The program of examples/worker_pool, but for the clock. Returns what it would have printed, and when.
std::vector<happened> run_pool(int workers, int num_jobs) {
  std::vector<happened> all;
  thrum::run(
      [&] {
        own_clock clock;
        const auto log = [&](const std::string& what) {
          clock.note();
          all.push_back({clock.now(), what});
        };
        chan<int> jobs(static_cast<std::size_t>(num_jobs)), results(static_cast<std::size_t>(num_jobs));
        wait_group wg;
        const auto worker = [&](receiver<int> from, sender<int> to) {
          for (int job : from) {
            log("started");
            clock.sleep_for(100ms);
            to.send(job * 2);
          }
          wg.done();
        };
        for (int w = 0; w < workers; ++w) {
          wg.add(1);
          thrum::go(worker, jobs, results);
        }
        for (int j = 1; j <= num_jobs; ++j) jobs.send(j);
        jobs.close();
        thrum::go([&] {
          wg.wait();
          results.close();
        });
        auto collects = thrum::spawn([&] {
          int sum = 0;
          for (int res : results) {
            log("processed");
            sum += res;
          }
          log("ended");
          return sum;
        });
        clock.keep();
        EXPECT_TRUE(collects.ended());
        EXPECT_EQ(collects.join(), num_jobs * (num_jobs + 1));
      },
      {.processors = 1, .max_threads = 1});
  return all;
}

std::vector<milliseconds> times_of(const std::vector<happened>& all, const std::string& what) {
  std::vector<milliseconds> times;
  for (const happened& h : all)
    if (h.what == what) times.push_back(h.when);
  return times;
}

TEST(worker_pool, three_workers_do_five_jobs_of_100_ms_in_200_ms) {
  const auto all = run_pool(3, 5);
  EXPECT_EQ(times_of(all, "started"), (std::vector{0ms, 0ms, 0ms, 100ms, 100ms}));
  EXPECT_EQ(times_of(all, "processed"), (std::vector{100ms, 100ms, 100ms, 200ms, 200ms}));
  EXPECT_EQ(times_of(all, "ended"), (std::vector{200ms}));
}

TEST(worker_pool, fewer_workers_take_longer_and_as_many_as_jobs_take_as_long_as_one) {
  EXPECT_EQ(times_of(run_pool(1, 5), "ended"), (std::vector{500ms}));
  EXPECT_EQ(times_of(run_pool(2, 5), "ended"), (std::vector{300ms}));
  EXPECT_EQ(times_of(run_pool(5, 5), "ended"), (std::vector{100ms}));
}

} // namespace
