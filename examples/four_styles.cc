// One flow in four styles: callbacks, futures, a coroutine, a fiber. A user is looked up, then the orders; their prices are added up.
// Every step takes its time, and any may fail. The last style is the one to begin with; the others are there for code that
// has them already, and they all talk to each other.
#include <thrum/event_loop.h>
#include <thrum/future.h>
#include <thrum/task.h>
#include <thrum/thrum.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

struct user {
  int id;
  std::string name;
};
using prices = std::vector<int>;

// The store. Whoever asks it has waited before, in the way of the style.
user stored_user(int id) {
  if (id != 1) throw std::runtime_error("there is no user " + std::to_string(id));
  return {.id = id, .name = "Ada"};
}
prices stored_orders(const user& u) { return {u.id, 20, 21}; }
std::string sentence(const user& u, const prices& all) {
  return u.name + " has spent " + std::to_string(std::accumulate(all.begin(), all.end(), 0));
}

// ---- callbacks, as in Node: an error or a result. Each step is inside the one before, and each passes errors on by hand.
namespace callbacks {

thrum::event_loop loop;
using error = std::optional<std::string>;
template <class T> using done = std::function<void(const error&, const T&)>;

void find_user(int id, const done<user>& then) {
  loop.set_timeout(1ms, [id, then] {
    std::optional<user> found;
    try {
      found = stored_user(id);
    } catch (const std::exception& e) { return then(e.what(), {}); }
    then({}, *found);
  });
}
void find_orders(const user& u, const done<prices>& then) {
  loop.set_timeout(1ms, [u, then] { then({}, stored_orders(u)); });
}

void spent(int id, const done<std::string>& then) {
  find_user(id, [then](const error& no_user, const user& u) {
    if (no_user) return then(no_user, {});
    find_orders(u, [then, u](const error& no_orders, const prices& all) {
      if (no_orders) return then(no_orders, {});
      then({}, sentence(u, all));
    });
  });
}

void show(int id) {
  loop.run([id] {
    spent(id, [](const error& e, const std::string& said) {
      std::printf("callbacks: %s\n", e ? e->c_str() : said.c_str());
    });
  });
}

} // namespace callbacks

// ---- futures: a chain. Errors go past the steps by themselves; what two steps need is handed on.
namespace futures {

thrum::future<user> find_user(int id) {
  return thrum::async([id] {
    thrum::this_fiber::sleep_for(1ms);
    return stored_user(id);
  });
}
thrum::future<prices> find_orders(const user& u) {
  return thrum::async([u] {
    thrum::this_fiber::sleep_for(1ms);
    return stored_orders(u);
  });
}

thrum::future<std::string> spent(int id) {
  return find_user(id).then(
      [](const user& u) { return find_orders(u).then([u](const prices& all) { return sentence(u, all); }); });
}

void show(int id) {
  const std::string said =
      spent(id).rescue<std::exception>([](const std::exception& e) { return std::string(e.what()); }).get();
  std::printf("futures: %s\n", said.c_str());
}

} // namespace futures

// ---- a coroutine: the steps below each other, exceptions as ever; each wait is marked, and so is each function above it.
namespace coroutines {

thrum::task<user> find_user(int id) {
  co_await thrum::async_sleep_for(1ms);
  co_return stored_user(id);
}
thrum::task<prices> find_orders(user u) {
  co_await thrum::async_sleep_for(1ms);
  co_return stored_orders(u);
}

thrum::task<std::string> spent(int id) {
  const user u = co_await find_user(id);
  co_return sentence(u, co_await find_orders(u));
}

thrum::task<> show(int id) {
  try {
    std::printf("a coroutine: %s\n", (co_await spent(id)).c_str());
  } catch (const std::exception& e) { std::printf("a coroutine: %s\n", e.what()); }
}

} // namespace coroutines

// ---- a fiber: just code. Nothing in it says that it waits.
namespace fibers {

user find_user(int id) {
  thrum::this_fiber::sleep_for(1ms);
  return stored_user(id);
}
prices find_orders(const user& u) {
  thrum::this_fiber::sleep_for(1ms);
  return stored_orders(u);
}

std::string spent(int id) {
  const user u = find_user(id);
  return sentence(u, find_orders(u));
}

void show(int id) {
  try {
    std::printf("a fiber: %s\n", spent(id).c_str());
  } catch (const std::exception& e) { std::printf("a fiber: %s\n", e.what()); }
}

} // namespace fibers

int main() {
  return thrum::run([] {
    for (const int id : {1, 2}) {
      callbacks::show(id);
      futures::show(id);
      thrum::await(coroutines::show(id));
      fibers::show(id);
    }
    return 0;
  });
}
