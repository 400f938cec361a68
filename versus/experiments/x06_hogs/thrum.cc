// X6 in thrum: how late is a ticker of 1 ms beside fibers that compute and never pause?
#include "kit/kit.h"

#include <thrum/thrum.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

// A unit of work. It calls nothing, waits for nothing; xorshift never gets to zero.
[[gnu::noinline]] unsigned unit(unsigned x) {
  for (int i = 0; i < 1000; ++i) x ^= x << 13, x ^= x >> 17, x ^= x << 5;
  return x;
}

long hog(const std::atomic<bool>& stop) {
  long units = 0;
  unsigned x = 1;
  do x = unit(x), ++units;
  while (!stop.load(std::memory_order_relaxed)); // relaxed: it says when, it publishes nothing
  return x != 0 ? units : 0;
}

// CPU time of a unit in so many plain threads and nothing else.
double alone(bool quick, unsigned threads) {
  std::atomic<bool> stop{false};
  std::atomic<long> units{0};
  const double cpu = kit::cpu_ns();
  {
    std::vector<std::jthread> running;
    for (unsigned i = 0; i < threads; ++i) running.emplace_back([&] { units += hog(stop); });
    thrum::this_fiber::sleep_for(quick ? 100ms : 500ms);
    stop.store(true, std::memory_order_relaxed); // relaxed: see hog
  }
  return (kit::cpu_ns() - cpu) / static_cast<double>(units.load());
}

void ticker(const kit::bench& b, const char* variant, unsigned hogs) {
  if (!b.wants(variant)) return;
  const double unit_alone =
      hogs > 0 ? alone(b.quick(), std::min(hogs, thrum::runtime::current().processors())) : 0;
  const std::size_t ticks = b.quick() ? 1000 : 5000;
  std::atomic<bool> stop{false};
  std::vector<double> late;
  late.reserve(ticks);
  long units = 0, kept = 0;
  bool all_worked = true;
  const double cpu = kit::cpu_ns();
  {
    std::vector<thrum::fiber<long>> running;
    for (unsigned i = 0; i < hogs; ++i) running.push_back(thrum::spawn(hog, std::cref(stop)));
    for (clock::time_point due = clock::now(); late.size() < ticks;) {
      due += 1ms;
      thrum::this_fiber::sleep_until(due);
      late.push_back(std::chrono::duration<double, std::micro>(clock::now() - due).count());
      if (late.back() >= 0) ++kept;
    }
    stop.store(true, std::memory_order_relaxed); // relaxed: see hog
    for (thrum::fiber<long>& each : running) {
      const long did = each.join();
      units += did;
      all_worked = all_worked && did > 0;
    }
  }
  const double spent = kit::cpu_ns() - cpu;
  std::sort(late.begin(), late.end());
  const long n = static_cast<long>(ticks);
  b.emit(variant, n, "p99", late[ticks * 99 / 100], "us");
  b.emit(variant, n, "p50", late[ticks / 2], "us");
  b.emit(variant, n, "max", late.back(), "us");
  if (hogs > 0)
    b.emit(variant, n, "work", spent / static_cast<double>(units) / unit_alone * 100, "% of alone");
  b.emit(variant, n, "check", static_cast<double>(all_worked ? kept : 0), "count");
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X6", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        const unsigned processors = thrum::runtime::current().processors();
        ticker(b, "hogs0", 0);
        ticker(b, "hogs1", 1);
        ticker(b, "hogsP", processors);
        ticker(b, "hogs4P", 4 * processors);
        return 0;
      },
      {.processors = b.processors()});
}
