// error: thrum: what is called in another process has no state: instead of capturing a value, pass it as an argument
#include <thrum/process_pool.h>

int main() {
  thrum::process_pool pool;
  const int factor = 2;
  auto doubled = pool.submit([factor](int n) { return factor * n; }, 1);
}
