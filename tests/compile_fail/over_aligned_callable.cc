// error: may be aligned to 64 bytes at most
#include <thrum/go.h>

struct alignas(128) wide {
  void operator()() const {}
};

int main() { thrum::go(wide{}); }
