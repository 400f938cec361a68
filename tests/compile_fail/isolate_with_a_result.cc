// error: thrum: what an isolate runs returns nothing, or a task<>: results are posted
#include <thrum/isolate.h>

int main() {
  thrum::isolate<int, int> doubler([](thrum::isolate_port<int, int>& parent) { return 2 * *parent.recv(); });
}
