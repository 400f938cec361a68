// X3 in Boost.Asio: what it costs to start a coroutine and to wait for it.
#include "kit/asio.h"

namespace {

awaitable<long> task() { co_return 1; }

// Start one, wait for it, start the next.
awaitable<long> one_by_one(long rounds) {
  const auto here = co_await net::this_coro::executor;
  long done = 0;
  for (long i = 0; i < rounds; ++i) done += co_await net::co_spawn(here, task(), use_awaitable);
  co_return done;
}

awaitable<void> count(int& result, kit::countdown& all) {
  result = 1;
  all.done();
  co_return;
}

// Start a thousand, then wait for all of them.
awaitable<long> thousand(long rounds) {
  const auto here = co_await net::this_coro::executor;
  long done = 0;
  for (long r = 0; r < rounds; ++r) {
    kit::countdown all(here, 1000);
    std::vector<int> results(1000);
    for (int& result : results) kit::go(here, count(result, all));
    co_await all.wait();
    for (int v : results) done += v;
  }
  co_return done;
}

awaitable<void> send(kit::channel<long>& to, long value) {
  co_await to.async_send(error_code{}, value, use_awaitable);
}

// A thousand coroutines send one result each on one channel.
awaitable<long> fanout(long rounds) {
  const auto here = co_await net::this_coro::executor;
  long sum = 0;
  for (long r = 0; r < rounds; ++r) {
    kit::channel<long> results(here, 1000);
    for (long i = 0; i < 1000; ++i) kit::go(here, send(results, i));
    for (long i = 0; i < 1000; ++i) sum += co_await results.async_receive(use_awaitable);
  }
  co_return sum;
}

// Ten children each, down to the leaves; every one sends its sum to its parent.
awaitable<void> skynet(kit::channel<long>& up, long num, long size) {
  if (size == 1) {
    co_await up.async_send(error_code{}, num, use_awaitable);
    co_return;
  }
  const auto here = co_await net::this_coro::executor;
  kit::channel<long> sums(here, 0);
  for (long i = 0; i < 10; ++i) kit::go(here, skynet(sums, num + i * (size / 10), size / 10));
  long sum = 0;
  for (int i = 0; i < 10; ++i) sum += co_await sums.async_receive(use_awaitable);
  co_await up.async_send(error_code{}, sum, use_awaitable);
}

awaitable<long> actors(long rounds, long leaves) {
  const auto here = co_await net::this_coro::executor;
  long sum = 0;
  for (long r = 0; r < rounds; ++r) {
    kit::channel<long> top(here, 0);
    kit::go(here, skynet(top, 0, leaves));
    sum += co_await top.async_receive(use_awaitable);
  }
  co_return sum;
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X3", "asio", argc, argv);
  kit::context c(b.processors());
  b.measure("one", 1, [&](long rounds) { return c.complete(one_by_one(rounds)); });
  b.measure("thousand", 1000, [&](long rounds) { return c.complete(thousand(rounds)); });
  b.measure("fanout", 1000, [&](long rounds) { return c.complete(fanout(rounds)); });
  const long leaves = b.quick() ? 100'000 : 1'000'000;
  b.measure("skynet", leaves, [&](long rounds) { return c.complete(actors(rounds, leaves)); });
}
