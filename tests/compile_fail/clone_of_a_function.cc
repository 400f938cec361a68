// error: thrum: a std::function cannot be sent
#include <thrum/clone.h>

#include <functional>

int main() {
  const std::function<int()> f = [] { return 1; };
  return thrum::clone(f)();
}
