// warning: recv
#include <thrum/chan.h>

int main() {
  const thrum::chan<int> c;
  c.recv();
}
