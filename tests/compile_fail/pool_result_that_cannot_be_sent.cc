// error: thrum: a raw pointer cannot be sent
#include <thrum/process_pool.h>

int main() {
  thrum::process_pool pool;
  auto pointer = pool.submit([](int n) { return new int(n); }, 1);
}
