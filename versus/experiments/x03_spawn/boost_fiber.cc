// X3 in Boost.Fiber: what it costs to start a fiber and to wait for it.
#include "kit/boost_fiber.h"

namespace {

// Start one, wait for it, start the next.
long one_by_one(long rounds) {
  long done = 0;
  for (long i = 0; i < rounds; ++i) kit::post([&done] { ++done; }).join();
  return done;
}

// Start a thousand, then wait for all of them.
long thousand(long rounds) {
  long done = 0;
  for (long r = 0; r < rounds; ++r) {
    std::vector<fibers::fiber> all;
    std::vector<int> results(1000);
    for (int& result : results) all.push_back(kit::post([&result] { result = 1; }));
    for (fibers::fiber& f : all) f.join();
    for (int v : results) done += v;
  }
  return done;
}

// A thousand fibers send one result each on one channel.
long fanout(long rounds) {
  long sum = 0;
  for (long r = 0; r < rounds; ++r) {
    fibers::buffered_channel<long> results(1024);
    std::vector<fibers::fiber> all;
    for (long i = 0; i < 1000; ++i) all.push_back(kit::post([&results, i] { results.push(i); }));
    for (long i = 0; i < 1000; ++i) sum += results.value_pop();
    for (fibers::fiber& f : all) f.join();
  }
  return sum;
}

// Ten children each, down to the leaves; every one hands its sum to its parent, which joins it.
long skynet(long num, long size) {
  if (size == 1) return num;
  long sums[10];
  fibers::fiber children[10];
  for (long i = 0; i < 10; ++i)
    children[i] =
        kit::dispatch([&sums, i, num, size] { sums[i] = skynet(num + i * (size / 10), size / 10); });
  long sum = 0;
  for (int i = 0; i < 10; ++i) {
    children[i].join();
    sum += sums[i];
  }
  return sum;
}

long actors(long rounds, long leaves) {
  long sum = 0;
  for (long r = 0; r < rounds; ++r) sum += skynet(0, leaves);
  return sum;
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X3", "boost_fiber", argc, argv);
  kit::run(b.processors(), [&b] {
    b.measure("one", 1, one_by_one);
    b.measure("thousand", 1000, thousand);
    b.measure("fanout", 1000, fanout);
    const long leaves = b.quick() ? 100'000 : 1'000'000;
    b.measure("skynet", leaves, [leaves](long rounds) { return actors(rounds, leaves); });
  });
}
