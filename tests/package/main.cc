// The smallest program that uses every kind of header: a fiber, a channel, a mutex, a socket type.
#include <thrum/net/tcp.h>
#include <thrum/thrum.h>

#include <cstdio>

int main() {
  return thrum::run([] {
    const thrum::chan<int> c;
    thrum::go([=] { c.send(42); });
    std::printf("%d\n", c.recv().value());
    return 0;
  });
}
