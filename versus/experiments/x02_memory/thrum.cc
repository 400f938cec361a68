// X2 in thrum: what a waiting fiber occupies, by the depth of the call it waits in.
#include "kit/kit.h"

#include <thrum/thrum.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace {

void report(const kit::bench& b, const char* variant, long n, double cpu, const kit::kinds& memory,
            double space, long woken) {
  double tasks = static_cast<double>(n);
  b.emit_memory(variant, n, memory, "B/task");
  b.emit(variant, n, "space", space / tasks, "B/task");
  b.emit(variant, n, "cpu", cpu / tasks, "ns/task");
  b.emit(variant, n, "check", static_cast<double>(woken), "count");
}

kit::kinds settled() {
  kit::settled([] { thrum::this_fiber::sleep_for(std::chrono::milliseconds(20)); });
  return kit::resident_kinds();
}

// Fibers wait at one gate, each `depth` calls deep.
void waiting(const kit::bench& b, const char* variant, long n, int depth) {
  if (!b.wants(variant)) return;
  std::atomic<long> woken{0};
  thrum::chan<int> gate;
  thrum::wait_group ready, all;
  ready.add(n);
  all.add(n);
  double space = kit::status("VmSize");
  kit::kinds memory = settled();
  double cpu = kit::cpu_ns();
  for (long i = 0; i < n; ++i)
    thrum::go([&, gate, depth] {
      auto wait = [&] {
        ready.done();
        (void)gate.recv();
      };
      kit::deep(depth, wait);
      woken.fetch_add(1, std::memory_order_relaxed);
      all.done();
    });
  ready.wait();
  cpu = kit::cpu_ns() - cpu;
  memory = settled() - memory;
  space = kit::status("VmSize") - space;
  gate.close();
  all.wait();
  report(b, variant, n, cpu, memory, space, woken.load());
}

// The same with the platform's threads.
void threads(const kit::bench& b, const char* variant, long n) {
  if (!b.wants(variant)) return;
  std::mutex lock;
  std::condition_variable gate, arrived;
  bool open = false;
  long ready = 0, woken = 0;
  double space = kit::status("VmSize");
  kit::kinds memory = settled();
  double cpu = kit::cpu_ns();
  std::vector<std::thread> all;
  for (long i = 0; i < n; ++i)
    all.emplace_back([&] {
      std::unique_lock held(lock);
      if (++ready == n) arrived.notify_one();
      gate.wait(held, [&] { return open; });
      ++woken;
    });
  {
    std::unique_lock held(lock);
    arrived.wait(held, [&] { return ready == n; });
  }
  cpu = kit::cpu_ns() - cpu;
  memory = settled() - memory;
  space = kit::status("VmSize") - space;
  {
    std::unique_lock held(lock);
    open = true;
  }
  gate.notify_all();
  for (std::thread& t : all) t.join();
  report(b, variant, n, cpu, memory, space, woken);
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X2", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        const long n = b.quick() ? 20'000 : 100'000;
        waiting(b, "depth0", n, 0);
        waiting(b, "depth12", n, 12);
        waiting(b, "depth48", n, 48);
        threads(b, "thread", b.quick() ? 2'000 : 4'000);
        return 0;
      },
      {.processors = b.processors()});
}
