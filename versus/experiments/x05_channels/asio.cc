// X5 in Boost.Asio: channels and a timer. The library has no lock that a coroutine could wait for, and its way to wait for the first
// of several receives loses what the others have received by then.
#include "kit/asio.h"

#include <chrono>

namespace {

awaitable<void> send(kit::channel<long>& to, long rounds, kit::countdown& senders) {
  for (long i = 0; i < rounds; ++i) co_await to.async_send(error_code{}, i & 1023, use_awaitable);
  senders.done();
}

awaitable<void> receive(kit::channel<long>& from, long rounds, std::atomic<long>& total,
                        kit::countdown& receivers) {
  long sum = 0;
  for (long i = 0; i < rounds; ++i) sum += co_await from.async_receive(use_awaitable);
  total += sum;
  receivers.done();
}

// So many send, so many receive.
awaitable<long> pass(long rounds, std::size_t capacity, int pairs) {
  const auto here = co_await net::this_coro::executor;
  kit::channel<long> c(here, capacity);
  std::atomic<long> total{0};
  kit::countdown all(here, 2 * pairs);
  for (int k = 0; k < pairs; ++k) {
    kit::go(here, receive(c, rounds, total, all));
    kit::go(here, send(c, rounds, all));
  }
  co_await all.wait();
  co_return total;
}

// Four channels, all empty: four try_receive.
awaitable<long> try_four(long rounds) {
  const auto here = co_await net::this_coro::executor;
  kit::channel<long> a(here, 2), b(here, 2), c(here, 2), d(here, 2);
  const auto nothing = [](error_code, long) {};
  long defaults = 0;
  for (long i = 0; i < rounds; ++i)
    if (!a.try_receive(nothing) && !b.try_receive(nothing) && !c.try_receive(nothing) &&
        !d.try_receive(nothing))
      ++defaults;
  co_return defaults;
}

// A timer is set and stopped; its handler is told so.
awaitable<long> set_and_stop(long rounds) {
  const auto here = co_await net::this_coro::executor;
  long stopped = 0;
  for (long i = 0; i < rounds; ++i) {
    net::steady_timer timer(here, std::chrono::hours(1));
    timer.async_wait([](error_code) {});
    stopped += static_cast<long>(timer.cancel());
    if (i % 64 == 63) co_await net::post(here, use_awaitable); // the handlers run
  }
  co_return stopped;
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X5", "asio", argc, argv);
  kit::context c(b.processors());
  b.measure("buffered", 1, [&](long rounds) { return c.complete(pass(rounds, 128, 1)); });
  b.measure("unbuffered", 1, [&](long rounds) { return c.complete(pass(rounds, 0, 1)); });
  b.measure("mpmc", 4, [&](long rounds) { return c.complete(pass(rounds, 128, 4)); });
  b.measure("default", 1, [&](long rounds) { return c.complete(try_four(rounds)); });
  b.measure("timer", 1, [&](long rounds) { return c.complete(set_and_stop(rounds)); });
}
