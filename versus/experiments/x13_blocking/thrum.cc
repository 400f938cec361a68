// X13 in thrum: fibers in calls that block in the kernel, beside one that computes; and a thousand such calls
// at once.
#include "kit/kit.h"

#include <thrum/thrum.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <vector>

#include <unistd.h>

namespace {

using std::chrono::milliseconds;

// A unit of work. It calls nothing, waits for nothing; xorshift never gets to zero.
[[gnu::noinline]] unsigned unit(unsigned x) {
  for (int i = 0; i < 1000; ++i) x ^= x << 13, x ^= x >> 17, x ^= x << 5;
  return x;
}

long compute(const std::atomic<bool>& stop) {
  long units = 0;
  unsigned x = 1;
  do x = unit(x), ++units;
  while (!stop.load(std::memory_order_relaxed)); // relaxed: it says when, it publishes nothing
  return x != 0 ? units : 0;
}

// The kernel's sleep, of which the runtime knows nothing. False if it was too short.
bool blocking_call(milliseconds nap) {
  const double start = kit::wall_ns();
  usleep(static_cast<useconds_t>(nap.count() * 1000));
  return kit::wall_ns() - start >= static_cast<double>(nap.count()) * 1e6;
}

struct outcome {
  double rate = 0; // units of work per second
  long calls = 0, right = 0;
  double threads = 0, seconds = 0;
};

outcome compute_beside(int callers, milliseconds nap) {
  std::atomic<bool> stop{false};
  std::atomic<long> calls{0}, right{0};
  const double start = kit::wall_ns();
  thrum::wait_group all;
  all.add(callers);
  for (int i = 0; i < callers; ++i)
    thrum::go([&] {
      do {
        if (blocking_call(milliseconds(1)))
          right.fetch_add(1, std::memory_order_relaxed); // relaxed: all.wait()
        calls.fetch_add(1, std::memory_order_relaxed);
      } while (!stop.load(std::memory_order_relaxed)); // relaxed: see compute
      all.done();
    });
  thrum::fiber<long> computing = thrum::spawn(compute, std::cref(stop));
  thrum::this_fiber::sleep_for(nap);
  outcome out;
  out.threads = kit::status("Threads");
  stop.store(true, std::memory_order_relaxed); // relaxed: see compute
  const long units = computing.join();
  out.seconds = (kit::wall_ns() - start) / 1e9;
  out.rate = static_cast<double>(units) / out.seconds;
  all.wait();
  out.calls = calls.load();
  out.right = right.load();
  return out;
}

void beside(const kit::bench& b) {
  if (!b.wants("beside")) return;
  constexpr int callers = 64;
  const milliseconds nap(b.quick() ? 150 : 500);
  const double before = compute_beside(0, nap).rate;
  const outcome o = compute_beside(callers, milliseconds(b.quick() ? 1000 : 1500));
  const double alone = (before + compute_beside(0, nap).rate) / 2;
  b.emit("beside", o.calls, "lost", std::max(0.0, 100 * (1 - o.rate / alone)), "%");
  b.emit("beside", o.calls, "call", callers * o.seconds * 1e6 / static_cast<double>(o.calls), "us");
  b.emit("beside", o.calls, "threads", o.threads, "threads");
  b.emit("beside", o.calls, "check", static_cast<double>(o.right), "count");
}

// `call` is blocking_call in the way of the variant.
template <class Call> void thousand(const kit::bench& b, const char* variant, Call call) {
  if (!b.wants(variant)) return;
  constexpr long n = 1000;
  std::atomic<long> right{0};
  const double cpu = kit::cpu_ns(), start = kit::wall_ns();
  thrum::wait_group all;
  all.add(n);
  for (long i = 0; i < n; ++i)
    thrum::go([&] {
      if (call(milliseconds(100))) right.fetch_add(1, std::memory_order_relaxed); // relaxed: all.wait()
      all.done();
    });
  all.wait();
  b.emit(variant, n, "wall", (kit::wall_ns() - start) / 1e6, "ms");
  b.emit(variant, n, "cpu", (kit::cpu_ns() - cpu) / 1e3 / static_cast<double>(n), "us/call");
  b.emit(variant, n, "check", static_cast<double>(right.load()), "count");
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X13", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        beside(b);
        thousand(b, "thousand", blocking_call);
        thousand(b, "told",
                 [](milliseconds nap) { return thrum::blocking([nap] { return blocking_call(nap); }); });
        return 0;
      },
      {.processors = b.processors()});
}
