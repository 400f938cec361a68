// Python's Pool(4).map, and asyncio with a ProcessPoolExecutor: work in processes of its own, a loop that stays free, and a process
// that dies without taking anything else along.
#include <thrum/event_loop.h>
#include <thrum/process_pool.h>
#include <thrum/thrum.h>

#include <csignal>
#include <cstdio>
#include <vector>

using namespace std::chrono_literals;

// def cpu_work(x): return sum(i*i for i in range(x))
long cpu_work(long x) {
  long sum = 0;
  for (long i = 0; i < x; ++i) sum += i * i;
  return sum;
}

int main() {
  // with Pool(processes=4) as pool: results = pool.map(cpu_work, [10**6] * 4)
  thrum::process_pool pool({.processes = 4});
  for (const long result : pool.map(thrum::fn<&cpu_work>, std::vector<long>(4, 1'000'000)))
    std::printf("%ld\n", result);

  // result = await loop.run_in_executor(pool, cpu_work, data), while the loop goes on
  thrum::event_loop loop;
  thrum::loop_timer ticker;
  int ticks = 0;
  thrum::fiber<> flow;
  loop.run([&] {
    ticker = loop.set_interval(1ms, [&] { ++ticks; });
    flow = loop.spawn([&] {
      const long result = pool.submit(thrum::fn<&cpu_work>, 1'000L).get();
      while (ticks == 0) thrum::this_fiber::sleep_for(1ms);
      ticker.clear();
      std::printf("awaited: %ld\n", result);
    });
  });
  flow.join();

  // Where ProcessPoolExecutor would be broken for good, and Pool would wait for ever:
  thrum::future<void> crash = pool.submit([] { std::raise(SIGKILL); });
  thrum::future<long> other = pool.submit(thrum::fn<&cpu_work>, 10L);
  try {
    crash.get();
  } catch (const thrum::worker_died& e) { std::printf("%s\n", e.what()); }
  std::printf("the others go on: %ld\n", other.get());
}
