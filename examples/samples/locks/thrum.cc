// Three ways to count safely: a lock for a block, a lock that is tried for a while, and an atomic.
#include <thrum/thrum.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>

int main() {
  return thrum::run([] {
    thrum::mutex lock;
    thrum::recursive_mutex reentrant;
    int guarded = 0, tried = 0;
    std::atomic<int> counter = 0;

    thrum::wait_group four;
    for (int i = 0; i < 4; ++i)
      four.go([&] {
        for (int n = 0; n < 1'000; ++n) {
          {
            const std::lock_guard hold(lock);
            guarded++;
          }
          while (!reentrant.try_lock_for(std::chrono::milliseconds(100))) {}
          {
            const std::lock_guard hold(reentrant, std::adopt_lock);
            tried++;
          }
          counter++;
        }
      });
    four.wait();
    std::printf("%d %d %d\n", guarded, tried, counter.load());
    return 0;
  });
}
