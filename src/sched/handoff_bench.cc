// How long the others of a processor stand still when a fiber of it blocks in the kernel: from just before the call to the next turn of a
// fiber that only yields. Told by blocking(), and left to the monitor to notice (which is most of it then: detection).
//
// Told, it is what waking a thread costs: 3 us where the kernel has it run on the same CPU, 12 to 24 (p90 32) where it wakes another CPU of a
// virtual machine (November 2026). Percentiles, since a few in a hundred are the host's.
#include <thrum/blocking.h>
#include <thrum/thrum.h>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

#include <unistd.h>

namespace thrum {
namespace {

using namespace std::chrono_literals;

std::int64_t now() { return std::chrono::steady_clock::now().time_since_epoch().count(); }
void block() { ::usleep(2000); }

void stand_still(benchmark::State& s, bool told) {
  std::vector<double> us;
  runtime r({.processors = 1});
  r.run([&] {
    std::atomic<std::int64_t> blocked_at{0};
    std::atomic<bool> is_over{false};
    fiber<> other = spawn([&] {
      while (!is_over) {
        if (const std::int64_t at = blocked_at.exchange(0); at != 0)
          us.push_back(static_cast<double>(now() - at) / 1e3);
        this_fiber::yield();
      }
    });
    for (auto _ : s) {
      for (int i = 0; i < 200; ++i) this_fiber::yield();
      blocked_at = now();
      told ? blocking(block) : block();
      blocked_at = 0; // nobody had a turn
    }
    is_over = true;
    other.join();
  });
  std::ranges::sort(us);
  const auto at = [&](double part) {
    return us.empty() ? 0 : us[static_cast<std::size_t>(part * static_cast<double>(us.size() - 1))];
  };
  s.counters["p50_us"] = at(0.5);
  s.counters["p90_us"] = at(0.9);
  s.counters["p99_us"] = at(0.99);
}

void told(benchmark::State& s) { stand_still(s, true); }
void noticed(benchmark::State& s) { stand_still(s, false); }
BENCHMARK(told)->Iterations(1000)->UseRealTime();
BENCHMARK(noticed)->Iterations(1000)->UseRealTime();

} // namespace
} // namespace thrum

BENCHMARK_MAIN();
