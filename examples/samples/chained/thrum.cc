// A chain of asynchronous steps with one handler for its errors, and three that are waited for together.
#include <thrum/future.h>
#include <thrum/future_all.h>
#include <thrum/thrum.h>

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>

struct user {
  int id = 0;
  std::string name{};
  int orders = 0;
};

user fetch_user(int id) {
  thrum::this_fiber::sleep_for(std::chrono::milliseconds(10));
  if (id < 0) throw std::runtime_error("no user has a negative number");
  return {.id = id, .name = "user " + std::to_string(id)};
}
user enrich_user(user u) {
  u.name += " (enriched)";
  return u;
}
thrum::future<user> fetch_orders(user u) {
  return thrum::async([u] { return user{u.id, u.name, 2}; });
}
user default_user(std::exception_ptr) { return {.name = "nobody"}; }

int main() {
  return thrum::run([] {
    for (const int id : {7, -7}) {
      thrum::future<user> found = thrum::async([id] { return fetch_user(id); }) // run async
                                      .then(enrich_user)                        // transform
                                      .then(fetch_orders)                       // chain async
                                      .rescue(default_user);                    // error handling
      const user u = found.get();
      std::printf("%s, %d orders\n", u.name.c_str(), u.orders);
    }
    // combining
    const auto one = [](int id) { return thrum::async([id] { return fetch_user(id); }); };
    auto [a, b, c] = thrum::all(one(1), one(2), one(3)).get();
    std::printf("%s, %s, %s\n", a.name.c_str(), b.name.c_str(), c.name.c_str());
    return 0;
  });
}
