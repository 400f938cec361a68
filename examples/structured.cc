// Structured concurrency: what is started together ends together. (Java's StructuredTaskScope and its joiners.)
#include <thrum/join_all.h>
#include <thrum/thrum.h>

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

std::string find_user() {
  thrum::this_fiber::sleep_for(5ms);
  return "Ada";
}
int count_orders() {
  thrum::this_fiber::sleep_for(10ms);
  return 3;
}
int count_orders_of_a_stranger() {
  thrum::this_fiber::sleep_for(1ms);
  throw std::runtime_error("no such user");
}

int main() {
  return thrum::run([] {
    {
      thrum::task_group<> group({.name = "page"});
      auto user = group.spawn(find_user);
      auto orders = group.spawn(count_orders);
      group.join(); // waits for both; throws what the first that failed has thrown
      std::printf("%s has %d orders\n", user->c_str(), *orders);
    }
    try {
      thrum::task_group<> group;
      auto slow = group.spawn([] { thrum::this_fiber::sleep_for(1h); }); // is asked to stop, and does
      auto orders = group.spawn(count_orders_of_a_stranger);
      group.join();
    } catch (const std::runtime_error& e) { std::printf("failed: %s\n", e.what()); }
    try {
      thrum::with_timeout(5ms, [] {
        thrum::join_all([] { thrum::this_fiber::sleep_for(1h); }, [] { thrum::this_fiber::sleep_for(2h); });
      });
    } catch (const thrum::timed_out&) { std::puts("too slow; nothing runs on"); }
    {
      thrum::task_group<thrum::joiner::first_success<std::string>> mirrors;
      for (const auto delay : {1h, 0h, 2h})
        mirrors.spawn([delay] {
          thrum::this_fiber::sleep_for(delay + 1ms);
          return delay == 0h ? std::string("the near mirror") : std::string("a far one");
        });
      std::printf("fastest: %s\n", mirrors.join().c_str());
    }
    return 0;
  });
}
