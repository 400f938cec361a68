// error: no matching function
#include <thrum/future_all.h>

int main() {
  std::vector<thrum::future<int>> several;
  auto f = thrum::all(several);
}
