// error: thrum: what an isolate runs shares nothing, so it captures nothing: post the value to it
#include <thrum/isolate.h>

int main() {
  const int factor = 2;
  thrum::isolate<int, int> doubler([factor](auto& parent) { parent.post(factor * *parent.recv()); });
}
