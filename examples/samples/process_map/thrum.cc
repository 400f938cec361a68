// Four computations in four processes, and then one whose result a fiber waits for while others go on.
#include <thrum/process_pool.h>
#include <thrum/thrum.h>

#include <cstdio>
#include <vector>

long cpu_work(long x) {
  long sum = 0;
  for (long i = 0; i < x; ++i) sum += i * i;
  return sum;
}

int main() {
  thrum::process_pool pool({.processes = 4});
  for (const long result : pool.map(thrum::fn<&cpu_work>, std::vector<long>(4, 1'000'000)))
    std::printf("%ld\n", result);
  thrum::run([&] { std::printf("awaited: %ld\n", pool.submit(thrum::fn<&cpu_work>, 1'000L).get()); });
}
