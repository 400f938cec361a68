// error: moving a T must not throw
#include <thrum/chan.h>

struct throwing {
  throwing(throwing&&) noexcept {}
  ~throwing() noexcept(false) {}
};

int main() { const thrum::chan<throwing> c; }
