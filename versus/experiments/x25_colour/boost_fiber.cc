// X25 in Boost.Fiber: what changes in a tree of calls when its leaf has to wait; and a comparator of qsort that sleeps.
#include "kit/boost_fiber.h"

#include "after/boost.h"
#include "before/tree.h"
#include "colour.h"

#include <atomic>
#include <chrono>

namespace {

int slowly(const void* a, const void* b) {
  boost::this_fiber::sleep_for(std::chrono::milliseconds(1));
  return x25::order(a, b);
}

void sorting(const kit::bench& b) {
  if (!b.wants("qsort")) return;
  constexpr long n = 32;
  std::atomic<long> right{0};
  const double start = kit::wall_ns();
  std::vector<fibers::fiber> all;
  for (long i = 0; i < n; ++i)
    all.push_back(kit::post([&] {
      if (x25::sorts(slowly)) ++right;
    }));
  boost::this_fiber::sleep_for(std::chrono::milliseconds(3));
  const double threads = kit::status("Threads");
  for (fibers::fiber& f : all) f.join();
  b.emit("qsort", n, "wall", (kit::wall_ns() - start) / 1e6, "ms");
  b.emit("qsort", n, "threads", threads, "threads");
  b.emit("qsort", n, "check", static_cast<double>(right.load()), "count");
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X25", "boost_fiber", argc, argv);
  kit::run(b.processors(), [&b] {
    x25::compare(b, "tree", "boost.h", before::report, after::report);
    sorting(b);
  });
}
