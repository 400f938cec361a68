#include <thrum/thrum.h>

#include <thrum/task.h>

#include <array>
#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace thrum {

namespace {

using namespace std::chrono_literals;

task<int> give(int n) { co_return n; }
task<int> add(int a, int b) { co_return co_await give(a) + co_await give(b); }
task<int> fail() {
  throw std::runtime_error("failed");
  co_return 0;
}

} // namespace

static_assert(!std::copy_constructible<task<int>>);

TEST(task, runs_inline_if_nothing_has_to_wait) {
  run([] {
    const auto here = this_fiber::id();
    EXPECT_EQ(await(add(1, 2)), 3);
    auto where = []() -> task<std::uint64_t> { co_return this_fiber::id(); };
    EXPECT_EQ(await(where()), here);
  });
}

TEST(task, works_on_a_plain_thread) { EXPECT_EQ(await(add(1, 2)), 3); }

TEST(task, is_lazy_and_ends_unstarted_without_running) {
  bool ran = false;
  auto parameter = std::make_shared<int>(1);
  {
    auto t = [](bool& flag, std::shared_ptr<int>) -> task<> {
      flag = true;
      co_return;
    }(ran, parameter);
    EXPECT_EQ(parameter.use_count(), 2);
  }
  EXPECT_FALSE(ran);
  EXPECT_EQ(parameter.use_count(), 1);
}

TEST(task, passes_exceptions_through_await_and_join) {
  run([] {
    EXPECT_THROW(await(fail()), std::runtime_error);
    EXPECT_THROW(spawn(fail()).join(), std::runtime_error);
    auto outer = []() -> task<int> {
      bool caught = false;
      try {
        co_await fail();
      } catch (const std::runtime_error&) { caught = true; }
      co_return caught ? 1 : 0;
    };
    EXPECT_EQ(await(outer()), 1);
  });
}

TEST(task, returns_what_can_only_be_moved_and_references) {
  run([] {
    auto unique = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
    EXPECT_EQ(*await(unique()), 7);
    EXPECT_EQ(*spawn(unique()).join(), 7);
    int n = 1;
    auto refer = [](int& to) -> task<int&> { co_return to; };
    await(refer(n)) = 2;
    EXPECT_EQ(n, 2);
    spawn(refer(n)).join() = 3;
    EXPECT_EQ(n, 3);
  });
}

TEST(task, waits_for_a_channel) {
  run([] {
    chan<int> c;
    auto sum = [](receiver<int> from) -> task<int> {
      int total = 0;
      while (auto n = co_await from.async_recv()) total += *n;
      co_return total;
    };
    auto handle = spawn(sum(c));
    for (int i = 1; i <= 100; ++i) c.send(i);
    c.close();
    EXPECT_EQ(handle.join(), 5050);
  });
}

TEST(task, a_fiber_parks_for_one_that_waits) {
  run([] {
    chan<int> c;
    auto receive = [](receiver<int> from) -> task<int> { co_return (co_await from.async_recv()).value(); };
    go([=] { c.send(42); });
    EXPECT_EQ(await(receive(c)), 42);
  });
}

TEST(task, sends_sleeps_joins_and_selects) {
  run([] {
    auto all = [](chan<int> c) -> task<int> {
      co_await c.async_send(1);
      const auto before = std::chrono::steady_clock::now();
      co_await async_sleep_for(2ms);
      EXPECT_GE(std::chrono::steady_clock::now() - before, 2ms);
      auto f = spawn([] {
        this_fiber::sleep_for(1ms);
        return 5;
      });
      const int joined = co_await f.async_join();
      std::optional<int> got;
      const std::size_t first = co_await async_select(recv(c, got), after(1ms));
      EXPECT_EQ(first, 1u);
      go([=] { c.send(9); });
      const std::size_t second = co_await async_select(recv(c, got), after(10s));
      EXPECT_EQ(second, 0u);
      co_return joined + *got;
    };
    chan<int> c;
    auto handle = spawn(all(c));
    EXPECT_EQ(c.recv(), 1);
    EXPECT_EQ(handle.join(), 14);
  });
}

TEST(task, operations_wait_in_fibers_and_threads_too) {
  chan<int> c(1);
  await(c.async_send(3));
  EXPECT_EQ(c.async_recv().wait(), 3);
  run([&] {
    await(async_sleep_for(1ms));
    go([=] { c.send(4); });
    EXPECT_EQ(await(c.async_recv()), 4);
    std::optional<int> got;
    EXPECT_EQ(await(async_select(recv(c, got), after(0ms))), 1u);
  });
}

TEST(task, a_coroutine_may_block_and_others_go_on) {
  run(
      [] {
        chan<int> c;
        chan<int> done;
        auto blocks = [](chan<int> from, chan<int> to) -> task<> {
          co_await async_sleep_for(1us);
          to.send(from.recv().value()); // plain verbs: the runner parks
        };
        go(blocks(c, done));
        go(blocks(c, done));
        auto feeds = [](chan<int> to) -> task<> {
          co_await to.async_send(1);
          co_await to.async_send(2);
        };
        go(feeds(c));
        EXPECT_EQ(done.recv().value() + done.recv().value(), 3);
      },
      {.processors = 1});
}

TEST(task, a_loop_over_ready_tasks_needs_no_stack) {
  run([] {
    auto loop = [](int n) -> task<long> {
      long sum = 0;
      for (int i = 0; i < n; ++i) sum += co_await give(i & 1);
      co_return sum;
    };
    EXPECT_EQ(await(loop(1'000'000)), 500'000);
  });
}

namespace {
task<int> nest(int depth) {
  if (depth == 0) co_return 0;
  co_return 1 + co_await nest(depth - 1);
}
} // namespace

TEST(task, a_deep_recursion_needs_no_stack) {
  run([] { EXPECT_EQ(await(nest(200'000)), 200'000); });
}

TEST(task, spawn_keeps_a_lambda_with_captures) {
  run([] {
    chan<int> c;
    auto kept = std::make_shared<std::string>("a string that is too long for the small buffer");
    std::weak_ptr<std::string> watched = kept;
    auto handle = spawn([c, s = std::move(kept)]() -> task<std::size_t> {
      co_await c.async_recv();
      co_return s->size();
    });
    EXPECT_FALSE(watched.expired());
    c.send(1);
    EXPECT_EQ(handle.join(), 46u);
    EXPECT_TRUE(watched.expired());
  });
}

TEST(task, spawn_takes_arguments_and_runtimes_start_tasks) {
  auto sum = [](int a, int b) -> task<int> { co_return a + b; };
  EXPECT_EQ(run([] { return add(3, 4); }), 7);
  run([&] { EXPECT_EQ(spawn(sum, 1, 2).join(), 3); });
  runtime other;
  EXPECT_EQ(other.spawn(sum, 5, 6).join(), 11);
}

TEST(task, a_request_ends_the_present_wait_and_all_later_ones) {
  run([] {
    chan<int> never;
    auto waits = [](chan<int> c, int& seen) -> task<> {
      for (int i = 0; i < 3; ++i) {
        try {
          co_await c.async_recv();
        } catch (const cancelled& e) { seen += e.reason() == cancel_reason::user; }
      }
      try {
        static_cast<void>(c.recv()); // on the runner
      } catch (const cancelled&) { ++seen; }
      co_await c.async_recv();
      ADD_FAILURE() << "goes on";
    };
    int seen = 0;
    auto handle = spawn(waits(never, seen));
    this_fiber::yield();
    EXPECT_TRUE(handle.request_stop());
    EXPECT_FALSE(handle.request_stop());
    EXPECT_THROW(handle.join(), cancelled);
    EXPECT_EQ(seen, 4);
  });
}

TEST(task, a_request_reaches_a_coroutine_that_blocks) {
  run([] {
    chan<int> never, blocked(1);
    auto blocks = [](chan<int> c, chan<int> says) -> task<> {
      co_await async_sleep_for(1us);
      says.send(1);
      static_cast<void>(c.recv());
    };
    auto handle = spawn(blocks(never, blocked));
    static_cast<void>(blocked.recv());
    handle.request_stop();
    EXPECT_THROW(handle.join(), cancelled);
  });
}

TEST(task, a_stop_of_the_fiber_that_awaits_stops_the_task) {
  run([] {
    chan<int> never;
    auto waits = [](chan<int> c) -> task<> { co_await c.async_recv(); };
    auto f = spawn([&] { await(waits(never)); });
    this_fiber::yield();
    f.request_stop();
    EXPECT_THROW(f.join(), cancelled);
    EXPECT_THROW(with_timeout(1ms, [&] { await(waits(never)); }), timed_out);
  });
}

TEST(task, the_end_of_a_runtime_stops_coroutines) {
  std::atomic<int> stopped{0};
  run([&] {
    auto waits = [](std::atomic<int>& n) -> task<> {
      chan<int> never;
      try {
        co_await never.async_recv();
      } catch (const cancelled& e) {
        if (e.reason() == cancel_reason::shutdown) ++n;
        throw;
      }
    };
    auto sleeps = [](std::atomic<int>& n) -> task<> {
      try {
        co_await async_sleep_for(1h);
      } catch (const cancelled&) {
        ++n;
        throw;
      }
    };
    for (int i = 0; i < 100; ++i) go(waits(stopped));
    for (int i = 0; i < 100; ++i) go(sleeps(stopped));
    for (int i = 0; i < 200; ++i) this_fiber::yield();
  });
  EXPECT_EQ(stopped, 200);
}

TEST(task, a_nil_channel_is_waited_for_until_a_request) {
  run([] {
    auto waits = []() -> task<> {
      chan<int> nil(nullptr);
      co_await nil.async_recv();
    };
    auto handle = spawn(waits());
    this_fiber::yield();
    handle.request_stop();
    EXPECT_THROW(handle.join(), cancelled);
  });
}

TEST(task, scoped_values_are_inherited_and_kept_over_waits) {
  static scoped<int> depth;
  run([] {
    chan<int> c;
    auto looks = [](chan<int> from) -> task<int> {
      const int inherited = depth.get();
      const scoped<int>::binding deeper(depth, inherited + 1);
      co_await from.async_recv();
      const int kept = depth.get();
      co_return inherited * 100 + kept;
    };
    fiber<int> handle;
    depth.bind(1, [&] { handle = spawn(looks(c)); });
    c.send(0);
    EXPECT_EQ(handle.join(), 102);
    EXPECT_FALSE(depth.is_bound());
    depth.bind(5, [&] {
      go([=] { c.send(0); });
      EXPECT_EQ(await(looks(c)), 506);
      EXPECT_EQ(depth.get(), 5);
    });
  });
}

TEST(task, go_hands_failures_to_the_handler) {
  std::atomic<int> unhandled{0};
  run(
      [] {
        auto fails = []() -> task<> {
          co_await async_sleep_for(1us);
          throw std::runtime_error("lost");
        };
        go(fails());
        this_fiber::sleep_for(1ms);
      },
      {.on_unhandled = [&](std::exception_ptr) { ++unhandled; }});
  EXPECT_EQ(unhandled, 1);
}

TEST(task, a_send_on_a_closed_channel_throws) {
  run([] {
    chan<int> c;
    auto sends = [](chan<int> to) -> task<> { co_await to.async_send(1); };
    auto early = spawn(sends(c));
    this_fiber::yield();
    c.close();
    EXPECT_THROW(early.join(), channel_closed);
    EXPECT_THROW(await(sends(c)), channel_closed);
  });
}

TEST(task, handles_are_selected_and_joined_by_coroutines) {
  run([] {
    auto f = spawn(add(1, 1));
    const std::size_t which = select(ended(f), after(10s));
    EXPECT_EQ(which, 0u);
    auto joins = [](fiber<int> h) -> task<int> { co_return co_await h.async_join() + 1; };
    EXPECT_EQ(await(joins(std::move(f))), 3);
    auto detached = spawn(add(1, 1));
    detached.detach();
  });
}

TEST(coroutine_sizes, one_that_was_started_takes_128_bytes_beside_its_frame) {
  const int captured = 1;
  const auto f = [captured]() -> task<> { co_await async_sleep_for(std::chrono::milliseconds(captured)); };
  EXPECT_LE(sizeof(detail::detached_coroutine<void, detail::made_task<void>>), 128u);
  EXPECT_LE(sizeof(detail::detached_coroutine<void, std::remove_const_t<decltype(f)>>), 128u);
}

// What goes on with a coroutine is found by its distance from it.
TEST(coroutine_sizes, a_large_result_and_large_captures_may_stand_in_between) {
  run([] {
    std::array<int, 1'000> numbers{};
    numbers[999] = 7;
    chan<int> c;
    auto f = spawn([numbers, c]() -> task<std::array<int, 2'000>> {
      std::array<int, 2'000> result{};
      result[1'999] = numbers[999] + *co_await c.async_recv();
      co_return result;
    });
    c.send(1);
    EXPECT_EQ(f.join()[1'999], 8);
    go([numbers, c]() -> task<> { co_await c.async_send(numbers[999] + *co_await c.async_recv()); });
    c.send(2);
    EXPECT_EQ(c.recv(), 9);
  });
}

} // namespace thrum
