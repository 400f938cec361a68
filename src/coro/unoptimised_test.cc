// Long and deep chains, compiled without optimisation whatever the rest is compiled with (CMakeLists.txt): where symmetric transfer
// needs a frame of the stack for each step, these overflow it.
#include <thrum/async_generator.h>
#include <thrum/task.h>
#include <thrum/thrum.h>

#include <gtest/gtest.h>

namespace thrum {

namespace {

task<int> give(int n) { co_return n; }
task<long> sum_of_ready_tasks(int n) {
  long sum = 0;
  for (int i = 0; i < n; ++i) sum += co_await give(i & 1);
  co_return sum;
}
task<int> nest(int depth) {
  if (depth == 0) co_return 0;
  co_return 1 + co_await nest(depth - 1);
}
task<long> sum_of_ready_values(int n) {
  const chan<int> c(1);
  long sum = 0;
  for (int i = 0; i < n; ++i) {
    co_await c.async_send(i & 1);
    sum += (co_await c.async_recv()).value();
  }
  co_return sum;
}
async_generator<int> numbers(int n) {
  for (int i = 0; i < n; ++i) co_yield i & 1;
}
task<long> sum_of_numbers(async_generator<int> all) {
  long sum = 0;
  while (auto v = co_await all.next()) sum += *v;
  co_return sum;
}

constexpr int million = 1'000'000;

} // namespace

TEST(unoptimised, a_million_ready_awaits_need_no_stack) {
  run([] {
    EXPECT_EQ(await(sum_of_ready_tasks(million)), million / 2);
    EXPECT_EQ(await(sum_of_ready_values(million)), million / 2);
    EXPECT_EQ(await(sum_of_numbers(numbers(million))), million / 2);
  });
}

TEST(unoptimised, a_recursion_of_a_hundred_thousand_needs_no_stack) {
  run([] { EXPECT_EQ(spawn(nest(100'000)).join(), 100'000); });
}

} // namespace thrum
