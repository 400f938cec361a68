// error: a mutex belongs to the fiber that locks it, and a coroutine changes fibers
#include <thrum/operation.h>
#include <thrum/task.h>

thrum::task<std::size_t> locks(thrum::mutex& m) { co_return co_await thrum::async_select(thrum::lock(m)); }

int main() {
  thrum::mutex m;
  return static_cast<int>(thrum::await(locks(m)));
}
