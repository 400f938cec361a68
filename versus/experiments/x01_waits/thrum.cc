// X1 in thrum: many fibers sleep at the same time.
#include "kit/kit.h"

#include <thrum/thrum.h>

#include <atomic>
#include <chrono>

namespace {

void sleepers(const kit::bench& b, const char* variant, long n, std::chrono::milliseconds nap) {
  if (!b.wants(variant)) return;
  std::atomic<long> woken{0};
  double memory = kit::resident(), cpu = kit::cpu_ns(), start = kit::wall_ns();
  thrum::wait_group all;
  all.add(n);
  for (long i = 0; i < n; ++i)
    thrum::go([&woken, &all, nap] {
      thrum::this_fiber::sleep_for(nap);
      woken.fetch_add(1, std::memory_order_relaxed);
      all.done();
    });
  all.wait();
  double wall = kit::wall_ns() - start;
  b.emit(variant, n, "cpu", (kit::cpu_ns() - cpu) / static_cast<double>(n), "ns/task");
  b.emit(variant, n, "beyond", wall / 1e6 - static_cast<double>(nap.count()), "ms");
  b.emit(variant, n, "memory", (kit::peak() - memory) / static_cast<double>(n), "B/task");
  b.emit(variant, n, "check", static_cast<double>(woken.load()), "count");
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X1", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        sleepers(b, "10k", 10'000, std::chrono::milliseconds(100));
        sleepers(b, "100k", 100'000, std::chrono::milliseconds(100));
        sleepers(b, "1M", 1'000'000, std::chrono::milliseconds(1000));
        return 0;
      },
      {.processors = b.processors()});
}
