// Node's model: callbacks and promises on one event loop, in Node's order. Nothing here needs a lock, as one callback runs at a time.
#include <thrum/event_loop.h>
#include <thrum/future.h>
#include <thrum/future_all.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

using namespace std::chrono_literals;

thrum::event_loop loop;

// const fetchUser = id => new Promise(resolve => setTimeout(() => resolve(`user ${id}`), 10));
thrum::future<std::string> fetch_user(int id) {
  auto resolve = std::make_shared<thrum::promise<std::string>>();
  loop.set_timeout(10ms, [id, resolve] { resolve->set_value("user " + std::to_string(id)); });
  return resolve->get_future();
}

int main() {
  loop.run([] {
    loop.set_immediate([] {
      std::puts("an immediate");
      loop.set_timeout(1ms, [] { std::puts("a timer"); });
    });
    loop.queue_microtask([] { std::puts("a microtask"); });
    loop.next_tick([] { std::puts("a tick"); });
    std::puts("the main script");
  });

  // a chain of promises, with its error handling; and all of several
  loop.run([] {
    static_cast<void>(fetch_user(7)
                          .then([](const std::string& name) {
                            std::printf("%s\n", name.c_str());
                            if (name != "user 8") throw name;
                          })
                          .rescue<std::string>([](const std::string& name) {
                            std::printf("%s is not user 8\n", name.c_str());
                          }));
    std::vector<thrum::future<std::string>> several;
    for (const int id : {1, 2, 3}) several.push_back(fetch_user(id));
    static_cast<void>(thrum::all(std::move(several)).then([](const std::vector<std::string>& names) {
      for (const std::string& name : names) std::printf("%s\n", name.c_str());
    }));
  });

  // an interval that ends itself
  loop.run([] {
    static int left = 3;
    static thrum::loop_timer every;
    every = loop.set_interval(1ms, [] {
      std::printf("%d\n", left);
      if (--left == 0) every.clear();
    });
  });
}
