// X7 in Boost.Fiber: computing on all processors in fibers, few and very many.
#include "kit/boost_fiber.h"
#include "experiments/x07_speedup/compute.h"

namespace {

void in_fibers(long tasks, auto task) {
  std::vector<fibers::fiber> all;
  for (long i = 0; i < tasks; ++i) all.push_back(kit::post(task));
  for (fibers::fiber& f : all) f.join();
}

// Each has a stack at once, so not all of them are started before the first is done.
void in_thousands(long tasks, auto task) {
  for (long left = tasks; left > 0; left -= 1000) in_fibers(std::min(left, 1000L), task);
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X7", "boost_fiber", argc, argv);
  kit::run(b.processors(), [&b] {
    const long processors = std::thread::hardware_concurrency();
    speedup(b, "tasks", processors, [](long n, auto task) { in_fibers(n, task); });
    fine_grained(b, processors, [](long n, auto task) { in_thousands(n, task); });
  });
}
