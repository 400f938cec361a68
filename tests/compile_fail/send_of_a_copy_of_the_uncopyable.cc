// error: unique_ptr
#include <thrum/chan.h>

#include <memory>

int main() {
  const thrum::chan<std::unique_ptr<int>> c(1);
  auto value = std::make_unique<int>(1);
  c.send(value); // std::move(value) would do
}
