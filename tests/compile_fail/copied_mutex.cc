// error: deleted
#include <thrum/mutex.h>

int main() {
  thrum::mutex one;
  thrum::mutex other = one;
}
