// X1 in Boost.Asio: many coroutines sleep at the same time.
#include "kit/asio.h"

#include <chrono>

namespace {

using std::chrono::milliseconds;

awaitable<void> sleep(milliseconds nap, std::atomic<long>& woken, kit::countdown& all) {
  net::steady_timer timer(co_await net::this_coro::executor, nap);
  co_await timer.async_wait(use_awaitable);
  woken.fetch_add(1, std::memory_order_relaxed);
  all.done();
}

awaitable<long> sleep_all(long n, milliseconds nap) {
  const auto here = co_await net::this_coro::executor;
  std::atomic<long> woken{0};
  kit::countdown all(here, n);
  for (long i = 0; i < n; ++i) kit::go(here, sleep(nap, woken, all));
  co_await all.wait();
  co_return woken;
}

void sleepers(const kit::bench& b, const char* variant, long n, milliseconds nap) {
  if (!b.wants(variant)) return;
  kit::context c(b.processors());
  const double memory = kit::resident(), cpu = kit::cpu_ns(), start = kit::wall_ns();
  const long woken = c.complete(sleep_all(n, nap));
  const double wall = kit::wall_ns() - start;
  b.emit(variant, n, "cpu", (kit::cpu_ns() - cpu) / static_cast<double>(n), "ns/task");
  b.emit(variant, n, "beyond", wall / 1e6 - static_cast<double>(nap.count()), "ms");
  b.emit(variant, n, "memory", (kit::peak() - memory) / static_cast<double>(n), "B/task");
  b.emit(variant, n, "check", static_cast<double>(woken), "count");
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X1", "asio", argc, argv);
  sleepers(b, "10k", 10'000, milliseconds(100));
  sleepers(b, "100k", 100'000, milliseconds(100));
  sleepers(b, "1M", 1'000'000, milliseconds(1000));
}
