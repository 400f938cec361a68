// A pool of ten threads, work with a result, and one that waits for it: Java's ExecutorService, submit() and get().
#include <thrum/thread_pool.h>
#include <thrum/thrum.h>

#include <chrono>
#include <cstdio>
#include <vector>

using namespace std::chrono_literals;

int square(int n) {
  thrum::this_fiber::sleep_for(10ms); // blocks its thread of the pool
  return n * n;
}

int main() {
  thrum::thread_pool pool({.threads = 10, .name = "squares"});

  // On a plain thread join() blocks.
  thrum::fiber<int> first = pool.spawn([] { return square(6); });
  std::printf("a thread got %d\n", first.join());

  // In a fiber it parks: one processor is enough to wait for everything.
  thrum::run(
      [&] {
        std::vector<thrum::fiber<int>> all;
        for (int n = 1; n <= 20; ++n) all.push_back(pool.spawn([n] { return square(n); }));
        int sum = 0;
        for (auto& one : all) sum += one.join();
        std::printf("a fiber got %d\n", sum);
      },
      {.processors = 1});

  pool.shutdown(); // the destructor would do it, too, and wait
  try {
    pool.execute([] { std::puts("never"); });
  } catch (const thrum::rejected& e) { std::printf("%s\n", e.what()); }
}
