// error: await_transform
#include <thrum/generator.h>
#include <thrum/task.h>

thrum::generator<int> wrong(thrum::chan<int> c) { co_yield *co_await c.async_recv(); }

int main() {
  for (int i : wrong(thrum::chan<int>())) return i;
}
