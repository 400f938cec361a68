// X15 in Boost.Fiber: requests that wait 100 ms each, in a fiber each.
#include "kit/boost_fiber.h"

#include <atomic>
#include <chrono>

namespace {

void measure(const kit::bench& b, const char* variant, long n) {
  if (!b.wants(variant)) return;
  std::atomic<long> begun{0}, served{0}, most{0};
  const double before = kit::peak(), cpu = kit::cpu_ns(), start = kit::wall_ns();
  const double all = static_cast<double>(n);
  std::vector<fibers::fiber> requests;
  for (long i = 0; i < n; ++i)
    requests.push_back(kit::post([&] {
      const long place = begun.fetch_add(1);
      if (place % (n / 10) == n / 10 - 1)
        for (long now = static_cast<long>(kit::peak()), seen = most;
             now > seen && !most.compare_exchange_weak(seen, now);) {}
      const double from = kit::wall_ns();
      boost::this_fiber::sleep_for(std::chrono::milliseconds(100));
      if (kit::wall_ns() - from >= 100e6) ++served;
    }));
  for (fibers::fiber& f : requests) f.join();
  b.emit(variant, n, "request", (kit::wall_ns() - start) / 1e3 / all, "us/request");
  b.emit(variant, n, "memory", (static_cast<double>(most) - before) / (1 << 20), "MiB");
  b.emit(variant, n, "cpu", (kit::cpu_ns() - cpu) / 1e3 / all, "us/request");
  b.emit(variant, n, "check", static_cast<double>(served), "count");
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X15", "boost_fiber", argc, argv);
  kit::run(b.processors(), [&b] {
    measure(b, "task", 1000);
    measure(b, "task10k", 10'000);
  });
}
