// X22 in Boost.Fiber: locks: free, with a limit of time, contended. It has none for readers and writers.
#include "kit/boost_fiber.h"
#include "experiments/x22_locks/contend.h"

namespace {

void in_fibers(long tasks, auto task) {
  std::vector<fibers::fiber> all;
  for (long i = 0; i < tasks; ++i) all.push_back(kit::post([&task, i] { task(i); }));
  for (fibers::fiber& f : all) f.join();
}

auto contenders(long tasks) {
  return [tasks](long rounds) {
    return contended<fibers::mutex>(rounds, tasks, [](long n, auto task) { in_fibers(n, task); });
  };
}

long with_limit(long rounds) {
  fibers::timed_mutex m;
  volatile long sum = 0;
  for (long i = 0; i < rounds * per_round; ++i)
    if (std::unique_lock hold(m, std::chrono::milliseconds(100)); hold) sum = sum + 1;
  return sum;
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X22", "boost_fiber", argc, argv);
  kit::run(b.processors(), [&b] {
    fibers::mutex m;
    b.measure("free", per_round,
              [&m](long rounds) { return uncontended<std::lock_guard<fibers::mutex>>(rounds, m); });
    b.measure("limit", per_round, with_limit);
    b.measure("two", per_round, contenders(2));
    b.measure("eight", per_round, contenders(8));
    b.measure("many", per_round, contenders(64));
    fairness<fibers::mutex>(b, [](long n, auto task) { in_fibers(n, task); });
  });
}
