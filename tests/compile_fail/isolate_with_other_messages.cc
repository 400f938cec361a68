// error: thrum: what an isolate runs is called with its port
#include <thrum/isolate.h>

void twice(thrum::isolate_port<long, long>& parent) { parent.post(2 * *parent.recv()); }

int main() { thrum::isolate<int, int> doubler(&twice); }
