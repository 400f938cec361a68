// X3 in thrum: what it costs to start a fiber and to wait for it.
#include "kit/kit.h"

#include <thrum/thrum.h>

#include <vector>

namespace {

// Start one, wait for it, start the next.
long one_by_one(long rounds) {
  long done = 0;
  for (long i = 0; i < rounds; ++i) done += thrum::spawn([] { return 1L; }).join();
  return done;
}

// Start a thousand, then wait for all of them.
long thousand(long rounds) {
  long done = 0;
  for (long r = 0; r < rounds; ++r) {
    std::vector<thrum::fiber<long>> fibers;
    fibers.reserve(1000);
    for (int i = 0; i < 1000; ++i) fibers.push_back(thrum::spawn([] { return 1L; }));
    for (thrum::fiber<long>& f : fibers) done += f.join();
  }
  return done;
}

// A thousand fibers send one result each on one channel.
long fanout(long rounds) {
  long sum = 0;
  for (long r = 0; r < rounds; ++r) {
    thrum::chan<long> results(1000);
    for (long i = 0; i < 1000; ++i) thrum::go([results, i] { results.send(i); });
    for (long i = 0; i < 1000; ++i) sum += *results.recv();
  }
  return sum;
}

// Ten children each, down to the leaves; every one sends its sum to its parent.
void skynet(thrum::chan<long> parent, long num, long size) {
  if (size == 1) {
    parent.send(num);
    return;
  }
  thrum::chan<long> children;
  for (long i = 0; i < 10; ++i) thrum::go(skynet, children, num + i * (size / 10), size / 10);
  long sum = 0;
  for (int i = 0; i < 10; ++i) sum += *children.recv();
  parent.send(sum);
}

long actors(long rounds, long leaves) {
  long sum = 0;
  for (long r = 0; r < rounds; ++r) {
    thrum::chan<long> result;
    thrum::go(skynet, result, 0L, leaves);
    sum += *result.recv();
  }
  return sum;
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X3", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        b.measure("one", 1, one_by_one);
        b.measure("thousand", 1000, thousand);
        b.measure("fanout", 1000, fanout);
        const long leaves = b.quick() ? 100'000 : 1'000'000;
        b.measure("skynet", leaves, [leaves](long rounds) { return actors(rounds, leaves); });
        return 0;
      },
      {.processors = b.processors()});
}
