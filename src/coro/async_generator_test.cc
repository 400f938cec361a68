#include <thrum/thrum.h>

#include <thrum/async_generator.h>

#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <vector>

namespace thrum {

namespace {

using namespace std::chrono_literals;

async_generator<int> of_channel(receiver<int> from) {
  while (auto v = co_await from.async_recv()) co_yield *v;
}
async_generator<int> doubled(async_generator<int> numbers) {
  while (auto v = co_await numbers.next()) co_yield 2 * *v;
}
task<int> sum(async_generator<int> numbers) {
  int total = 0;
  while (auto v = co_await numbers.next()) total += *v;
  const auto again = co_await numbers.next();
  EXPECT_FALSE(again.has_value());
  co_return total;
}

} // namespace

TEST(async_generator, waits_between_its_values) {
  run([] {
    chan<int> c;
    auto handle = spawn(sum(doubled(of_channel(c))));
    for (int i = 1; i <= 10; ++i) c.send(i);
    c.close();
    EXPECT_EQ(handle.join(), 110);
  });
}

TEST(async_generator, a_fiber_iterates_over_it) {
  run([] {
    chan<int> c;
    go([=] {
      for (int i = 0; i < 5; ++i) c.send(i);
      c.close();
    });
    std::vector<int> seen;
    for (int v : of_channel(c)) seen.push_back(v);
    EXPECT_EQ(seen, (std::vector{0, 1, 2, 3, 4}));
  });
}

TEST(async_generator, ends_where_it_stands) {
  run([] {
    auto alive = std::make_shared<int>(0);
    {
      auto g = [](std::shared_ptr<int>) -> async_generator<int> {
        for (int i = 0;; ++i) co_yield i;
      }(alive);
      EXPECT_EQ(*await(g.next()), 0);
      EXPECT_EQ(*await(g.next()), 1);
      EXPECT_EQ(alive.use_count(), 2);
    }
    EXPECT_EQ(alive.use_count(), 1);
  });
}

TEST(async_generator, throws_from_next_and_has_ended_then) {
  run([] {
    auto g = []() -> async_generator<int> {
      co_yield 1;
      throw std::runtime_error("second");
    }();
    EXPECT_EQ(await(g.next()), 1);
    EXPECT_THROW(await(g.next()), std::runtime_error);
    EXPECT_EQ(await(g.next()), std::nullopt);
  });
}

TEST(async_generator, a_stop_request_comes_out_of_next) {
  run([] {
    chan<int> never;
    auto handle = spawn(sum(of_channel(never)));
    this_fiber::yield();
    handle.request_stop();
    EXPECT_THROW(handle.join(), cancelled);
  });
}

TEST(async_generator, a_long_sequence_needs_no_stack) {
  run([] {
    auto numbers = [](int n) -> async_generator<int> {
      for (int i = 0; i < n; ++i) co_yield 1;
    };
    EXPECT_EQ(await(sum(doubled(numbers(300'000)))), 600'000);
  });
}

} // namespace thrum
