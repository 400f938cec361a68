// error: thrum: chan<T> needs a plain object type
#include <thrum/chan.h>

int main() { const thrum::chan<int&> c; }
