// X14 in thrum: how deep a fiber may call, what the way down costs, and what it leaves behind.
#include "experiments/x14_depth/limit.h"

#include <thrum/thrum.h>

#include <chrono>

namespace {

constexpr long calls = 2000;

// Tasks that descend, wait at a gate, and descend again.
void descents(const kit::bench& b) {
  if (!b.wants("descend")) return;
  const long n = b.quick() ? 100 : 200;
  auto settled = [] {
    return kit::settled([] { thrum::this_fiber::sleep_for(std::chrono::milliseconds(20)); });
  };
  long sum = 0; // one processor: one fiber at a time
  auto down = [&sum] {
    volatile long reached = 0;
    sum += descend(calls, &reached);
  };
  thrum::chan<int> gate;
  thrum::wait_group ready, all;
  ready.add(n);
  const double memory = settled();
  double first = kit::cpu_ns();
  for (long i = 0; i < n; ++i)
    all.go({.stack = 400 << 10}, [&, gate] {
      down();
      ready.done();
      (void)gate.recv();
      down();
    });
  ready.wait();
  first = kit::cpu_ns() - first;
  // What stacks do not need any more goes back a second later; of Go, a garbage collection is asked for here.
  thrum::this_fiber::sleep_for(std::chrono::milliseconds(1500));
  const double kept = settled() - memory;
  double again = kit::cpu_ns();
  gate.close();
  all.wait();
  again = kit::cpu_ns() - again;
  const double all_calls = static_cast<double>(n * calls);
  b.emit("descend", 2 * n * calls, "first", first / all_calls, "ns/call");
  b.emit("descend", 2 * n * calls, "again", again / all_calls, "ns/call");
  b.emit("descend", 2 * n * calls, "kept", std::max(0.0, kept) / 1024 / static_cast<double>(n), "KiB/task");
  b.emit("descend", 2 * n * calls, "check", static_cast<double>(sum), "count");
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X14", "thrum", argc, argv);
  auto in_fiber_with = [&b](std::size_t stack) {
    return [&b, stack](auto body) {
      thrum::run([&] { thrum::spawn({.stack = stack}, body).join(); }, {.processors = b.processors()});
    };
  };
  measure_limit(b, "default", 10'000, in_fiber_with(0));
  measure_limit(b, "asked", 1'000'000, in_fiber_with(256 << 20));
  return thrum::run(
      [&b] {
        descents(b);
        thrum::spawn([&b] { measure_edge(b); }).join();
        return 0;
      },
      {.processors = b.processors()});
}
