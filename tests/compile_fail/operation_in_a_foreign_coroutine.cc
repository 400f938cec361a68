// error: operations, tasks and async_generators are awaited in a thrum::task
#include <thrum/task.h>

struct foreign {
  struct promise_type {
    foreign get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
};

foreign receive(thrum::chan<int> c) { co_await c.async_recv(); }

int main() { receive(thrum::chan<int>()); }
