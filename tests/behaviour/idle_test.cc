// An idle runtime costs nothing: no thread wakes up. Asked of the kernel, which counts how often each thread gave its CPU up.
#include "support/facts.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/thrum.h>

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using thrum::chan;

constexpr char name_of_all[] = "idle";

// Runs a second in which nothing happens; how often did workers wake up in it?
std::uint64_t wake_ups_in_a_second() {
  const std::uint64_t before = test::context_switches(name_of_all);
  std::this_thread::sleep_for(1s); // what is measured, not a wait for something
  return test::context_switches(name_of_all) - before;
}

// A runtime that has just worked first gives its idle memory back, half a second later.
std::uint64_t wake_ups_when_idle() {
  std::uint64_t last = 0;
  for (int second = 0; second < 10; ++second)
    if ((last = wake_ups_in_a_second()) == 0) break;
  return last;
}

std::vector<std::unique_ptr<thrum::runtime>> runtimes_of_all_sizes() {
  std::vector<std::unique_ptr<thrum::runtime>> all;
  for (const unsigned processors : {1u, 2u, 4u, 16u}) {
    thrum::options o;
    o.processors = processors;
    o.name = name_of_all;
    all.push_back(std::make_unique<thrum::runtime>(o));
  }
  return all;
}

class idle : public testing::Test {
protected:
  void SetUp() override {
    if (test::tsan) GTEST_SKIP() << "here the world itself ends every sleep after a second: see wait_word";
  }
};

} // namespace

TEST_F(idle, runtimes_that_have_worked_do_not_wake_up) {
  const auto all = runtimes_of_all_sizes();
  for (const auto& r : all)
    r->run([] {
      const chan<int> c;
      thrum::wait_group done;
      for (int i = 0; i < 500; ++i)
        done.go([=] {
          thrum::this_fiber::sleep_for(100us);
          c.send(i);
        });
      for (int i = 0; i < 500; ++i) static_cast<void>(c.recv());
      done.wait();
    });
  ASSERT_GT(test::context_switches(name_of_all), 0u) << "this test does not find the workers";
  EXPECT_EQ(wake_ups_when_idle(), 0u);
}

TEST_F(idle, fibers_that_wait_and_timers_that_are_far_away_wake_nobody) {
  std::atomic<int> waiting{0};
  const chan<int> nobody_sends;
  const auto all = runtimes_of_all_sizes(); // last: it dies first, and with it the fibers that use the others
  for (const auto& r : all) {
    for (int i = 0; i < 50; ++i)
      r->go([&, i] {
        ++waiting;
        std::optional<int> out;
        switch (i % 5) {
        case 0: static_cast<void>(nobody_sends.recv()); break;
        case 1: thrum::this_fiber::sleep_for(1h); break;
        case 2: static_cast<void>(thrum::select(thrum::recv(nobody_sends, out), thrum::after(1h))); break;
        case 3: static_cast<void>(nobody_sends.recv_for(1h)); break;
        case 4: static_cast<void>(chan<int>(nullptr).recv()); break;
        }
      });
  }
  test::until([&] { return waiting == 200; });
  EXPECT_EQ(wake_ups_when_idle(), 0u);
}
