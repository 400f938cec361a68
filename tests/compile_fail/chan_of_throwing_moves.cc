// error: moving a T must not throw
#include <thrum/chan.h>

struct throwing {
  throwing(throwing&&) {} // not noexcept
};

int main() { const thrum::chan<throwing> c; }
