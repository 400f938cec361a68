// X2 in Boost.Fiber: what a waiting fiber occupies, by the depth of the call it waits in.
#include "kit/boost_fiber.h"

#include <atomic>
#include <chrono>

namespace {

kit::kinds settled() {
  kit::settled([] { boost::this_fiber::sleep_for(std::chrono::milliseconds(20)); });
  return kit::resident_kinds();
}

// Fibers wait at one gate, each `depth` calls deep.
void waiting(const kit::bench& b, const char* variant, long n, int depth) {
  if (!b.wants(variant)) return;
  std::atomic<long> ready{0}, woken{0};
  fibers::mutex lock;
  fibers::condition_variable gate;
  bool open = false;
  auto wait = [&] {
    std::unique_lock held(lock);
    ++ready;
    gate.wait(held, [&] { return open; });
  };
  double space = kit::status("VmSize");
  kit::kinds memory = settled();
  double cpu = kit::cpu_ns();
  std::vector<fibers::fiber> all;
  for (long i = 0; i < n; ++i)
    all.push_back(kit::post([&, depth] {
      kit::deep(depth, wait);
      ++woken;
    }));
  while (ready < n) boost::this_fiber::yield();
  cpu = kit::cpu_ns() - cpu;
  memory = settled() - memory;
  space = kit::status("VmSize") - space;
  {
    std::unique_lock held(lock);
    open = true;
  }
  gate.notify_all();
  for (fibers::fiber& f : all) f.join();
  double tasks = static_cast<double>(n);
  b.emit_memory(variant, n, memory, "B/task");
  b.emit(variant, n, "space", space / tasks, "B/task");
  b.emit(variant, n, "cpu", cpu / tasks, "ns/task");
  b.emit(variant, n, "check", static_cast<double>(woken), "count");
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X2", "boost_fiber", argc, argv);
  kit::run(b.processors(), [&b] {
    const long n = b.quick() ? 20'000 : 100'000;
    waiting(b, "depth0", n, 0);
    waiting(b, "depth12", n, 12);
    waiting(b, "depth48", n, 48);
  });
}
