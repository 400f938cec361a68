// error: thrum: an address means nothing in another process: name the function, thrum::fn<&function>
#include <thrum/process_pool.h>

int square(int n) { return n * n; }
int main() {
  thrum::process_pool pool;
  auto squared = pool.submit(square, 1);
}
