// error: no member named
#include <thrum/chan.h>

int main() {
  const thrum::chan<int> c;
  const thrum::sender<int> out = c;
  static_cast<void>(out.recv());
}
