// ok
#include <thrum/thrum.h>

#include <memory>

int main() {
  return thrum::run([] {
    const thrum::chan<std::unique_ptr<int>> c(1);
    thrum::fiber<int> f = thrum::spawn([=] { return *c.recv().value(); });
    c.send(std::make_unique<int>(0));
    return f.join();
  });
}
