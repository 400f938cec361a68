// Fibers hand over to each other without the kernel: a million times, and the threads of the runtime have waited in it less than a
// hundred times. Asked of the kernel, which counts how often each thread gave its CPU up by itself.
#include "support/facts.h"
#include "support/scale.h"

#include <thrum/thrum.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <tuple>

namespace {

constexpr char name_of_workers[] = "hand_over";
constexpr std::uint64_t bar = 100;

// Two fibers, each of which waits for the other n times: 2 * n hand-overs.
void by_rendezvous(std::size_t n) {
  const thrum::chan<int> there, back;
  thrum::go([=] {
    for (const int v : there) back.send(v);
  });
  for (std::size_t i = 0; i < n; ++i) {
    there.send(1);
    static_cast<void>(back.recv());
  }
  there.close();
}
void by_a_buffered_channel(std::size_t n) {
  const thrum::chan<int> c(1);
  auto receiver = thrum::spawn([=] {
    for (std::size_t i = 0; i < 2 * n; ++i) static_cast<void>(c.recv());
  });
  for (std::size_t i = 0; i < 2 * n; ++i) c.send(1);
  receiver.join();
}
void by_semaphores(std::size_t n) {
  thrum::binary_semaphore mine(0), yours(0);
  auto other = thrum::spawn([&] {
    for (std::size_t i = 0; i < n; ++i) {
      yours.acquire();
      mine.release();
    }
  });
  for (std::size_t i = 0; i < n; ++i) {
    yours.release();
    mine.acquire();
  }
  other.join();
}
void by_yields(std::size_t n) {
  auto other = thrum::spawn([n] {
    for (std::size_t i = 0; i < n; ++i) thrum::this_fiber::yield();
  });
  for (std::size_t i = 0; i < n; ++i) thrum::this_fiber::yield();
  other.join();
}

struct way {
  const char* name;
  void (*hand_over)(std::size_t n);
};
std::ostream& operator<<(std::ostream& out, const way& w) { return out << w.name; }

class hand_over : public testing::TestWithParam<std::tuple<way, unsigned>> {};

} // namespace

TEST_P(hand_over, a_million_times_is_less_than_a_hundred_waits_in_the_kernel) {
  const way& by = std::get<0>(GetParam());
  thrum::options o;
  o.processors = std::get<1>(GetParam());
  o.name = name_of_workers;
  thrum::run(
      [&by] {
        by.hand_over(100); // the other processors have looked, and sleep
        // The best of five: where others take the CPU from a thread, the two may run on two processors for a while, and wake each other.
        std::uint64_t least = bar;
        for (int round = 0; round < 5 && least >= bar; ++round) {
          const std::uint64_t before = test::voluntary_switches(name_of_workers);
          by.hand_over(test::times(500'000));
          least = std::min(least, test::voluntary_switches(name_of_workers) - before);
        }
        EXPECT_LT(least, bar);
        const std::uint64_t now = test::voluntary_switches(name_of_workers);
        for (std::uint64_t i = 0; i < 3 * bar; ++i)
          thrum::this_fiber::sleep_for(std::chrono::microseconds(100));
        EXPECT_GE(test::voluntary_switches(name_of_workers) - now, bar)
            << "this test does not see the workers wait";
      },
      o);
}

INSTANTIATE_TEST_SUITE_P(, hand_over,
                         testing::Combine(testing::Values(way{"by_rendezvous", by_rendezvous},
                                                          way{"by_a_buffered_channel", by_a_buffered_channel},
                                                          way{"by_semaphores", by_semaphores},
                                                          way{"by_yields", by_yields}),
                                          testing::Values(1u, 2u)),
                         [](const auto& given) {
                           return std::string(std::get<0>(given.param).name) + "_on_" +
                                  std::to_string(std::get<1>(given.param));
                         });
