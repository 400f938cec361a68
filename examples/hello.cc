// Ten thousand fibers, one channel, plain blocking code.
#include <thrum/thrum.h>

#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;

int fetch(int id) {
  thrum::this_fiber::sleep_for(100ms); // a database, a disk, a network: the fiber waits, no thread does
  return id * 2;
}

int main() {
  return thrum::run([] {
    thrum::chan<int> results;
    for (int id = 1; id <= 10'000; ++id) thrum::go([=] { results.send(fetch(id)); });
    long sum = 0;
    for (int i = 0; i < 10'000; ++i) sum += *results.recv();
    std::printf("10,000 waits of 100 ms, all at once; the sum is %ld\n", sum);
    return 0;
  });
}
