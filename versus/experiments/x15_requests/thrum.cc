// X15 in thrum: requests that wait 100 ms each: on pools of threads, in a thread each, in a fiber each.
#include "kit/kit.h"

#include <thrum/thread_pool.h>
#include <thrum/thrum.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace {

// What is known of the requests of one variant.
struct desk {
  explicit desk(long requests) : n(requests), before(kit::peak()) {}

  // One request. On a plain thread the sleep blocks the thread, in a fiber it parks.
  void serve() {
    const long place = begun.fetch_add(1);
    if (place % (n / 10) == n / 10 - 1)
      for (long now = static_cast<long>(kit::peak()), seen = most;
           now > seen && !most.compare_exchange_weak(seen, now);) {}
    const double start = kit::wall_ns();
    thrum::this_fiber::sleep_for(std::chrono::milliseconds(100));
    if (kit::wall_ns() - start >= 100e6) ++served;
  }

  const long n;
  const double before;
  std::atomic<long> begun{0}, served{0}, most{0};
};

template <class ServeAll> void measure(const kit::bench& b, const char* variant, long n, ServeAll serve_all) {
  if (!b.wants(variant)) return;
  desk d(n);
  const double cpu = kit::cpu_ns(), start = kit::wall_ns(), all = static_cast<double>(n);
  serve_all(d);
  b.emit(variant, n, "request", (kit::wall_ns() - start) / 1e3 / all, "us/request");
  b.emit(variant, n, "memory", (static_cast<double>(d.most) - d.before) / (1 << 20), "MiB");
  b.emit(variant, n, "cpu", (kit::cpu_ns() - cpu) / 1e3 / all, "us/request");
  b.emit(variant, n, "check", static_cast<double>(d.served), "count");
}

void in_pool(desk& d, unsigned threads) {
  thrum::thread_pool pool({.threads = threads});
  for (long i = 0; i < d.n; ++i) pool.execute([&d] { d.serve(); });
} // the pool's end waits for all

void in_threads(desk& d) {
  std::vector<std::thread> all;
  for (long i = 0; i < d.n; ++i) all.emplace_back([&d] { d.serve(); });
  for (std::thread& t : all) t.join();
}

void in_fibers(desk& d) {
  thrum::wait_group all;
  for (long i = 0; i < d.n; ++i) all.go([&d] { d.serve(); });
  all.wait();
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X15", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        measure(b, "pool10", b.quick() ? 50 : 1000, [](desk& d) { in_pool(d, 10); });
        measure(b, "pool200", 1000, [](desk& d) { in_pool(d, 200); });
        measure(b, "thread", 1000, in_threads);
        measure(b, "task", 1000, in_fibers);
        measure(b, "thread10k", 10'000, in_threads);
        measure(b, "task10k", 10'000, in_fibers);
        return 0;
      },
      {.processors = b.processors()});
}
