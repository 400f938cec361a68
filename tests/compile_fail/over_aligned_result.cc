// error: may be aligned to 64 bytes at most
#include <thrum/spawn.h>

struct alignas(128) wide {
  int value;
};

int main() {
  static_cast<void>(thrum::spawn([] { return wide{1}; }).join().value);
}
