// What the executors cost, and from which size of work on it pays to give it away: the same jobs, 64 at a time, done one after the
// other where they come up, as a fiber each, as work of a thread_pool, and, for an event loop, by fibers whose results come back to it
// as callbacks. The time is for one job. docs/which-executor.md says what came out.
//
// The CPU time is that of the process, so what giving away costs is the difference of two; on n free CPUs it pays from (that cost) /
// (n - 1) on, for work that comes in numbers. The wall time says the same, where two CPUs are free.
#include <thrum/event_loop.h>
#include <thrum/future.h>
#include <thrum/process.h>
#include <thrum/strand.h>
#include <thrum/thread_pool.h>
#include <thrum/thrum.h>

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <vector>

namespace thrum {
namespace {

constexpr int jobs = 64;

std::uint64_t turn(std::uint64_t x, std::int64_t turns) {
  for (; turns > 0; --turns) x = x * 6364136223846793005u + 1442695040888963407u;
  return x;
}

// How many turns a microsecond has here, measured once: the fastest of several tries.
double turns_a_microsecond() {
  static const double found = [] {
    constexpr std::int64_t many = 1'000'000;
    double best = 1e9;
    for (int i = 0; i < 10; ++i) {
      const auto began = std::chrono::steady_clock::now();
      benchmark::DoNotOptimize(turn(static_cast<std::uint64_t>(i), many));
      const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - began;
      best = took.count() < best ? took.count() : best;
    }
    return many / best;
  }();
  return found;
}

// A job of as many nanoseconds as the benchmark's argument says.
class job {
public:
  explicit job(const benchmark::State& s)
      : turns_(static_cast<std::int64_t>(turns_a_microsecond() * static_cast<double>(s.range(0)) / 1000)) {}
  std::uint64_t operator()() const { return turn(1, turns_); }

private:
  std::int64_t turns_;
};

// ---- the same work, here and away

template <class F> void in_two_processors(benchmark::State& s, F f) {
  run([&] { f(); }, {.processors = 2});
  s.SetItemsProcessed(s.iterations() * jobs);
}

void here(benchmark::State& s) {
  const job work(s);
  in_two_processors(s, [&] {
    for (auto _ : s)
      for (int i = 0; i < jobs; ++i) benchmark::DoNotOptimize(work());
  });
}
void a_fiber_each(benchmark::State& s) {
  const job work(s);
  in_two_processors(s, [&] {
    for (auto _ : s) {
      std::vector<fiber<std::uint64_t>> all;
      all.reserve(jobs);
      for (int i = 0; i < jobs; ++i) all.push_back(spawn(work));
      for (auto& f : all) benchmark::DoNotOptimize(f.join());
    }
  });
}
void in_a_pool(benchmark::State& s) {
  const job work(s);
  thread_pool pool({.threads = 2});
  in_two_processors(s, [&] {
    for (auto _ : s) {
      std::vector<fiber<std::uint64_t>> all;
      all.reserve(jobs);
      for (int i = 0; i < jobs; ++i) all.push_back(pool.spawn(work));
      for (auto& f : all) benchmark::DoNotOptimize(f.join());
    }
  });
}
// On the loop: how long it is kept by a job. Given away: by a job that is given away and whose result comes back as a callback.
void on_a_loop(benchmark::State& s) {
  const job work(s);
  event_loop loop;
  for (auto _ : s)
    loop.run([&] {
      for (int i = 0; i < jobs; ++i) loop.set_immediate([&work] { benchmark::DoNotOptimize(work()); });
    });
  s.SetItemsProcessed(s.iterations() * jobs);
}
void away_from_a_loop(benchmark::State& s) {
  const job work(s);
  event_loop loop;
  for (auto _ : s)
    loop.run([&] {
      for (int i = 0; i < jobs; ++i)
        loop.set_immediate([&] {
          static_cast<void>(async(runtime::current(), work)
                                .then(loop, [until_it_is_here = loop.keep()](std::uint64_t result) {
                                  benchmark::DoNotOptimize(result);
                                }));
        });
    });
  s.SetItemsProcessed(s.iterations() * jobs);
}

// ---- what one of them costs when the work is nothing

template <class F> void each_on_one_processor(benchmark::State& s, F f) {
  run(
      [&] {
        for (auto _ : s) f();
      },
      {.processors = 1});
}
void work_of_a_strand(benchmark::State& s) { // as many as `jobs`, then their end
  int done = 0;
  run(
      [&] {
        strand mine;
        for (auto _ : s) {
          for (int i = 0; i < jobs; ++i) mine.execute([&done] { ++done; });
          mine.spawn([] {}).join();
        }
      },
      {.processors = 1});
  s.SetItemsProcessed(s.iterations() * jobs);
}
void pinned_and_back(benchmark::State& s) {
  each_on_one_processor(s, [] { const pinned here; });
}
void wait_while_pinned(benchmark::State& s) {
  run(
      [&] {
        const pinned here;
        for (auto _ : s) spawn([] {}).join();
      },
      {.processors = 1});
}
void a_process(benchmark::State& s) {
  each_on_one_processor(s, [] { benchmark::DoNotOptimize(run_process({"true"})); });
}
BENCHMARK(work_of_a_strand)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK(pinned_and_back)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK(wait_while_pinned)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK(a_process)->MeasureProcessCPUTime()->UseRealTime();

void sizes(benchmark::internal::Benchmark* b) {
  for (int ns : {100, 300, 1'000, 3'000, 10'000, 30'000, 100'000}) b->Arg(ns);
  b->MeasureProcessCPUTime();
  b->UseRealTime();
}
BENCHMARK(here)->Apply(sizes);
BENCHMARK(a_fiber_each)->Apply(sizes);
BENCHMARK(in_a_pool)->Apply(sizes);
BENCHMARK(on_a_loop)->Apply(sizes);
BENCHMARK(away_from_a_loop)->Apply(sizes);

} // namespace
} // namespace thrum

BENCHMARK_MAIN();
