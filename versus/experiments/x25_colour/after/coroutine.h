// A report of what a shop sells, six calls deep. The price of an item comes from a server that takes 1 ms.
#pragma once

#include "task.h"

#include <chrono>

namespace coroutines {

inline task<long> price(long item) {
  co_await sleep_for(std::chrono::milliseconds(1));
  const long margin = item % 10;
  co_return 100 + margin;
}

inline task<long> line(long id) {
  const long first = co_await price(2 * id), second = co_await price(2 * id + 1);
  co_return 2 * first + second;
}

inline task<long> basket(long id) {
  const long first = co_await line(2 * id), second = co_await line(2 * id + 1);
  co_return first + second + 49;
}

inline task<long> customer(long id) {
  const long first = co_await basket(2 * id), second = co_await basket(2 * id + 1);
  co_return first + second;
}

inline task<long> region(long id) {
  const long first = co_await customer(2 * id), second = co_await customer(2 * id + 1);
  co_return first + second;
}

inline task<long> report(long id) {
  const long first = co_await region(2 * id), second = co_await region(2 * id + 1);
  co_return first + second;
}

} // namespace coroutines
