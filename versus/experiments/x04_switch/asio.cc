// X4 in Boost.Asio: what it costs to let another coroutine run.
#include "kit/asio.h"

namespace {

awaitable<void> take_turns(long rounds, long& turns, kit::countdown& both) {
  const auto here = co_await net::this_coro::executor;
  for (long i = 0; i < rounds; ++i) {
    co_await net::post(here, use_awaitable);
    ++turns;
  }
  both.done();
}

// Two coroutines yield to each other.
awaitable<long> yield(long rounds) {
  const auto here = co_await net::this_coro::executor;
  long turns[2] = {};
  kit::countdown both(here, 2);
  for (long& n : turns) kit::go(here, take_turns(rounds, n, both));
  co_await both.wait();
  co_return turns[0] + turns[1];
}

awaitable<void> echo(kit::channel<long>& ping, kit::channel<long>& pong, long rounds) {
  for (long i = 0; i < rounds; ++i)
    co_await pong.async_send(error_code{}, co_await ping.async_receive(use_awaitable), use_awaitable);
}

// One round trip over two unbuffered channels.
awaitable<long> pingpong(long rounds) {
  const auto here = co_await net::this_coro::executor;
  kit::channel<long> ping(here, 0), pong(here, 0);
  auto other = net::co_spawn(here, echo(ping, pong, rounds), net::deferred);
  kit::countdown end(here, 1);
  std::move(other)([&end](std::exception_ptr) { end.done(); });
  long sum = 0;
  for (long i = 0; i < rounds; ++i) {
    co_await ping.async_send(error_code{}, i & 1023, use_awaitable);
    sum += co_await pong.async_receive(use_awaitable);
  }
  co_await end.wait();
  co_return sum;
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X4", "asio", argc, argv);
  kit::context c(b.processors());
  b.measure("yield", 2, [&](long rounds) { return c.complete(yield(rounds)); });
  b.measure("pingpong", 1, [&](long rounds) { return c.complete(pingpong(rounds)); });
}
