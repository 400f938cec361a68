// error: thrum: nothing is known of this class
#include <thrum/isolate.h>

int main() {
  thrum::isolate<thrum::chan<int>, int> reader([](auto&) {});
}
