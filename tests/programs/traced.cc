// A program that knows nothing of traces: two fibers that talk to each other, and one that ends. behaviour/trace_test.cc runs
// it with THRUM_TRACE.
#include <thrum/thrum.h>

#include <cstdio>

int main() {
  return thrum::run(
      [] {
        const thrum::chan<int> c;
        thrum::go({.name = "speaker"}, [c] {
          for (int i = 0; i < 100; ++i) c.send(i);
          c.close();
        });
        int heard = 0;
        for ([[maybe_unused]] const int i : c) ++heard;
        thrum::spawn({.name = "a \"name\"\n"}, [] {
          thrum::this_fiber::sleep_for(std::chrono::milliseconds(1));
        }).join();
        std::printf("%d\n", heard);
        return 0;
      },
      {.processors = 2});
}
