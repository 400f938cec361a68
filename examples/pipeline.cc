// A pipeline: numbers are made, squared by three fibers at once, and added up. Each stage closes what it sends to.
#include <thrum/thrum.h>

#include <cstdio>

using thrum::chan, thrum::receiver, thrum::wait_group;

receiver<long> numbers(long n) {
  chan<long> out;
  thrum::go([=] {
    for (long i = 1; i <= n; ++i) out.send(i);
    out.close();
  });
  return out;
}

receiver<long> squares(receiver<long> in, int at_once) {
  chan<long> out(16);
  thrum::go([=] {
    wait_group stage;
    for (int i = 0; i < at_once; ++i)
      stage.go([=] {
        for (long n : in) out.send(n * n);
      });
    stage.wait();
    out.close();
  });
  return out;
}

int main() {
  return thrum::run([] {
    long sum = 0;
    for (long square : squares(numbers(1'000), 3)) sum += square;
    std::printf("the squares of 1 to 1000 add up to %ld\n", sum);
    return 0;
  });
}
