// X2 in Boost.Asio: what a waiting coroutine occupies, by the depth of the call it waits in: each call that may wait is a coroutine.
#include "kit/asio.h"

#include <chrono>

namespace {

using gate = kit::channel<long>;

// In frames as large as those of the other programs.
awaitable<long> deep(int depth, std::atomic<long>& ready, gate& at) {
  volatile char frame[192];
  frame[depth] = 0;
  if (depth > 0) {
    const long below = co_await deep(depth - 1, ready, at);
    co_return below + 1 + frame[depth];
  }
  ++ready;
  co_await at.async_receive(use_awaitable);
  co_return frame[depth];
}

awaitable<void> wait(int depth, std::atomic<long>& ready, std::atomic<long>& woken, gate& at,
                     kit::countdown& all) {
  co_await deep(depth, ready, at);
  ++woken;
  all.done();
}

awaitable<kit::kinds> settled() {
  net::steady_timer pause(co_await net::this_coro::executor);
  for (double last = -1e18;;) {
    pause.expires_after(std::chrono::milliseconds(20));
    co_await pause.async_wait(use_awaitable);
    const double now = kit::resident();
    if (std::fabs(now - last) <= 128 * 1024) co_return kit::resident_kinds();
    last = now;
  }
}

awaitable<long> all_wait(const kit::bench& b, const char* variant, long n, int depth) {
  const auto here = co_await net::this_coro::executor;
  std::atomic<long> ready{0}, woken{0};
  gate at(here, static_cast<std::size_t>(n));
  kit::countdown all(here, n);
  double space = kit::status("VmSize");
  kit::kinds memory = co_await settled();
  double cpu = kit::cpu_ns();
  for (long i = 0; i < n; ++i) kit::go(here, wait(depth, ready, woken, at, all));
  while (ready < n) co_await net::post(here, use_awaitable);
  cpu = kit::cpu_ns() - cpu;
  memory = co_await settled() - memory;
  space = kit::status("VmSize") - space;
  for (long i = 0; i < n; ++i) at.try_send(error_code{}, 0L);
  co_await all.wait();
  const double tasks = static_cast<double>(n);
  b.emit_memory(variant, n, memory, "B/task");
  b.emit(variant, n, "space", space / tasks, "B/task");
  b.emit(variant, n, "cpu", cpu / tasks, "ns/task");
  co_return woken;
}

void waiting(const kit::bench& b, const char* variant, long n, int depth) {
  if (!b.wants(variant)) return;
  kit::context c(b.processors());
  b.emit(variant, n, "check", static_cast<double>(c.complete(all_wait(b, variant, n, depth))), "count");
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X2", "asio", argc, argv);
  const long n = b.quick() ? 20'000 : 100'000;
  waiting(b, "depth0", n, 0);
  waiting(b, "depth12", n, 12);
  waiting(b, "depth48", n, 48);
}
