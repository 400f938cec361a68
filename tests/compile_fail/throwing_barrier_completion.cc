// error: a barrier's completion function must be noexcept
#include <thrum/barrier.h>

int main() {
  thrum::barrier step(2, [] {});
}
