// What isolates and clones cost. docs/which-executor.md and the heads of isolate.h and clone.h say what came out.
//
// boot                 one is started, has sent its first message, and is gone; CPU time of the process, and the time that passes.
//                      first_message: the part of that time until the message was there
// memory               what one occupies that waits for a message: resident pages, page tables, and 16 KiB of kernel stack for each of its
//                      threads, which is what the kernel does not count; the difference that 64 of them make
// message              there and back, of a number
// copied, cloned       a vector of doubles into new memory, by malloc and memcpy, and by clone(): the difference is what clone() adds
// graph                of 200,000 objects, by shared_ptr, as X9 has it
#include <thrum/isolate.h>
#include <thrum/thrum.h>

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

namespace thrum {
namespace {

void answer(isolate_port<int, int>& parent) {
  parent.post(0);
  for (const int n : parent) parent.post(n);
}

void boot(benchmark::State& s) {
  std::chrono::nanoseconds until_message{};
  for (auto _ : s) {
    const auto began = std::chrono::steady_clock::now();
    isolate<int, int> w(&answer);
    benchmark::DoNotOptimize(w.recv());
    until_message += std::chrono::steady_clock::now() - began;
    w.close();
    w.join();
  }
  s.counters["first_message_us"] =
      static_cast<double>(until_message.count()) / 1e3 / static_cast<double>(s.iterations());
}
BENCHMARK(boot)->MeasureProcessCPUTime()->UseRealTime();

// A field of /proc/self/status, in KiB or as it is.
double status(std::string_view key) {
  double found = 0;
  FILE* f = std::fopen("/proc/self/status", "re");
  for (char line[256]; f != nullptr && std::fgets(line, sizeof line, f) != nullptr;)
    if (std::string_view(line).starts_with(key)) found = std::strtod(line + key.size() + 1, nullptr);
  if (f != nullptr) std::fclose(f);
  return found;
}
void memory(benchmark::State& s) {
  constexpr int many = 64;
  double kib = 0;
  double kernel = 0;
  for (auto _ : s) {
    std::deque<isolate<int, int>> all;
    const double before = status("VmRSS") + status("VmPTE");
    const double threads = status("Threads");
    for (int i = 0; i < many; ++i) {
      all.emplace_back(&answer);
      benchmark::DoNotOptimize(all.back().recv());
    }
    kib = (status("VmRSS") + status("VmPTE") - before) / many;
    kernel = 16 * (status("Threads") - threads) / many;
  }
  s.counters["pages_KiB"] = kib;
  s.counters["kernel_KiB"] = kernel;
}
BENCHMARK(memory)->Iterations(1);

void message(benchmark::State& s) {
  isolate<int, int> w(&answer);
  benchmark::DoNotOptimize(w.recv());
  for (auto _ : s) {
    w.post(1);
    benchmark::DoNotOptimize(w.recv());
  }
}
BENCHMARK(message)->MeasureProcessCPUTime()->UseRealTime();

void copied(benchmark::State& s) {
  const std::vector<double> all(static_cast<std::size_t>(s.range(0)) / sizeof(double), 1.5);
  for (auto _ : s) {
    void* twin = std::malloc(all.size() * sizeof(double));
    std::memcpy(twin, all.data(), all.size() * sizeof(double));
    benchmark::DoNotOptimize(twin);
    benchmark::ClobberMemory();
    std::free(twin);
  }
  s.SetBytesProcessed(s.iterations() * s.range(0));
}
void cloned(benchmark::State& s) {
  const std::vector<double> all(static_cast<std::size_t>(s.range(0)) / sizeof(double), 1.5);
  for (auto _ : s) {
    auto twin = clone(all);
    benchmark::DoNotOptimize(twin.data());
    benchmark::ClobberMemory();
  }
  s.SetBytesProcessed(s.iterations() * s.range(0));
}
void sizes(benchmark::internal::Benchmark* b) {
  for (std::int64_t bytes : {std::int64_t{1} << 10, std::int64_t{1} << 20, std::int64_t{64} << 20})
    b->Arg(bytes);
}
BENCHMARK(copied)->Apply(sizes);
BENCHMARK(cloned)->Apply(sizes);

struct node {
  int number = 0;
  std::shared_ptr<node> left;
  std::shared_ptr<node> right;
};
std::shared_ptr<node> tree(int size) {
  if (size == 0) return nullptr;
  return std::make_shared<node>(size, tree((size - 1) / 2), tree(size - 1 - (size - 1) / 2));
}
void graph(benchmark::State& s) {
  constexpr int size = 200'000;
  const std::shared_ptr<node> all = tree(size);
  for (auto _ : s) benchmark::DoNotOptimize(clone(all));
  s.SetItemsProcessed(s.iterations() * size);
}
BENCHMARK(graph)->Unit(benchmark::kMillisecond);

} // namespace
} // namespace thrum

BENCHMARK_MAIN();
