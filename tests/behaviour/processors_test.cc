// The number of processors is changed while fibers run.
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/io/pipe.h>
#include <thrum/thrum.h>

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <span>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::times;
using test::until;
using thrum::chan;

class changing_processors : public test::on_processors {};

// Everything that can wait, at once. Each part counts what it has done.
struct load {
  static constexpr std::size_t parts = 8;
  thrum::wait_group all;
  std::atomic<std::size_t> done{0};
  const std::size_t rounds = times(600);

  void pairs_on_channels() {
    for (const std::size_t capacity : {0u, 0u, 3u, 64u}) {
      const chan<std::size_t> there(capacity), back(capacity);
      all.go([=, this] {
        for (std::size_t i = 0; i < rounds; ++i) there.send(i);
        there.close();
      });
      all.go([=] {
        for (const std::size_t v : there) back.send(v + 1);
        back.close();
      });
      all.go([=, this] {
        std::size_t next = 1;
        for (const std::size_t v : back) { EXPECT_EQ(v, next++); }
        EXPECT_EQ(next, rounds + 1);
        ++done;
      });
    }
  }
  void sleepers() {
    for (int k = 0; k < 20; ++k)
      all.go([=, this] {
        for (std::size_t i = 0; i < rounds / 10; ++i)
          thrum::this_fiber::sleep_for(std::chrono::microseconds(20 * k));
      });
    const chan<int> nobody_sends;
    for (int k = 0; k < 20; ++k)
      all.go([=, this] {
        for (std::size_t i = 0; i < rounds / 10; ++i) { EXPECT_FALSE(nobody_sends.recv_for(50us)); }
      });
    ++done;
  }
  void timers() {
    all.go([this] {
      for (std::size_t i = 0; i < rounds / 4; ++i) {
        const chan<int> fired;
        const thrum::timer t(30us, [=] { fired.send(1); });
        EXPECT_EQ(fired.recv(), 1);
      }
      ++done;
    });
  }
  void pipes() {
    all.go([this] {
      auto [reader, writer] = thrum::io::pipe().value();
      auto writes = thrum::spawn([this, w = std::move(writer)]() mutable {
        const std::byte sent[3] = {};
        for (std::size_t i = 0; i < rounds; ++i) {
          EXPECT_TRUE(w.write_all(sent));
          if (i % 4 == 0) thrum::this_fiber::yield();
        }
      });
      std::size_t bytes = 0;
      std::byte room[64];
      while (auto n = reader.read_some(room)) {
        if (*n == 0) break;
        bytes += *n;
      }
      writes.join();
      EXPECT_EQ(bytes, 3 * rounds);
      ++done;
    });
  }
  static std::size_t tree(int depth) {
    if (depth == 0) return 1;
    auto left = thrum::spawn([=] { return tree(depth - 1); });
    const std::size_t right = tree(depth - 1);
    return left.join() + right;
  }
  void trees() {
    all.go([this] {
      for (std::size_t i = 0; i < 1 + rounds / 100; ++i) { EXPECT_EQ(tree(9), 512u); }
      ++done;
    });
  }
  // Their processors are handed off, while the number of these changes.
  void those_that_block() {
    all.go([this] {
      for (std::size_t i = 0; i < rounds / 20; ++i) ::usleep(300);
      for (std::size_t i = 0; i < rounds / 20; ++i) thrum::blocking([] { ::usleep(50); });
    });
  }
  void begin() {
    pairs_on_channels();
    sleepers();
    timers();
    pipes();
    trees();
    those_that_block();
  }
  void end() {
    all.wait();
    EXPECT_EQ(done, parts);
  }
};

} // namespace

TEST_P(changing_processors, tells_what_was_set_before) {
  thrum::runtime r(options());
  EXPECT_EQ(r.set_processors(3), GetParam());
  EXPECT_EQ(r.processors(), 3u);
  r.run([&] {
    EXPECT_EQ(thrum::runtime::current().set_processors(1), 3u);
    EXPECT_EQ(thrum::runtime::current().processors(), 1u);
  });
  EXPECT_EQ(r.set_processors(1024), 1u);
  EXPECT_EQ(r.set_processors(2), 1024u);
  EXPECT_EQ(r.processors(), 2u);
  EXPECT_EQ(r.report().processors, 2u);
}

TEST_P(changing_processors, to_none_means_as_many_as_there_are_cpus) {
  const unsigned standard = thrum::runtime().processors();
  thrum::runtime r(options());
  r.set_processors(standard + 1);
  EXPECT_EQ(r.set_processors(0), standard + 1);
  EXPECT_EQ(r.processors(), standard);
}

TEST_P(changing_processors, under_load_loses_nothing) {
  run([] {
    load work;
    work.begin();
    std::atomic<bool> enough{false};
    auto changes = thrum::spawn([&] {
      thrum::runtime& here = thrum::runtime::current();
      for (unsigned turn = 0; !enough; ++turn) {
        constexpr unsigned numbers[] = {1, 16, 2, 5, 16, 1, 3};
        here.set_processors(numbers[turn % std::size(numbers)]);
        for (unsigned i = 0; i < turn % 50; ++i) thrum::this_fiber::yield();
        if (turn % 8 == 0) thrum::this_fiber::sleep_for(100us);
      }
    });
    work.end();
    enough = true;
    changes.join();
  });
}

TEST_P(changing_processors, from_several_threads_at_a_time_loses_nothing) {
  thrum::runtime r(options());
  std::atomic<bool> enough{false};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      for (unsigned turn = t; !enough; ++turn) {
        r.set_processors(turn * 7 % 16 + 1);
        std::this_thread::yield();
      }
    });
  r.run([] {
    load work;
    work.begin();
    work.end();
  });
  enough = true;
  for (auto& t : threads) t.join();
  r.set_processors(2);
  EXPECT_EQ(r.processors(), 2u);
  EXPECT_EQ(r.run([] { return thrum::spawn([] { return 4; }).join(); }), 4);
}

// What sleeps on a processor that goes wakes up on time: nobody else would wake it.
TEST_P(changing_processors, leaves_timers_in_force) {
  run([] {
    thrum::runtime& here = thrum::runtime::current();
    for (std::size_t round = 0; round < times(20); ++round) {
      here.set_processors(16);
      thrum::wait_group all;
      for (int k = 0; k < 100; ++k)
        all.go([=] {
          thrum::this_fiber::yield();
          thrum::this_fiber::sleep_for(std::chrono::microseconds(200 + 10 * k));
        });
      for (int i = 0; i < 20; ++i) thrum::this_fiber::yield();
      here.set_processors(1);
      all.wait();
    }
  });
}

// Alone, the first would keep the second from running for ever: with as many threads as processors nothing is handed off.
TEST(more_processors, take_work_at_once) {
  for (std::size_t round = 0; round < times(50); ++round) {
    std::atomic<bool> begun{false}, enough{false}; // these die after the runtime
    thrum::runtime r({.processors = 1, .name = "test", .max_threads = 1});
    r.go([&] {
      begun = true;
      while (!enough) std::this_thread::yield();
    });
    while (!begun) std::this_thread::yield();
    auto second = r.spawn([&] { enough = true; });
    r.set_processors(2);
    second.join();
  }
}

// The same, but what is to run is queued where the first runs.
TEST(more_processors, take_what_is_queued_elsewhere) {
  std::atomic<bool> enough{false}; // these die after the runtime
  std::atomic<int> ran{0};
  thrum::runtime r({.processors = 1, .name = "test", .max_threads = 1});
  r.go([&] {
    for (int i = 0; i < 10; ++i) thrum::go([&] { ++ran; });
    thrum::runtime::current().set_processors(3);
    while (!enough) std::this_thread::yield();
  });
  while (ran != 10) std::this_thread::yield();
  enough = true;
}

THRUM_ON_PROCESSORS(changing_processors);
