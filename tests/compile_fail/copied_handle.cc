// error: deleted
#include <thrum/spawn.h>

int main() {
  thrum::fiber<int> one = thrum::spawn([] { return 1; });
  thrum::fiber<int> other = one;
}
