// Five philosophers, five forks: a fork is a mutex. A waiter lets four of them sit down at a time, so somebody can always eat.
#include <thrum/thrum.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <vector>

using namespace std::chrono_literals;

int main() {
  return thrum::run([] {
    constexpr int seats = 5;
    std::array<thrum::mutex, seats> forks;
    thrum::counting_semaphore<> waiter(seats - 1);
    std::vector<thrum::fiber<int>> philosophers;
    for (int i = 0; i < seats; ++i)
      philosophers.push_back(thrum::spawn([&, i] {
        int meals = 0;
        while (meals < 100) {
          waiter.acquire();
          {
            const std::scoped_lock left(forks[i]);
            const std::scoped_lock right(forks[(i + 1) % seats]);
            thrum::this_fiber::sleep_for(10us); // eating
            ++meals;
          }
          waiter.release();
        }
        return meals;
      }));
    int meals = 0;
    for (auto& p : philosophers) meals += p.join();
    std::printf("%d meals were eaten\n", meals);
    return 0;
  });
}
