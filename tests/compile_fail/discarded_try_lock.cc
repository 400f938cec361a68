// warning: try_lock
#include <thrum/mutex.h>

int main() {
  thrum::mutex m;
  m.try_lock();
}
