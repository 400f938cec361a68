// X4 in thrum: what it costs to let another fiber run.
#include "kit/kit.h"

#include <thrum/thrum.h>

namespace {

// Two fibers yield to each other.
long yield(long rounds) {
  auto turn = [rounds] {
    long n = 0;
    for (long i = 0; i < rounds; ++i) {
      thrum::this_fiber::yield();
      ++n;
    }
    return n;
  };
  thrum::fiber<long> a = thrum::spawn(turn), b = thrum::spawn(turn);
  return a.join() + b.join();
}

// One round trip over two unbuffered channels.
long pingpong(long rounds) {
  thrum::chan<long> ping, pong;
  thrum::go([ping, pong] {
    for (long v : ping) pong.send(v);
  });
  long sum = 0;
  for (long i = 0; i < rounds; ++i) {
    ping.send(i & 1023);
    sum += *pong.recv();
  }
  ping.close();
  return sum;
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X4", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        b.measure("yield", 2, yield);
        b.measure("pingpong", 1, pingpong);
        return 0;
      },
      {.processors = b.processors()});
}
