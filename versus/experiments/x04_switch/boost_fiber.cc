// X4 in Boost.Fiber: what it costs to let another fiber run.
#include "kit/boost_fiber.h"

namespace {

// Two fibers yield to each other.
long yield(long rounds) {
  long turns[2] = {};
  auto turn = [rounds](long& n) {
    for (long i = 0; i < rounds; ++i) {
      boost::this_fiber::yield();
      ++n;
    }
  };
  fibers::fiber a = kit::post([&] { turn(turns[0]); }), b = kit::post([&] { turn(turns[1]); });
  a.join();
  b.join();
  return turns[0] + turns[1];
}

// One round trip over two unbuffered channels.
long pingpong(long rounds) {
  fibers::unbuffered_channel<long> ping, pong;
  fibers::fiber echo = kit::post([&] {
    for (long v : ping) pong.push(v);
  });
  long sum = 0;
  for (long i = 0; i < rounds; ++i) {
    ping.push(i & 1023);
    sum += pong.value_pop();
  }
  ping.close();
  echo.join();
  return sum;
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X4", "boost_fiber", argc, argv);
  kit::run(b.processors(), [&b] {
    b.measure("yield", 2, yield);
    b.measure("pingpong", 1, pingpong);
  });
}
