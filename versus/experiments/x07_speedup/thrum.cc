// X7 in thrum: computing on all processors: in fibers, in threads of a pool, in very many small fibers, started by one or by all; and threads
// that wait.
#include "experiments/x07_speedup/compute.h"

#include <thrum/thread_pool.h>
#include <thrum/thrum.h>

#include <chrono>

namespace {

void in_fibers(long tasks, auto task) {
  thrum::wait_group all;
  for (long i = 0; i < tasks; ++i) all.go(task);
  all.wait();
}

void in_threads(long tasks, auto task) {
  thrum::thread_pool pool({.threads = static_cast<unsigned>(tasks)});
  for (long i = 0; i < tasks; ++i) pool.execute(task);
} // the pool's end waits for all

void waiting_threads(const kit::bench& b) {
  if (!b.wants("waits")) return;
  constexpr long n = 16;
  std::atomic<long> right{0};
  const double together = best_of(b, [&] {
    right = 0;
    return wall_of([&] {
      in_threads(n, [&] {
        right += wall_of([] { thrum::this_fiber::sleep_for(std::chrono::milliseconds(50)); }) >= 50e6;
      });
    });
  });
  b.emit("waits", n, "slowdown", together / 50e6, "times one");
  b.emit("waits", n, "check", static_cast<double>(right), "count");
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X7", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        const long processors = thrum::runtime::current().processors();
        speedup(b, "tasks", processors, [](long n, auto task) { in_fibers(n, task); });
        speedup(b, "threads", processors, [](long n, auto task) { in_threads(n, task); });
        waiting_threads(b);
        fine_grained(b, processors, [](long n, auto task) { in_fibers(n, task); });
        skewed(b, processors, [](long n, auto task) { in_fibers(n, task); });
        return 0;
      },
      {.processors = b.processors()});
}
