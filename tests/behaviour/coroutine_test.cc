// Coroutines beside fibers and threads: they wait on the same things, in both directions, and nothing is lost between them.
#include "support/ledger.h"
#include "support/on_processors.h"
#include "support/scale.h"

#include <thrum/async_generator.h>
#include <thrum/future.h>
#include <thrum/strand.h>
#include <thrum/task.h>
#include <thrum/task_group.h>
#include <thrum/thread_pool.h>
#include <thrum/thrum.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::times;
using thrum::chan;
using thrum::fiber;
using thrum::spawn;
using thrum::task;

class coroutines : public test::on_processors {};

task<> receive_all(thrum::receiver<int> from, std::vector<std::atomic<int>>& seen) {
  while (auto v = co_await from.async_recv()) ++seen[static_cast<std::size_t>(*v)];
}
task<> select_all(thrum::receiver<int> a, thrum::receiver<int> b, std::vector<std::atomic<int>>& seen) {
  std::optional<int> got;
  while (a || b) {
    const std::size_t which = co_await thrum::async_select(thrum::recv(a, got), thrum::recv(b, got));
    if (got)
      ++seen[static_cast<std::size_t>(*got)];
    else
      (which == 0 ? a : b) = chan<int>(nullptr);
  }
}
task<> send_range(thrum::sender<int> to, int from, int until) {
  for (int i = from; i < until; ++i) co_await to.async_send(i);
}

// What qsort of C calls: it cannot be a coroutine, and sleeps all the same.
int compare_slowly(const void* a, const void* b) {
  thrum::this_fiber::sleep_for(1us);
  return *static_cast<const int*>(a) - *static_cast<const int*>(b);
}
void sort_slowly(std::vector<int>& numbers) { // called by fibers and coroutines alike
  std::qsort(numbers.data(), numbers.size(), sizeof(int), &compare_slowly);
}

} // namespace

// Fibers, threads and coroutines send and receive, plainly and in selects.
TEST_P(coroutines, every_value_arrives_once_among_fibers_threads_and_coroutines) {
  const int n = static_cast<int>(times(2000));
  std::vector<std::atomic<int>> seen(static_cast<std::size_t>(6 * n));
  run([&] {
    const chan<int> a;
    const chan<int> b(3);
    std::vector<fiber<>> senders;
    std::vector<fiber<>> receivers;
    for (int i = 0; i < 4; ++i) {
      receivers.push_back(spawn(select_all(a, b, seen)));
      receivers.push_back(spawn(receive_all(i % 2 == 0 ? a : b, seen)));
      receivers.push_back(spawn([&, c = i % 2 == 0 ? a : b] {
        for (int v : c) ++seen[static_cast<std::size_t>(v)];
      }));
    }
    for (int i = 0; i < 4; ++i) senders.push_back(spawn(send_range(i % 2 == 0 ? a : b, i * n, (i + 1) * n)));
    senders.push_back(spawn([&] {
      for (int i = 4 * n; i < 5 * n; ++i) thrum::select(thrum::send(a, i), thrum::send(b, i));
    }));
    std::thread outside([&] {
      for (int i = 5 * n; i < 6 * n; ++i) a.send(i);
    });
    for (auto& s : senders) s.join();
    thrum::blocking([&] { outside.join(); });
    a.close();
    b.close();
    for (auto& r : receivers) r.join();
  });
  for (auto& count : seen) EXPECT_EQ(count, 1);
}

TEST_P(coroutines, fibers_wait_for_coroutines_that_wait_for_fibers) {
  run([] {
    std::function<task<int>(int)> deep = [&](int depth) -> task<int> {
      if (depth == 0) co_return 1;
      auto f = spawn([&deep, depth] { return thrum::await(deep(depth - 1)); }); // a fiber
      const int below = co_await f.async_join();
      co_return 1 + below;
    };
    EXPECT_EQ(thrum::await(deep(50)), 51);
  });
}

TEST_P(coroutines, one_that_blocks_parks_its_runner_only) {
  run([] {
    const chan<int> c;
    const chan<int> d;
    thrum::mutex m;
    std::vector<fiber<int>> all;
    m.lock();
    auto blocks = [&](chan<int> from, chan<int> to) -> task<int> {
      co_await thrum::async_sleep_for(1us);
      const std::lock_guard lock(m);
      to.send(1);
      co_return from.recv().value();
    };
    for (int i = 0; i < 10; ++i) all.push_back(spawn(std::ref(blocks), c, d));
    m.unlock();
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ(d.recv(), 1);
      c.send(i);
    }
    int sum = 0;
    for (auto& f : all) sum += f.join();
    EXPECT_EQ(sum, 45);
  });
}

TEST_P(coroutines, a_comparator_of_qsort_sleeps_in_fibers_and_coroutines) {
  run([] {
    auto numbers = [] {
      std::vector<int> v(60);
      for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<int>(i * 37 % 60);
      return v;
    };
    std::vector<int> sorted(60);
    std::iota(sorted.begin(), sorted.end(), 0);
    auto in_coroutine = [](std::vector<int> v) -> task<std::vector<int>> {
      co_await thrum::async_sleep_for(1us);
      sort_slowly(v);
      co_await thrum::async_sleep_for(1us);
      co_return v;
    };
    auto a = spawn([&] {
      auto v = numbers();
      sort_slowly(v);
      return v;
    });
    auto b = spawn(in_coroutine(numbers()));
    EXPECT_EQ(a.join(), sorted);
    EXPECT_EQ(b.join(), sorted);
  });
}

// Each value is received, or still with its sender; a request in between loses none.
TEST_P(coroutines, a_request_loses_no_value) {
  const std::size_t n = times(2000);
  test::ledger all(n);
  std::atomic<std::size_t> sent{0};
  std::atomic<std::size_t> received{0};
  run([&] {
    for (std::size_t i = 0; i < n; ++i) {
      const chan<test::token> c;
      auto sends = [](chan<test::token> to, test::token t, std::atomic<std::size_t>& count) -> task<> {
        co_await to.async_send(std::move(t));
        ++count;
      };
      auto receives = [](chan<test::token> from, std::atomic<std::size_t>& count) -> task<> {
        std::optional<test::token> got;
        const std::size_t which = co_await thrum::async_select(thrum::recv(from, got), thrum::after(10s));
        if (which == 0 && got && got->is_worth_something()) ++count;
      };
      auto s = spawn(sends(c, test::token(all, i), sent));
      auto r = spawn(receives(c, received));
      if (i % 3 != 0) thrum::this_fiber::yield();
      if (i % 2 == 0) s.request_stop();
      r.request_stop();
      s.request_stop();
      for (fiber<>* f : {&s, &r}) try {
          f->join();
        } catch (const thrum::cancelled&) {}
    }
  });
  EXPECT_EQ(sent, received);
  EXPECT_TRUE(all.every_token_was_destroyed_once());
}

// The deadline, the value and the request come at the same time.
TEST_P(coroutines, a_wait_with_a_deadline_ends_once) {
  run([] {
    const std::size_t n = times(1000);
    std::size_t got = 0;
    std::size_t left = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const chan<int> c(1);
      auto waits = [](chan<int> from) -> task<std::size_t> {
        std::optional<int> value;
        co_return co_await thrum::async_select(thrum::recv(from, value), thrum::after(5us), thrum::stopped());
      };
      auto handle = spawn(waits(c));
      thrum::this_fiber::yield();
      if (i % 2 == 0) c.send(1);
      if (i % 3 == 0) handle.request_stop();
      const std::size_t which = handle.join();
      got += which == 0;
      left += c.size();
    }
    EXPECT_EQ(got + left, (n + 1) / 2);
  });
}

TEST_P(coroutines, sleepers_are_stopped_or_wake_in_time) {
  run([] {
    const std::size_t n = times(1000);
    std::atomic<std::size_t> woke{0};
    std::atomic<std::size_t> stopped{0};
    std::vector<fiber<>> all;
    auto sleeps = [](std::chrono::microseconds d, std::atomic<std::size_t>& w,
                     std::atomic<std::size_t>& s) -> task<> {
      const auto start = std::chrono::steady_clock::now();
      try {
        co_await thrum::async_sleep_for(d);
      } catch (const thrum::cancelled&) {
        ++s;
        throw;
      }
      if (std::chrono::steady_clock::now() - start >= d) ++w;
    };
    for (std::size_t i = 0; i < n; ++i)
      all.push_back(spawn(sleeps(std::chrono::microseconds(i % 100), woke, stopped)));
    for (std::size_t i = 0; i < n; i += 2) all[i].request_stop();
    for (auto& f : all) try {
        f.join();
      } catch (const thrum::cancelled&) {}
    EXPECT_EQ(woke + stopped, n);
  });
}

TEST_P(coroutines, the_end_of_a_runtime_stops_all_that_wait) {
  const std::size_t n = times(3000);
  std::atomic<std::size_t> ended{0};
  run([&] {
    auto waits = [](std::atomic<std::size_t>& count) -> task<> {
      struct counts {
        std::atomic<std::size_t>& c;
        ~counts() { ++c; }
      } at_the_end{count};
      const chan<int> never;
      co_await never.async_recv();
    };
    for (std::size_t i = 0; i < n; ++i) thrum::go(waits(ended));
  });
  EXPECT_EQ(ended, n);
}

TEST_P(coroutines, are_cancelled_while_they_are_started_and_end) {
  run([] {
    const std::size_t n = times(2000);
    std::size_t done = 0;
    std::size_t stopped = 0;
    for (std::size_t i = 0; i < n; ++i) {
      auto brief = []() -> task<> { co_await thrum::async_sleep_for(std::chrono::nanoseconds(1)); };
      auto handle = spawn(brief());
      auto asks = spawn([&] { handle.request_stop(); });
      asks.join();
      try {
        handle.join();
        ++done;
      } catch (const thrum::cancelled&) { ++stopped; }
    }
    EXPECT_EQ(done + stopped, n);
  });
}

// Between two awaits nobody else of the strand runs: the number needs no lock.
TEST_P(coroutines, of_a_strand_take_turns) {
  run([] {
    const int n = static_cast<int>(times(200));
    thrum::strand turns;
    long number = 0;
    auto counts = [](long& c, int rounds) -> task<> {
      for (int i = 0; i < rounds; ++i) {
        const long before = c;
        for (int spin = 0; spin < 20; ++spin) std::atomic_signal_fence(std::memory_order_seq_cst);
        c = before + 1;
        co_await thrum::async_sleep_for(std::chrono::nanoseconds(1));
      }
    };
    std::vector<fiber<>> all;
    for (int i = 0; i < 8; ++i)
      all.push_back(turns.spawn([&number, n, counts]() -> task<> { co_await counts(number, n); }));
    for (auto& f : all) f.join();
    EXPECT_EQ(number, 8L * n);
  });
}

TEST_P(coroutines, of_a_thread_pool_that_is_shut_down_end) {
  const chan<int> c;
  std::atomic<int> begun{0};
  std::atomic<int> ended{0};
  run([&] {
    thrum::thread_pool pool({.threads = 2});
    auto waits = [&]() -> task<> {
      struct counts {
        std::atomic<int>& n;
        ~counts() { ++n; }
      } at_the_end{ended};
      ++begun;
      co_await c.async_recv();
      co_await c.async_recv();
    };
    std::vector<fiber<>> all;
    for (int i = 0; i < 10; ++i) all.push_back(pool.spawn(waits));
    for (int i = 0; i < 5; ++i) c.send(i);
    pool.shutdown_now();
    c.close();
    for (auto& f : all) try {
        f.join();
      } catch (const thrum::cancelled&) { // dropped where it waited
      } catch (const thrum::rejected&) {} // or before it began
  });
  EXPECT_EQ(ended, begun);
}

TEST_P(coroutines, are_awaited_by_the_only_thread_of_a_pool) {
  run([] {
    thrum::thread_pool pool({.threads = 1});
    auto sleeps = []() -> task<int> {
      co_await thrum::async_sleep_for(1us);
      co_return 3;
    };
    EXPECT_EQ(pool.spawn([&] { return thrum::await(sleeps()); }).join(), 3);
  });
}

TEST_P(coroutines, wait_for_futures) {
  run([] {
    thrum::promise<int> p;
    auto f = p.get_future();
    auto waits = [](thrum::future<int> from) -> task<int> {
      const std::size_t which = co_await thrum::async_select(thrum::ready(from), thrum::after(10s));
      EXPECT_EQ(which, 0u);
      co_return from.get();
    };
    auto handle = spawn(waits(std::move(f)));
    thrum::this_fiber::yield();
    p.set_value(7);
    EXPECT_EQ(handle.join(), 7);
  });
}

TEST_P(coroutines, many_are_parked_at_a_time) {
  run([] {
    const std::size_t n = times(20'000);
    const chan<int> c;
    auto waits = [](chan<int> from) -> task<int> { co_return (co_await from.async_recv()).value_or(1); };
    std::vector<fiber<int>> all;
    for (std::size_t i = 0; i < n; ++i) all.push_back(spawn(waits(c)));
    for (int i = 0; i < 10; ++i) thrum::this_fiber::yield();
    c.close();
    std::size_t sum = 0;
    for (auto& f : all) sum += static_cast<std::size_t>(f.join());
    EXPECT_EQ(sum, n);
  });
}

THRUM_ON_PROCESSORS(coroutines);
