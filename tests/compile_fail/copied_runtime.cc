// error: deleted
#include <thrum/runtime.h>

int main() {
  thrum::runtime one;
  thrum::runtime other = one;
}
