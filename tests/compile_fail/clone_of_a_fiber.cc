// error: thrum: nothing is known of this class
#include <thrum/clone.h>
#include <thrum/thrum.h>

int main() {
  const thrum::fiber<int> f = thrum::spawn([] { return 1; });
  return thrum::clone(f).join();
}
