// warning: a spawned fiber is joined by its handle; use go() to detach
#include <thrum/spawn.h>

int main() {
  thrum::spawn([] {});
}
