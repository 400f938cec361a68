// X14 in Boost.Fiber: how deep a fiber may call, what the way down costs, and what it leaves behind.
#include "kit/boost_fiber.h"
#include "experiments/x14_depth/limit.h"

namespace {

constexpr long calls = 2000;

template <class F> fibers::fiber with_stack(std::size_t bytes, F&& f) {
  return {std::allocator_arg, fibers::fixedsize_stack(bytes), std::forward<F>(f)};
}

// Tasks that descend, wait at a gate, and descend again.
void descents(const kit::bench& b) {
  if (!b.wants("descend")) return;
  const long n = b.quick() ? 100 : 200;
  auto settled = [] {
    return kit::settled([] { boost::this_fiber::sleep_for(std::chrono::milliseconds(20)); });
  };
  long sum = 0;
  auto down = [&sum] {
    volatile long reached = 0;
    sum += descend(calls, &reached);
  };
  fibers::mutex lock;
  fibers::condition_variable gate, arrived;
  bool open = false;
  long ready = 0;
  std::vector<fibers::fiber> all;
  const double memory = settled();
  double first = kit::cpu_ns();
  for (long i = 0; i < n; ++i)
    all.push_back(with_stack(400 << 10, [&] {
      down();
      {
        std::unique_lock held(lock);
        if (++ready == n) arrived.notify_one();
        gate.wait(held, [&] { return open; });
      }
      down();
    }));
  {
    std::unique_lock held(lock);
    arrived.wait(held, [&] { return ready == n; });
  }
  first = kit::cpu_ns() - first;
  const double kept = settled() - memory;
  double again = kit::cpu_ns();
  {
    std::unique_lock held(lock);
    open = true;
  }
  gate.notify_all();
  for (fibers::fiber& f : all) f.join();
  again = kit::cpu_ns() - again;
  const double all_calls = static_cast<double>(n * calls);
  b.emit("descend", 2 * n * calls, "first", first / all_calls, "ns/call");
  b.emit("descend", 2 * n * calls, "again", again / all_calls, "ns/call");
  b.emit("descend", 2 * n * calls, "kept", std::max(0.0, kept) / 1024 / static_cast<double>(n), "KiB/task");
  b.emit("descend", 2 * n * calls, "check", static_cast<double>(sum), "count");
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X14", "boost_fiber", argc, argv);
  measure_limit(b, "default", 10'000, [](auto body) { fibers::fiber(body).join(); });
  measure_limit(b, "asked", 1'000'000, [](auto body) { with_stack(256 << 20, body).join(); });
  descents(b);
  fibers::fiber([&b] { measure_edge(b); }).join();
}
