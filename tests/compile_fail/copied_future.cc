// error: deleted
#include <thrum/future.h>

int main() {
  thrum::promise<int> p;
  thrum::future<int> one = p.get_future();
  thrum::future<int> other = one;
}
