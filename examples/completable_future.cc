// Java's CompletableFuture sample: supplyAsync, thenApply, thenCompose, exceptionally; and allOf.
#include <thrum/future.h>
#include <thrum/future_all.h>
#include <thrum/thrum.h>

#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

struct user {
  int id = 0;
  std::string name{};
  std::vector<std::string> orders{};
};

// A look-up that takes its time. Plain code: it just waits.
user find_user(int id) {
  thrum::this_fiber::sleep_for(std::chrono::milliseconds(10));
  if (id < 0) throw std::runtime_error("no user has a negative number");
  return {.id = id, .name = "user " + std::to_string(id)};
}
user enrich(user u) {
  u.name += " (enriched)";
  return u;
}
thrum::future<user> fetch_orders(user u) {
  return thrum::async([u = std::move(u)]() mutable {
    u.orders = {"tea", "bread"};
    return std::move(u);
  });
}
user default_user(std::exception_ptr) { return {.name = "nobody"}; }

void print(const user& u) { std::printf("%s, %zu orders\n", u.name.c_str(), u.orders.size()); }

int main() {
  return thrum::run([] {
    for (const int id : {7, -7}) {
      thrum::future<user> found = thrum::async([id] { return find_user(id); }) // run async
                                      .then(enrich)                            // transform
                                      .then(fetch_orders)    // chain async: no future of a future
                                      .rescue(default_user); // error handling
      print(found.get());
    }

    // combining
    const auto fetch_user = [](int id) { return thrum::async([id] { return find_user(id); }); };
    auto [one, two, three] = thrum::all(fetch_user(1), fetch_user(2), fetch_user(3)).get();
    std::printf("%s, %s, %s\n", one.name.c_str(), two.name.c_str(), three.name.c_str());

    // on a named executor, and with a limit
    thrum::runtime other({.processors = 1, .name = "other"});
    const bool there =
        fetch_user(4)
            .then(other, [&other](const user&) { return &thrum::runtime::current() == &other; })
            .or_timeout(std::chrono::hours(1))
            .get();
    std::printf("the continuation ran %s\n", there ? "on the other runtime" : "elsewhere");
    return 0;
  });
}
