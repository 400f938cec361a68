// What coroutines cost. Guards against regressions; claims are measured by the harness.
#include <thrum/async_generator.h>
#include <thrum/generator.h>
#include <thrum/task.h>
#include <thrum/thrum.h>

#include <benchmark/benchmark.h>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace {

using namespace thrum;

// Runs the loop of a benchmark in a fiber of a runtime with one processor.
template <class F> void in_fiber(benchmark::State& state, F f) {
  run([&] { f(state); }, {.processors = 1});
}

generator<long> count() {
  for (long i = 0;; ++i) co_yield i;
}
task<int> give(int n) { co_return n; }
async_generator<int> async_count() {
  for (int i = 0;; ++i) co_yield i;
}

void generator_value(benchmark::State& state) {
  auto g = count();
  auto i = g.begin();
  for (auto _ : state) {
    benchmark::DoNotOptimize(*i);
    ++i;
  }
}
BENCHMARK(generator_value);

void generator_made_and_ended(benchmark::State& state) {
  in_fiber(state, [](benchmark::State& s) {
    for (auto _ : s) {
      auto g = count();
      benchmark::DoNotOptimize(*g.begin());
    }
  });
}
BENCHMARK(generator_made_and_ended);

void await_a_ready_task_in_a_task(benchmark::State& state) {
  in_fiber(state, [](benchmark::State& s) {
    auto loop = [](benchmark::State& st) -> task<> {
      for (auto _ : st) benchmark::DoNotOptimize(co_await give(1));
    };
    await(loop(s));
  });
}
BENCHMARK(await_a_ready_task_in_a_task);

void await_a_ready_task_in_a_fiber(benchmark::State& state) {
  in_fiber(state, [](benchmark::State& s) {
    for (auto _ : s) benchmark::DoNotOptimize(await(give(1)));
  });
}
BENCHMARK(await_a_ready_task_in_a_fiber);

void spawn_and_join_a_ready_task(benchmark::State& state) {
  in_fiber(state, [](benchmark::State& s) {
    for (auto _ : s) benchmark::DoNotOptimize(spawn(give(1)).join());
  });
}
BENCHMARK(spawn_and_join_a_ready_task);

void next_of_an_async_generator(benchmark::State& state) {
  in_fiber(state, [](benchmark::State& s) {
    auto loop = [](benchmark::State& st) -> task<> {
      auto g = async_count();
      for (auto _ : st) benchmark::DoNotOptimize(co_await g.next());
    };
    await(loop(s));
  });
}
BENCHMARK(next_of_an_async_generator);

void a_ready_channel(benchmark::State& state) {
  in_fiber(state, [](benchmark::State& s) {
    auto loop = [](benchmark::State& st) -> task<> {
      chan<int> c(1);
      for (auto _ : st) {
        co_await c.async_send(1);
        benchmark::DoNotOptimize(co_await c.async_recv());
      }
    };
    await(loop(s));
  });
}
BENCHMARK(a_ready_channel);

// One round trip over two unbuffered channels, as in X4: four waits.
void pingpong_of_coroutines(benchmark::State& state) {
  in_fiber(state, [](benchmark::State& s) {
    chan<int> ping, pong;
    auto answers = [](chan<int> from, chan<int> to) -> task<> {
      while (auto v = co_await from.async_recv()) co_await to.async_send(*v);
    };
    auto asks = [](chan<int> to, chan<int> from, benchmark::State& st) -> task<> {
      for (auto _ : st) {
        co_await to.async_send(1);
        benchmark::DoNotOptimize(co_await from.async_recv());
      }
      to.close();
    };
    go(answers(ping, pong));
    spawn(asks(ping, pong, s)).join();
  });
}
BENCHMARK(pingpong_of_coroutines);

// As pingpong_of_coroutines, for comparison.
void pingpong_of_fibers(benchmark::State& state) {
  in_fiber(state, [](benchmark::State& s) {
    chan<int> ping, pong;
    go([=] {
      for (int v : ping) pong.send(v);
    });
    for (auto _ : s) {
      ping.send(1);
      benchmark::DoNotOptimize(pong.recv());
    }
    ping.close();
  });
}
BENCHMARK(pingpong_of_fibers);

long resident_kib() {
  std::ifstream status("/proc/self/status");
  long sum = 0;
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:") || line.starts_with("VmPTE:")) sum += std::stol(line.substr(6));
  return sum;
}

long begun = 0; // one processor counts

// Bytes that one parked coroutine takes, resident and page tables.
template <class Start> void parked(benchmark::State& state, Start start) {
  in_fiber(state, [&](benchmark::State& s) {
    constexpr long n = 200'000;
    for (auto _ : s) {
      chan<int> never;
      begun = 0;
      const long before = resident_kib();
      for (long i = 0; i < n; ++i) start(never);
      while (begun != n) this_fiber::yield();
      s.counters["bytes"] = static_cast<double>(resident_kib() - before) * 1024 / n;
      never.close();
    }
  });
}
void parked_at_a_channel(benchmark::State& state) {
  parked(state, [](chan<int>& c) {
    go([](chan<int> from) -> task<> {
      ++begun;
      co_await from.async_recv();
    }(c));
  });
}
BENCHMARK(parked_at_a_channel)->Iterations(1);
void parked_in_a_sleep(benchmark::State& state) {
  parked(state, [](chan<int>&) {
    go([]() -> task<> {
      ++begun;
      co_await async_sleep_for(std::chrono::seconds(2));
    }());
  });
}
BENCHMARK(parked_in_a_sleep)->Iterations(1);
void parked_fibers(benchmark::State& state) {
  parked(state, [](chan<int>& c) {
    go([c] {
      ++begun;
      static_cast<void>(c.recv());
    });
  });
}
BENCHMARK(parked_fibers)->Iterations(1);

} // namespace

BENCHMARK_MAIN();
