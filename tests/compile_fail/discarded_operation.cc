// warning: an operation does nothing until it is awaited
#include <thrum/task.h>

int main() {
  const thrum::chan<int> c(1);
  c.async_send(1);
}
