// error: no matching
#include <thrum/future.h>

int main() {
  thrum::future<int> f = thrum::make_ready_future(1);
  auto g = f.then([](int n) { return n; });
}
