// error: operator co_await
#include <thrum/task.h>

thrum::task<int> give() { co_return 1; }
thrum::task<int> twice() {
  auto t = give();
  co_return co_await t + co_await t; // a task is awaited once: co_await std::move(t)
}

int main() { return thrum::await(twice()); }
