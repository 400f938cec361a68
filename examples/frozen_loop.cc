// A computation of 300 ms on an event loop, and beside it. In a callback it stops everything else on the loop for as long; given to a
// fiber it stops nothing. The ticker here is to tick every millisecond; how late the loop was goes to standard error.
#include <thrum/event_loop.h>
#include <thrum/future.h>
#include <thrum/thrum.h>

#include <atomic>
#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;

std::atomic<int> ticks{0};

// 300 ms without a wait or a call of thrum; longer, until so many ticks have come meanwhile, on a machine that is busy with other
// things. Returns how many came.
int heavy(int at_least) {
  const auto start = std::chrono::steady_clock::now();
  const int before = ticks;
  for (unsigned x = 1;;) {
    for (int i = 0; i < 1000; ++i) x ^= x << 13, x ^= x >> 17, x ^= x << 5;
    const auto took = std::chrono::steady_clock::now() - start;
    if (x == 0 || took > 30s || (took > 300ms && ticks - before >= at_least)) return ticks - before;
  }
}

// A loop with a ticker. work(loop, end) sees to it that end(n) is called on the loop: n ticks came while it computed.
void show(const char* where, auto work) {
  thrum::event_loop loop;
  thrum::loop_timer ticker;
  loop.run([&] {
    ticker = loop.set_interval(1ms, [] { ++ticks; });
    loop.set_timeout(10ms, [&] {
      loop.reset_lag();
      work(loop, [&](int n) {
        std::printf("%s: the ticker %s while it computed\n", where, n > 0 ? "went on" : "stood still");
        std::fprintf(stderr, "%s: %d ticks meanwhile\n", where, n);
        loop.set_timeout(5ms, [&] { ticker.clear(); });
      });
    });
  });
  const auto ms = [](std::chrono::nanoseconds t) {
    return std::chrono::duration<double, std::milli>(t).count();
  };
  std::fprintf(stderr, "%s: the loop was late by %.2f ms at most, half of the time by %.2f ms\n", where,
               ms(loop.lag().max), ms(loop.lag().p50));
}

int main() {
  return thrum::run([] {
    show("in a callback", [](thrum::event_loop&, auto end) { end(heavy(0)); });
    show("in a fiber", [](thrum::event_loop& loop, auto end) {
      // async(f) alone would run on the executor of its caller: the loop. The token keeps the loop running until the result is there.
      static_cast<void>(thrum::async(thrum::runtime::current(), [] {
                          return heavy(50);
                        }).then(loop, [end, until_then = loop.keep()](int n) { end(n); }));
    });
    return 0;
  });
}
