// A report of what a shop sells, six calls deep. The price of an item comes from a server that takes 1 ms.
#pragma once

#include <boost/fiber/operations.hpp>

#include <chrono>

namespace after {

inline long price(long item) {
  boost::this_fiber::sleep_for(std::chrono::milliseconds(1));
  const long margin = item % 10;
  return 100 + margin;
}

inline long line(long id) {
  const long first = price(2 * id), second = price(2 * id + 1);
  return 2 * first + second;
}

inline long basket(long id) {
  const long first = line(2 * id), second = line(2 * id + 1);
  return first + second + 49;
}

inline long customer(long id) {
  const long first = basket(2 * id), second = basket(2 * id + 1);
  return first + second;
}

inline long region(long id) {
  const long first = customer(2 * id), second = customer(2 * id + 1);
  return first + second;
}

inline long report(long id) {
  const long first = region(2 * id), second = region(2 * id + 1);
  return first + second;
}

} // namespace after
