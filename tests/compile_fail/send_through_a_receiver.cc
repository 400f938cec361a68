// error: no member named
#include <thrum/chan.h>

int main() {
  const thrum::chan<int> c;
  const thrum::receiver<int> in = c;
  in.send(1);
}
