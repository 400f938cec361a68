// error: thrum: a raw pointer cannot be sent, as it means nothing elsewhere
#include <thrum/isolate.h>

int main() {
  thrum::isolate<int*, int> reader([](auto& parent) { parent.post(**parent.recv()); });
}
