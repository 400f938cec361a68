// Who gets to run: everybody does, whatever the others do, as long as each of them yields or waits now and then.
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/io/pipe.h>
#include <thrum/thrum.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::times;
using test::until;
using thrum::chan;
using thrum::fiber;
using thrum::spawn;
using thrum::this_fiber::yield;

class fairness : public test::on_processors {};
class taking_turns : public test::on_one_processor {
protected:
  double share_of_light_pair();
};

// Fibers that do nothing but yield, until they are told.
class yielders {
public:
  explicit yielders(int count) {
    for (int i = 0; i < count; ++i)
      fibers_.push_back(spawn([this] {
        while (!over_) yield();
      }));
  }
  ~yielders() {
    over_ = true;
    for (auto& f : fibers_) f.join();
  }

private:
  std::atomic<bool> over_{false};
  std::vector<fiber<void>> fibers_;
};

} // namespace

TEST_P(fairness, fibers_that_only_yield_do_not_keep_a_new_one_from_starting) {
  run([] {
    const yielders busy(40);
    for (int i = 0; i < 50; ++i) spawn([] {}).join();
  });
}

TEST_P(fairness, fibers_that_only_yield_do_not_keep_work_of_plain_threads_from_starting) {
  thrum::runtime r(options());
  r.run([&] {
    const yielders busy(40);
    std::atomic<int> started{0};
    std::thread outside([&] {
      for (int i = 0; i < 50; ++i) {
        r.go([&] { ++started; });
        until([&] { return started > i; });
      }
    });
    until([&] { return started == 50; });
    outside.join();
  });
}

TEST_P(fairness, fibers_that_only_yield_do_not_stop_the_clock) {
  run([] {
    const yielders busy(40);
    for (int i = 0; i < 20; ++i) thrum::this_fiber::sleep_for(10us);
    const chan<int> empty;
    EXPECT_EQ(empty.recv_for(50us).error(), thrum::chan_status::timeout);
  });
}

// One fiber that yields and nobody else: nothing arrives anywhere, and yet time passes and work comes in.
TEST_P(fairness, a_lone_fiber_that_yields_sees_sleepers_and_work_of_plain_threads) {
  thrum::runtime r(options());
  r.run([&] {
    auto sleeper = spawn([] { thrum::this_fiber::sleep_for(100us); });
    until([&] { return sleeper.ended(); });
    std::atomic<bool> came{false};
    std::thread outside([&] { r.go([&] { came = true; }); });
    until([&] { return came.load(); });
    outside.join();
  });
}

// Go's TestYieldProgress.
TEST_P(fairness, who_yields_lets_the_other_go_on) {
  run([] {
    const chan<int> started;
    std::atomic<bool> stop{false};
    auto spinning = spawn([&] {
      started.send(1);
      while (!stop) yield();
    });
    static_cast<void>(started.recv());
    for (int i = 0; i < 10; ++i) yield();
    stop = true;
    spinning.join();
  });
}

// Go's TestTimerFairness: two fibers that keep a channel busy do not keep a timer from firing.
TEST_P(fairness, a_busy_channel_does_not_stop_the_clock) {
  run([] {
    const chan<int> c;
    const chan<int> end;
    std::vector<fiber<void>> busy;
    for (int i = 0; i < 2; ++i) {
      busy.push_back(spawn([=] {
        while (thrum::select(thrum::send(c, 1), thrum::recv(end)) == 0) {}
      }));
      busy.push_back(spawn([=] {
        while (thrum::select(thrum::recv(c), thrum::recv(end)) == 0) {}
      }));
    }
    const chan<int> timer;
    EXPECT_EQ(thrum::select(thrum::recv(timer), thrum::after(500us)), 1u);
    thrum::this_fiber::sleep_for(500us);
    end.close();
    for (auto& f : busy) f.join();
  });
}

// A pair that hands the processor to and fro, each making the other run next, shares with those that are only ready.
TEST_P(fairness, a_pair_that_wakes_each_other_does_not_keep_others_from_running) {
  run([] {
    const chan<int> ping;
    const chan<int> end;
    auto left = spawn([=] {
      while (thrum::select(thrum::send(ping, 1), thrum::recv(end)) == 0) {}
    });
    auto right = spawn([=] {
      while (thrum::select(thrum::recv(ping), thrum::recv(end)) == 0) {}
    });
    for (std::size_t i = 0; i < times(2000); ++i) yield(); // each time behind the pair
    for (int i = 0; i < 20; ++i) spawn([] { yield(); }).join();
    end.close();
    left.join();
    right.join();
  });
}

namespace {

// The part of all turns that a pair of fibers with short turns gets beside a pair that computes in each of its own.
double taking_turns::share_of_light_pair() {
  std::size_t light = 0;
  std::size_t heavy = 0;
  run([&] {
    std::atomic<bool> over{false};
    const auto pair = [&](std::size_t& turns, int work) {
      const chan<int> ping;
      const chan<int> pong;
      std::vector<fiber<void>> both;
      both.push_back(spawn([&over, &turns, ping, pong, work] {
        while (!over) {
          for (int i = 0; i < work; ++i) asm volatile("");
          ++turns;
          ping.send(1);
          static_cast<void>(pong.recv());
        }
        ping.close();
      }));
      both.push_back(spawn([ping, pong] {
        while (ping.recv()) pong.send(1);
      }));
      return both;
    };
    auto first = pair(light, 0);
    auto second = pair(heavy, 2000);
    until([&] { return light + heavy > times(20'000); });
    over = true;
    for (auto* both : {&first, &second})
      for (auto& f : *both) f.join();
  });
  return static_cast<double>(light) / static_cast<double>(light + heavy);
}

} // namespace

// Go's TestPingPongHog, counted in turns instead of time: on one processor a light pair gets about as many turns as a heavy one.
// A yields-only round robin would give each fiber the same.
TEST_F(taking_turns, two_pairs_get_similar_numbers_of_turns) {
  const double share = share_of_light_pair();
  EXPECT_GT(share, 0.25);
  EXPECT_LT(share, 0.75);
}

TEST_F(taking_turns, fibers_that_yield_take_turns) {
  run([] {
    constexpr std::size_t count = 10;
    std::vector<std::size_t> done(count);
    std::vector<fiber<void>> all;
    std::size_t here = 0;
    std::size_t spread = 0;
    for (std::size_t i = 0; i < count; ++i)
      all.push_back(spawn([&, i] {
        ++here;
        while (here != count) yield(); // they begin together
        for (int k = 0; k < 1000; ++k) {
          ++done[i];
          spread = std::max(spread, *std::max_element(done.begin(), done.end()) -
                                        *std::min_element(done.begin(), done.end()));
          yield();
        }
      }));
    for (auto& f : all) f.join();
    EXPECT_LE(spread, 2u) << "first in, first out";
  });
}

namespace {

// Two fibers that compute for 200 us in each of their turns, until they are told; and how many turns that were.
class long_turns {
public:
  explicit long_turns(std::function<void()> before_each) : before_each_(std::move(before_each)) {
    for (int i = 0; i < 2; ++i)
      fibers_.push_back(spawn([this] {
        while (!over_) {
          before_each_();
          const auto end = std::chrono::steady_clock::now() + 200us;
          while (std::chrono::steady_clock::now() < end) {}
          ++taken;
          yield();
        }
      }));
  }
  ~long_turns() {
    over_ = true;
    for (auto& f : fibers_) f.join();
  }

  std::atomic<long> taken{0}; // one may compute on while its processor is the other's

private:
  std::function<void()> before_each_;
  std::atomic<bool> over_{false};
  std::vector<fiber<void>> fibers_;
};

long median(std::vector<long> all) {
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

} // namespace

// Timers and descriptors are not looked for at each dispatch, but they do not wait for as many long ones as for short ones.
TEST_F(taking_turns, a_timer_waits_for_few_long_turns) {
  run([] {
    std::atomic<std::chrono::steady_clock::time_point> due{std::chrono::steady_clock::time_point::max()};
    std::atomic<long> when_due{-1};
    std::vector<long> waited;
    long_turns busy([&] {
      if (when_due < 0 && std::chrono::steady_clock::now() >= due.load()) when_due = busy.taken.load();
    });
    for (int i = 0; i < 21; ++i) {
      due = std::chrono::steady_clock::now() + 300us;
      when_due = -1;
      thrum::this_fiber::sleep_until(due.load());
      waited.push_back(when_due < 0 ? 0 : busy.taken - when_due);
    }
    EXPECT_LE(median(waited), 8) << "turns";
  });
}

TEST_F(taking_turns, a_descriptor_waits_for_few_long_turns) {
  run([] {
    const thrum::io::pipe_ends ends = thrum::io::pipe().value();
    std::atomic<long> when_written{-1};
    std::vector<long> waited;
    long_turns busy([&] {
      long never = -1;
      if (!when_written.compare_exchange_strong(never, busy.taken)) return;
      ends.writer.write_all({"x", 1}).value();
    });
    for (int i = 0; i < 21; ++i) {
      char byte;
      static_cast<void>(ends.reader.read_some({&byte, 1}).value());
      waited.push_back(busy.taken - when_written);
      when_written = -1;
    }
    EXPECT_LE(median(waited), 12) << "turns";
  });
}

TEST_F(taking_turns, fibers_that_want_a_mutex_all_the_time_get_it_about_as_often) {
  run([] {
    constexpr std::size_t count = 4;
    constexpr long enough = 30'000;
    thrum::mutex m;
    std::vector<long> had(count);
    std::atomic<long> all_had{0};
    thrum::wait_group all;
    m.lock(); // until all wait for it
    for (std::size_t i = 0; i < count; ++i)
      all.go([&, i] {
        while (all_had < enough) {
          const std::lock_guard hold(m);
          for (int k = 0; k < 5000; ++k) asm volatile("");
          ++had[i];
          ++all_had;
        }
      });
    for (int i = 0; i < 10; ++i) yield();
    m.unlock();
    all.wait();
    EXPECT_GT(*std::min_element(had.begin(), had.end()), enough / static_cast<long>(count) / 8);
  });
}

// The oldest of very many new fibers is not left to the end while ever newer ones come.
TEST_F(taking_turns, an_old_task_starts_although_newer_ones_keep_coming) {
  run([] {
    bool oldest_ran = false;
    thrum::go([&] { oldest_ran = true; });
    std::size_t spawned = 0;
    while (!oldest_ran && spawned < 1'000'000) {
      for (int i = 0; i < 10; ++i) {
        thrum::go([] {});
        ++spawned;
      }
      yield();
    }
    EXPECT_TRUE(oldest_ran) << "after " << spawned << " newer ones";
    EXPECT_LT(spawned, 100'000u);
  });
}

// Go's TestGoroutineParallelism: with as many processors as CPUs, that many fibers compute at the same time. Each waits, without
// ever yielding, until it is its turn to write the shared number.
TEST(parallelism, as_many_fibers_as_processors_compute_at_once) {
  const unsigned cpus = thrum::runtime::current().processors();
  if (cpus < 2) GTEST_SKIP() << "one CPU";
  const unsigned p = std::min(cpus, 4u);
  for (int attempt = 0; attempt < 3; ++attempt) {
    thrum::options o;
    o.processors = p;
    thrum::run(
        [&] {
          std::atomic<unsigned> turn{0};
          const unsigned rounds = 5;
          std::vector<fiber<void>> all;
          for (unsigned i = 0; i < p; ++i)
            all.push_back(spawn([&, i] {
              for (unsigned k = 0; k < rounds; ++k) {
                while (turn.load() % p != i) {} // the others can only be running
                ++turn;
              }
            }));
          for (auto& f : all) f.join();
          EXPECT_EQ(turn, p * rounds);
        },
        o);
  }
}

// The same while fibers sleep and wake, so that workers come and go.
TEST(parallelism, idle_workers_come_back_when_there_is_work_for_them) {
  const unsigned cpus = thrum::runtime::current().processors();
  if (cpus < 2) GTEST_SKIP() << "one CPU";
  thrum::options o;
  o.processors = 2;
  thrum::run(
      [&] {
        for (std::size_t i = 0; i < times(20); ++i) {
          thrum::this_fiber::sleep_for(200us); // everybody sleeps
          std::atomic<int> here{0};
          const auto meet = [&] {
            ++here;
            while (here < 2) {} // only if the other runs at the same time
          };
          auto other = spawn(meet);
          auto another = spawn(meet);
          other.join();
          another.join();
        }
      },
      o);
}

THRUM_ON_PROCESSORS(fairness);
