// X16 in thrum: what an interpreter's lock forbids Python's threads, done by fibers.
#include "experiments/x07_speedup/compute.h"

#include <thrum/process_pool.h>
#include <thrum/thrum.h>

#include <chrono>
#include <vector>

namespace {

using namespace std::chrono_literals;

void in_fibers(long tasks, auto task) {
  thrum::wait_group all;
  for (long i = 0; i < tasks; ++i) all.go(task);
  all.wait();
}

void compute_in_processes(const kit::bench& b) {
  if (!b.wants("processes")) return;
  const long steps = b.quick() ? 8'000'000 : 100'000'000;
  thrum::process_pool pool({.processes = 2});
  unsigned wanted = 0;
  std::vector<unsigned> results;
  double alone = 1e18;
  const double together = best_of(b, [&] {
    alone = std::min(alone, wall_of([&] { wanted = compute(steps); }));
    return wall_of([&] { results = pool.map(thrum::fn<&compute>, std::vector<long>{steps, steps}, 1); });
  });
  b.emit("processes", 2, "slowdown", together / alone, "times one");
  b.emit("processes", 2, "check", static_cast<double>(std::ranges::count(results, wanted)), "count");
}

void wait_in_fibers(const kit::bench& b) {
  if (!b.wants("waits")) return;
  constexpr long n = 32;
  std::atomic<long> right{0};
  const double together = best_of(b, [&] {
    right = 0;
    return wall_of(
        [&] { in_fibers(n, [&] { right += wall_of([] { thrum::this_fiber::sleep_for(20ms); }) >= 20e6; }); });
  });
  b.emit("waits", n, "slowdown", together / 20e6, "times one");
  b.emit("waits", n, "check", static_cast<double>(right), "count");
}

// Short waits, beside a fiber that computes.
void wait_beside(const kit::bench& b) {
  if (!b.wants("beside")) return;
  const long n = b.quick() ? 50 : 1'000;
  long done = 0;
  const auto waits = [&] {
    for (done = 0; done < n; ++done) thrum::this_fiber::sleep_for(1ms);
  };
  const double alone = wall_of(waits);
  std::atomic<bool> stop{false};
  thrum::wait_group hog;
  hog.go([&] {
    while (!stop)
      if (compute(100'000) == 0) std::abort();
  });
  const double beside = wall_of(waits);
  stop = true;
  hog.wait();
  b.emit("beside", n, "slowdown", beside / alone, "times one");
  b.emit("beside", n, "check", static_cast<double>(done), "count");
}

[[gnu::noinline]] long after_deposit(long x) {
  asm volatile("" : "+r"(x));
  return x + 1;
}

// Four fibers read a number, call a function, and write what it returns. (As atomic operations: a plain variable would be a data race,
// and mean nothing at all.)
void lose_updates(const kit::bench& b) {
  if (!b.wants("lost")) return;
  const long each = b.quick() ? 500'000 : 20'000'000;
  std::atomic<long> balance{0}, done{0};
  in_fibers(4, [&] {
    long mine = 0;
    for (; mine < each; ++mine)
      balance.store(after_deposit(balance.load(std::memory_order_relaxed)),
                    std::memory_order_relaxed); // relaxed: as Python
    done += mine;
  });
  b.emit("lost", 4 * each, "lost", 100 * (1 - static_cast<double>(balance) / static_cast<double>(4 * each)),
         "%");
  b.emit("lost", 4 * each, "check", static_cast<double>(done), "count");
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X16", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        const long processors = thrum::runtime::current().processors();
        speedup(b, "two", 2, [](long n, auto task) { in_fibers(n, task); });
        speedup(b, "every", processors, [](long n, auto task) { in_fibers(n, task); });
        compute_in_processes(b);
        wait_in_fibers(b);
        wait_beside(b);
        lose_updates(b);
        return 0;
      },
      {.processors = b.processors()});
}
