// X27 in Boost.Fiber: what futures cost: starting a task and awaiting it, waiting for many. They have no continuations.
#include "kit/boost_fiber.h"

namespace {

fibers::future<long> async() {
  fibers::packaged_task<long()> task([] { return 1L; });
  fibers::future<long> result = task.get_future();
  kit::post(std::move(task)).detach();
  return result;
}

// Start a task, wait for its result.
long start(long rounds) {
  long sum = 0;
  for (long r = 0; r < rounds; ++r) sum += async().get();
  return sum;
}

// Start a thousand, wait for all results.
long every(long rounds) {
  long sum = 0;
  for (long r = 0; r < rounds; ++r) {
    std::vector<fibers::future<long>> tasks;
    for (int i = 0; i < 1000; ++i) tasks.push_back(async());
    for (fibers::future<long>& f : tasks) sum += f.get();
  }
  return sum;
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X27", "boost_fiber", argc, argv);
  kit::run(b.processors(), [&b] {
    b.measure("start", 1, start);
    b.measure("all", 1000, every);
  });
}
