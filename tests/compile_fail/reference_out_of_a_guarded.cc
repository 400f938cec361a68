// error: a reference that with() returned would outlive the lock
#include <thrum/guarded.h>

struct account {
  int balance = 0;
};

int main() {
  thrum::guarded<account> mine;
  mine.with([](account& a) -> int& { return a.balance; }) = 1;
}
